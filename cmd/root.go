package cmd

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker in releases.
var version = "dev"

func newRootCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "imgsearch",
		Short: "Find your photos by what is in them",
		Long: `imgsearch finds photos by what is in them, on your own machine.

  imgsearch index ~/Pictures
  imgsearch search "dog on beach"

Nothing is sent anywhere, and no photo is ever changed.

ENVIRONMENT
  IMGSEARCH_INDEX    the index, as --index
  IMGSEARCH_ORT_LIB  the ONNX Runtime library, as --ort-lib
  IMGSEARCH_PROVIDER where models compute, as --provider
  IMGSEARCH_CACHE    the folder for what can be made again
  IMGSEARCH_STATE    the folder for what was found out about this machine
  IMGSEARCH_MODELS   the folder of downloaded models
  IMGSEARCH_CONFIG   the configuration file (see imgsearch config)
  IMGSEARCH_OPTION   any option, IMGSEARCH_COMMAND_OPTION that of one command: IMGSEARCH_SEARCH_TOP=20

EXIT STATUS
  0 done; 1 failed; 2 wrong usage; 130 interrupted. Each command's help lists its others.`,
		Version:       versionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if !takesSettings(c) {
				return nil
			}
			return app.applySettings(c)
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	c.SetVersionTemplate("imgsearch {{.Version}}\n")
	c.SuggestionsMinimumDistance = 2
	flags := c.PersistentFlags()
	flags.StringVar(&app.index, "index", "", "the index `FILE` (default: index.db in the platform's data folder)")
	flags.StringVar(&app.ortLib, "ort-lib", "", "the ONNX Runtime library `FILE`")
	flags.BoolVar(&app.json, "json", app.json, "print results, and errors, as JSON (docs/json.md)")
	flags.BoolVarP(&app.quiet, "quiet", "q", false, "print errors only")
	flags.BoolVarP(&app.verbose, "verbose", "v", false, "tell what is done")
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError(fmt.Sprintf("see `%s --help`", c.CommandPath()), "%w", err)
	})
	c.AddCommand(
		newIndexCommand(app), newSearchCommand(app), newDupesCommand(app), newEmbedCommand(app), newExportCommand(app), newStatusCommand(app), newRootsCommand(app), newModelsCommand(app),
		newWarmupCommand(app), newDoctorCommand(app), newBackupCommand(app), newConfigCommand(app), newManCommand(app), newProbeCommand(app),
	)
	for _, sub := range c.Commands() {
		checkArgs(sub)
	}
	checkArgs(c)
	completeFlags(app, c)
	return c
}

// checkArgs makes wrong arguments a usage error with a hint, for a command and those below it.
func checkArgs(c *cobra.Command) {
	check := c.Args
	if check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				if _, told := errors.AsType[*codedError](err); told {
					return err
				}
				return usageError(fmt.Sprintf("see `%s --help`", c.CommandPath()), "%w", err)
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		checkArgs(sub)
	}
}

// versionText is the version, with the commit that the binary was built from and its date, where Go recorded them.
func versionText() string {
	text := version
	if info, ok := debug.ReadBuildInfo(); ok {
		var commit []string
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = append(commit, s.Value[:12])
			}
			if s.Key == "vcs.time" {
				day, _, _ := strings.Cut(s.Value, "T")
				commit = append(commit, day)
			}
		}
		if len(commit) > 0 {
			text += " (" + strings.Join(commit, ", ") + ")"
		}
	}
	return text + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// unknownCommand refuses a word that is no command, and says which one may be meant.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "`imgsearch --help` lists the commands"
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("did you mean `imgsearch %s`?", strings.Join(near, "` or `imgsearch "))
	}
	return usageError(hint, "unknown command %q", args[0])
}

// noArgs refuses arguments of a command that takes none.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unexpected argument %q", args[0])
	}
	return nil
}
