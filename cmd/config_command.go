package cmd

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

	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/wholefile"
)

func newConfigCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Set options once, in a file",
		Long: `Every option can be set in a file in TOML, called as on the command line, in a table for each command:

  [all]
  index = "/home/me/photos.db"       # an option of all commands

  [index]
  exclude = ["*.png", "/scans/"]
  keep-previews = true

  [search]
  top = 20
  preview = "auto"

and by the environment: IMGSEARCH_TOP=20, or IMGSEARCH_SEARCH_TOP=20 for one command only. The command line counts first, then
the environment, then the file. A list replaces the file's.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage`,
		Args: unknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		&cobra.Command{
			Use: "path", Short: "Print where the file is, or would be", Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return app.printConfigPath() },
		},
		&cobra.Command{
			Use: "show", Short: "Print what is set, and where", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error { return app.showConfig(c.Root()) },
		},
		&cobra.Command{
			Use: "edit", Short: "Open the file in your editor (VISUAL, EDITOR)", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error { return app.editConfig(c) },
		},
	)
	return c
}

// needConfigPath is configPath, where there must be one.
func needConfigPath() (string, error) {
	path, err := configPath()
	if err != nil {
		return "", usageError("set HOME, or IMGSEARCH_CONFIG to a file", "find the configuration: %w", err)
	}
	return path, nil
}

func (a *App) printConfigPath() error {
	path, err := needConfigPath()
	if err != nil {
		return err
	}
	if a.json {
		_, err := os.Stat(path)
		return printJSON(a.streams.Out, map[string]any{"schema": schemaVersion, "path": path, "exists": err == nil})
	}
	_, err = fmt.Fprintln(a.streams.Out, escapePath(path))
	return err
}

// settingJSON is a setting in the machine format.
type settingJSON struct {
	Command string   `json:"command"`
	Option  string   `json:"option"`
	Values  []string `json:"values"`
	Source  string   `json:"source"`
}

func (a *App) showConfig(root *cobra.Command) error {
	config, err := readConfig()
	if err != nil {
		return err
	}
	var list []setting
	seen := make(map[string]bool)
	eachCommand(root, func(c *cobra.Command) {
		c.InheritedFlags() // so that they are among its own
		for _, s := range settings(c, config, false) {
			if key := s.command + " --" + s.option; !seen[key] {
				seen[key] = true
				list = append(list, s)
			}
		}
	})
	slices.SortStableFunc(list, func(x, y setting) int {
		return cmp.Or(cmp.Compare(x.command, y.command), cmp.Compare(x.option, y.option))
	})
	unknown := unknownSettings(root, config)
	if a.json {
		out := struct {
			Schema   int           `json:"schema"`
			Path     string        `json:"path"`
			Exists   bool          `json:"exists"`
			Settings []settingJSON `json:"settings"`
			Unknown  []string      `json:"unknown"`
		}{schemaVersion, config.path, config.exists, []settingJSON{}, append([]string{}, unknown...)}
		for _, s := range list {
			out.Settings = append(out.Settings, settingJSON{s.command, s.option, s.words, s.source})
		}
		return printJSON(a.streams.Out, out)
	}
	for _, text := range unknown {
		a.warnf("configuration %s: %s", escapePath(config.path), text)
	}
	for _, s := range list {
		if _, err := fmt.Fprintf(a.streams.Out, "%-12s --%s %s  (%s)\n", s.command, s.option, strings.Join(s.words, ", "), escapePath(s.source)); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		a.notef("nothing is set; `imgsearch config edit` opens %s", escapePath(config.path))
	}
	return nil
}

// eachCommand calls do for a command and all below it that people use.
func eachCommand(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			eachCommand(sub, do)
		}
	}
}

// editConfig opens the file in the user's editor; one that is not there yet begins with all options, commented out.
func (a *App) editConfig(c *cobra.Command) error {
	path, err := needConfigPath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := wholefile.Write(path, configTemplate(c.Root())); err != nil {
			return usageError("give another with IMGSEARCH_CONFIG", "make %s: %w", escapePath(path), fserr.Cause(err))
		}
	}
	command := cmp.Or(strings.TrimSpace(os.Getenv("VISUAL")), strings.TrimSpace(os.Getenv("EDITOR")), defaultEditor())
	editor := editorCommand(command, path)
	editor.Stdin, editor.Stdout, editor.Stderr = a.streams.In, a.streams.Out, a.streams.Err
	a.interrupts.leaveToChild() // Ctrl-C means the editor
	if err := editor.Run(); err != nil {
		return usageError("set EDITOR to your editor, or open "+escapePath(path)+" yourself", "%s: %w", command, err)
	}
	config, err := readConfig()
	if err != nil {
		return err
	}
	if err := checkValues(config); err != nil {
		return err
	}
	for _, unknown := range unknownSettings(c.Root(), config) {
		a.warnf("configuration %s: %s", escapePath(path), unknown)
	}
	return nil
}

// editorCommand is the editor as the shell understands EDITOR, which may have arguments and quotes.
func editorCommand(command, path string) *exec.Cmd {
	if runtime.GOOS == "windows" {
		words := strings.Fields(command)
		return exec.Command(words[0], append(words[1:], path)...) //nolint:gosec,noctx // the user's own editor
	}
	return exec.Command("sh", "-c", command+` "$@"`, "sh", path) //nolint:gosec,noctx // the user's own editor
}

// checkValues tries every value of the file.
func checkValues(config configFile) error {
	root := newRootCommand(new(App))
	var failed error
	eachCommand(root, func(c *cobra.Command) {
		c.InheritedFlags() // so that they are among its own
		for _, s := range settings(c, config, false) {
			if err := set(c.Flags().Lookup(s.option), s.words); err != nil && failed == nil {
				failed = settingError(s, err)
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

// configTemplate is a file with all options, commented out, with what they are.
func configTemplate(root *cobra.Command) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Options of imgsearch. Remove the # before what you want to set; `imgsearch config show` tells what is set.\n")
	fmt.Fprintf(&b, "# A path may begin with ~/. The command line counts first, then the environment, then this file.\n")
	eachCommand(root, func(c *cobra.Command) {
		name := commandName(c)
		flags := c.LocalNonPersistentFlags()
		if name == "" {
			flags = c.PersistentFlags()
		}
		heading := false
		flags.VisitAll(func(f *pflag.Flag) {
			if !isOption(f) || !takesSettings(c) {
				return
			}
			if !heading {
				heading = true
				fmt.Fprintf(&b, "\n[%s]\n", cmp.Or(strings.ReplaceAll(name, " ", "."), allCommands))
			}
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "# %s\n# %s = %s\n", usage, f.Name, exampleValue(f))
		})
	})
	return b.Bytes()
}

// exampleValue is a flag's default as TOML.
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
