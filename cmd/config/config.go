// Package config is the command that shows and edits the configuration file. It must not know what the options do.
package config

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the command. fresh returns a separate program, for trying the settings of the file.
func New(p *cli.Program, fresh func() *cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Manage the configuration file",
		Long: `Set options once, in a TOML file. Options have the same names as on the command line, in a table for each command:

  [all]
  index = "/home/me/photos.db"       # an option that all commands have

  [index]
  exclude = ["*.png", "/scans/"]
  keep-previews = true

  [search]
  top = 20
  preview = "auto"

You can also set options in the environment: IMGSEARCH_TOP=20, or IMGSEARCH_SEARCH_TOP=20 for one command only. The command
line takes precedence, then the environment, then the file. A list replaces the one with lower precedence.

EXIT STATUS
  0 done; 1 failed; 2 usage error`,
		Args: cli.UnknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		&cobra.Command{
			Use: "path", Short: "Print the path of the configuration file", Args: cli.NoArgs,
			RunE: func(*cobra.Command, []string) error { return printPath(p) },
		},
		&cobra.Command{
			Use: "show", Short: "List the options that are set, and where", Args: cli.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return show(p, c.Root()) },
		},
		&cobra.Command{
			Use: "edit", Short: "Open the configuration file in your editor (VISUAL, EDITOR)", Args: cli.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return edit(p, c.Root(), fresh()) },
		},
	)
	return c
}

// needPath returns cli.ConfigPath, or a usage error.
func needPath() (string, error) {
	path, err := cli.ConfigPath()
	if err != nil {
		return "", cli.Usage("set HOME, or IMGSEARCH_CONFIG to a file", "find the configuration: %w", err)
	}
	return path, nil
}

func printPath(p *cli.Program) error {
	path, err := needPath()
	if err != nil {
		return err
	}
	if p.JSON {
		_, err := os.Stat(path)
		return cli.PrintJSON(p.Out, map[string]any{"schema": wire.Schema, "path": path, "exists": err == nil})
	}
	_, err = fmt.Fprintln(p.Out, words.Path(path))
	return err
}

// settingJSON is a setting in the machine format.
type settingJSON struct {
	Command string   `json:"command"`
	Option  string   `json:"option"`
	Values  []string `json:"values"`
	Source  string   `json:"source"`
}

func show(p *cli.Program, root *cobra.Command) error {
	config, err := cli.ReadConfig()
	if err != nil {
		return err
	}
	var list []cli.Setting
	seen := make(map[string]bool)
	cli.EachCommand(root, func(c *cobra.Command) {
		c.InheritedFlags() // so that they are among its own
		for _, s := range cli.Settings(c, config, false) {
			if s.Option == "index" { // without a password
				for i, name := range s.Words {
					s.Words[i] = app.Index{Path: name}.Location()
				}
			}
			if key := s.Command + " --" + s.Option; !seen[key] {
				seen[key] = true
				list = append(list, s)
			}
		}
	})
	slices.SortStableFunc(list, func(x, y cli.Setting) int {
		return cmp.Or(cmp.Compare(x.Command, y.Command), cmp.Compare(x.Option, y.Option))
	})
	unknown := cli.UnknownSettings(root, config)
	if p.JSON {
		out := struct {
			Schema   int           `json:"schema"`
			Path     string        `json:"path"`
			Exists   bool          `json:"exists"`
			Settings []settingJSON `json:"settings"`
			Unknown  []string      `json:"unknown"`
		}{wire.Schema, config.Path, config.Exists, []settingJSON{}, append([]string{}, unknown...)}
		for _, s := range list {
			out.Settings = append(out.Settings, settingJSON{s.Command, s.Option, s.Words, s.Source})
		}
		return cli.PrintJSON(p.Out, out)
	}
	for _, text := range unknown {
		p.Warnf("configuration %s: %s", words.Path(config.Path), text)
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(p.Out, "%-12s --%s %s  (%s)\n", words.Path(cmp.Or(s.Command, cli.AllCommands)), words.Path(s.Option), words.Path(strings.Join(s.Words, ", ")), words.Path(s.Source)); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		p.Notef("no options are set; edit %s with `imgsearch config edit`", words.Path(config.Path))
	}
	return nil
}

// edit opens the file in the user's editor. If there is no file, it first creates one with all options, commented out.
func edit(p *cli.Program, root, fresh *cobra.Command) error {
	path, err := needPath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := atomicfile.Write(path, Template(root)); err != nil {
			return cli.Usage("set IMGSEARCH_CONFIG to another file", "create %s: %w", words.Path(path), fserr.Cause(err))
		}
	}
	command := cmp.Or(strings.TrimSpace(os.Getenv("VISUAL")), strings.TrimSpace(os.Getenv("EDITOR")), defaultEditor())
	editor := editorCommand(command, path)
	editor.Stdin, editor.Stdout, editor.Stderr = p.In, p.Out, p.Err
	p.LeaveToChild() // Ctrl-C is for the editor
	if err := editor.Run(); err != nil {
		return cli.Usage("set EDITOR to your editor, or open "+words.Path(path)+" yourself", "%s: %w", command, err)
	}
	config, err := cli.ReadConfig()
	if err != nil {
		return err
	}
	if err := CheckValues(fresh, config); err != nil {
		return err
	}
	for _, unknown := range cli.UnknownSettings(root, config) {
		p.Warnf("configuration %s: %s", words.Path(path), unknown)
	}
	return nil
}

// editorCommand returns the command that runs the editor. The shell parses it, since EDITOR may have arguments and quotes.
func editorCommand(command, path string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		words := strings.Fields(command)
		return exec.Command(words[0], append(words[1:], path)...) //nolint:gosec,noctx // the user's own editor
	}
	return exec.Command("sh", "-c", command+` "$@"`, "sh", path) //nolint:gosec,noctx // the user's own editor
}

// CheckValues applies every value of a file to a separate program and returns the first error.
func CheckValues(fresh *cobra.Command, config cli.ConfigFile) error {
	var failed error
	cli.EachCommand(fresh, func(c *cobra.Command) {
		c.InheritedFlags() // so that they are among its own
		for _, s := range cli.Settings(c, config, false) {
			if err := s.Apply(c); err != nil && failed == nil {
				failed = err
			}
		}
	})
	return failed
}

func defaultEditor() string {
	if runtime.GOOS == "windows" {
		return "notepad"
	}
	return "vi"
}

// Template returns a configuration file with all options commented out, each with its description.
func Template(root *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Options for imgsearch. To set an option, remove the # before it; `imgsearch config show` lists the options that are set.\n")
	fmt.Fprintf(&b, "# A path may begin with ~/. The command line takes precedence, then the environment, then this file.\n")
	cli.EachCommand(root, func(c *cobra.Command) {
		name := cli.CommandName(c)
		flags := c.LocalNonPersistentFlags()
		if name == "" {
			flags = c.PersistentFlags()
		}
		heading := false
		flags.VisitAll(func(f *pflag.Flag) {
			if !cli.IsOption(f) || !cli.TakesSettings(c) {
				return
			}
			if !heading {
				heading = true
				fmt.Fprintf(&b, "\n[%s]\n", cmp.Or(strings.ReplaceAll(name, " ", "."), cli.AllCommands))
			}
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "# %s\n# %s = %s\n", usage, f.Name, exampleValue(f))
		})
	})
	return b.Bytes()
}

// exampleValue returns a flag's default as TOML.
func exampleValue(f *pflag.Flag) string {
	if _, many := f.Value.(pflag.SliceValue); many {
		return "[]"
	}
	switch f.Value.Type() {
	case "bool", "int", "int64", "float64":
		return f.DefValue
	}
	var b bytes.Buffer
	if err := toml.NewEncoder(&b).Encode(map[string]string{"v": f.DefValue}); err != nil {
		return `""`
	}
	line, _ := bufio.NewReader(&b).ReadString('\n')
	return strings.TrimSpace(strings.TrimPrefix(line, "v ="))
}
