package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// NoArgs rejects all arguments.
func NoArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return Usage(fmt.Sprintf("see `%s --help`", c.CommandPath()), "unexpected argument %q", args[0])
	}
	return nil
}

// UnknownCommand rejects an unknown command and suggests similar ones.
func UnknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`imgsearch --help` lists the commands"
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean `imgsearch %s`?", strings.Join(near, "` or `imgsearch "))
	}
	return Usage(hint, "unknown command %q", args[0])
}

// UnknownSubcommand rejects an unknown subcommand.
func UnknownSubcommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return Usage(fmt.Sprintf("`%s --help` lists its commands", c.CommandPath()), "unknown command %q for %q", args[0], c.CommandPath())
}

// CheckArgs turns errors about arguments into usage errors with a hint, for a command and its subcommands.
func CheckArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			err := check(c, args)
			if _, coded := errors.AsType[*Error](err); err == nil || coded {
				return err
			}
			hint := fmt.Sprintf("usage: `%s`; see `%s --help`", strings.TrimSuffix(c.UseLine(), " [flags]"), c.CommandPath())
			if len(args) == 0 {
				return Usage(hint, "missing argument")
			}
			return Usage(hint, "wrong number of arguments for %s: %d", CommandName(c), len(args))
		}
	}
	for _, sub := range c.Commands() {
		CheckArgs(sub)
	}
}

// EachCommand calls do for a command and all its subcommands that are neither hidden nor deprecated.
func EachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			EachCommand(sub, do)
		}
	}
}
