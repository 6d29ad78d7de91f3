package cmd

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setting is an option that the environment or the configuration file sets.
type setting struct {
	command, option string
	words           []string
	source          string // the variable, or the file
}

// envNames are the variables of an option: that of the command, which counts first, and that of all commands that have it.
func envNames(command, option string) []string {
	clean := strings.NewReplacer(" ", "_", "-", "_")
	general := "IMGSEARCH_" + strings.ToUpper(clean.Replace(option))
	if command == "" {
		return []string{general}
	}
	return []string{"IMGSEARCH_" + strings.ToUpper(clean.Replace(command+"_"+option)), general}
}

// ownEnv are the options whose variables are read where they are needed, with the reasons that hold there.
var ownEnv = []string{"index", "ort-lib", "provider"}

// yields are options that are left as they are where one of these stands on the command line, which contradicts them.
var yields = map[string][]string{
	"format":   {"json", "null", "queries"},
	"preview":  {"format", "json", "null", "queries", "all-paths"},
	"provider": {"cpu"},
	"cpu":      {"provider"},
	"copy-to":  {"link-to"},
	"link-to":  {"copy-to"},
	"quiet":    {"verbose"},
}

// commandName is a command's name without the program's: "models pull"; "" for the program itself.
func commandName(c *cobra.Command) string {
	return strings.TrimSpace(strings.TrimPrefix(c.CommandPath(), c.Root().Name()))
}

// isOption tells an option that may be set from one that makes no sense but on the command line.
func isOption(f *pflag.Flag) bool { return !f.Hidden && f.Name != "help" && f.Name != "version" }

// settings finds what is set of a command's options that do not stand on the command line.
func settings(c *cobra.Command, config configFile) (list []setting) {
	command := commandName(c)
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed || !isOption(f) || slices.ContainsFunc(yields[f.Name], c.Flags().Changed) {
			return
		}
		owner := command
		if c.Root().PersistentFlags().Lookup(f.Name) == f {
			owner = ""
		}
		for i, name := range envNames(owner, f.Name) {
			value, ok := os.LookupEnv(name)
			if !ok || value == "" {
				continue
			}
			if slices.Contains(ownEnv, f.Name) && (i == 1 || owner == "") {
				return
			}
			words := []string{value}
			if _, many := f.Value.(pflag.SliceValue); many {
				words = strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == ',' && f.Value.Type() == "stringSlice" })
			}
			list = append(list, setting{owner, f.Name, words, name})
			return
		}
		for _, table := range slices.Compact([]string{command, owner}) {
			if words, ok := config.values[table][f.Name]; ok {
				list = append(list, setting{table, f.Name, words, config.path})
				return
			}
		}
	})
	return list
}

// applySettings sets a command's options from the environment and the configuration file. The command line counts first, then the
// environment, then the file.
func (a *App) applySettings(c *cobra.Command) error {
	config, err := readConfig()
	if err != nil {
		return err
	}
	for _, s := range settings(c, config) {
		if err := set(c.Flags().Lookup(s.option), s.words); err != nil {
			return usageError("`imgsearch config show` lists what is set", "%s: --%s %s: %w", escapePath(s.source), s.option, strings.Join(s.words, ", "), err)
		}
		c.Flags().Lookup(s.option).Changed = true
	}
	for _, unknown := range unknownSettings(c.Root(), config) {
		a.warnf("configuration %s: %s", escapePath(config.path), unknown)
	}
	return nil
}

// set gives a flag its value.
func set(f *pflag.Flag, words []string) error {
	if many, ok := f.Value.(pflag.SliceValue); ok {
		return many.Replace(words)
	}
	if len(words) != 1 {
		return fmt.Errorf("it takes one value")
	}
	return f.Value.Set(words[0])
}

// unknownSettings are what stands in the file and means nothing. A file may be newer than the program: it is told, and that is all.
func unknownSettings(root *cobra.Command, config configFile) (list []string) {
	for command, options := range config.values {
		c := findCommand(root, command)
		if c == nil {
			list = append(list, fmt.Sprintf("there is no command [%s]", strings.ReplaceAll(command, " ", ".")))
			continue
		}
		for option := range options {
			f := c.Flags().Lookup(option)
			if command == "" {
				f = root.PersistentFlags().Lookup(option)
			}
			if f == nil {
				f = c.InheritedFlags().Lookup(option)
			}
			if f == nil || !isOption(f) {
				list = append(list, fmt.Sprintf("%s has no option %s", commandTitle(command), option))
			}
		}
	}
	slices.Sort(list)
	return list
}

func commandTitle(command string) string {
	if command == "" {
		return "not every command"
	}
	return "[" + strings.ReplaceAll(command, " ", ".") + "]"
}

// findCommand finds a command by its name; nil: there is none.
func findCommand(root *cobra.Command, name string) *cobra.Command {
	at := root
	for _, word := range strings.Fields(name) {
		i := slices.IndexFunc(at.Commands(), func(c *cobra.Command) bool { return c.Name() == word })
		if i < 0 {
			return nil
		}
		at = at.Commands()[i]
	}
	return at
}
