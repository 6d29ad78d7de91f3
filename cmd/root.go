// Package cmd assembles the commands. It must not know what any command does.
package cmd

import (
	"context"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/backup"
	"github.com/imgsearch/imgsearch/cmd/config"
	"github.com/imgsearch/imgsearch/cmd/decoder"
	"github.com/imgsearch/imgsearch/cmd/doctor"
	"github.com/imgsearch/imgsearch/cmd/dupes"
	"github.com/imgsearch/imgsearch/cmd/facets"
	"github.com/imgsearch/imgsearch/cmd/index"
	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/cmd/label"
	"github.com/imgsearch/imgsearch/cmd/man"
	"github.com/imgsearch/imgsearch/cmd/mcp"
	"github.com/imgsearch/imgsearch/cmd/migrate"
	"github.com/imgsearch/imgsearch/cmd/models"
	"github.com/imgsearch/imgsearch/cmd/probe"
	"github.com/imgsearch/imgsearch/cmd/restore"
	"github.com/imgsearch/imgsearch/cmd/roots"
	"github.com/imgsearch/imgsearch/cmd/search"
	"github.com/imgsearch/imgsearch/cmd/serve"
	"github.com/imgsearch/imgsearch/cmd/show"
	"github.com/imgsearch/imgsearch/cmd/status"
	"github.com/imgsearch/imgsearch/cmd/vectors"
	"github.com/imgsearch/imgsearch/cmd/version"
	"github.com/imgsearch/imgsearch/cmd/warmup"
	"github.com/imgsearch/imgsearch/cmd/worker"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/decode/native"
	"github.com/imgsearch/imgsearch/internal/app"
)

// Streams are the program's three streams.
type Streams = cli.Streams

// Main runs the program with the process's arguments and streams and returns its exit code.
func Main() int {
	decode.UseChildren(childProgram(), native.Command)
	defer decode.StopChildren()
	return Run(context.Background(), os.Args[1:], cli.SystemStreams())
}

// childProgram returns the path of this program for child processes that run for a long time: on Linux one that stays valid when
// the program is deleted or replaced.
func childProgram() string {
	const self = "/proc/self/exe"
	if _, err := os.Stat(self); runtime.GOOS == "linux" && err == nil {
		return self
	}
	return app.Program()
}

// Run runs the program once. Tests call it too.
func Run(ctx context.Context, args []string, s Streams) int {
	p := cli.New(s)
	decode.Notify(p.Notify)
	p.Args = args
	p.JSON = asksJSON(args) // for errors that occur before --json is parsed
	root := New(p)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	return p.Run(ctx, root.ExecuteContext)
}

// asksJSON reports whether --json is one of the flags.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// New assembles the program's commands.
func New(p *cli.Program) *cobra.Command {
	c := &cobra.Command{
		Use:   "imgsearch",
		Short: "Find your photos by what is in them",
		Long: `imgsearch finds photos by what is in them, on your own machine.

  imgsearch index ~/Pictures
  imgsearch search "dog on beach"

Nothing is sent anywhere, and no photo is ever changed.

ENVIRONMENT
  IMGSEARCH_INDEX    the index file or database (same as --index)
  IMGSEARCH_ORT_LIB  the ONNX Runtime library (same as --ort-lib)
  IMGSEARCH_PROVIDER where models run (same as --provider)
  IMGSEARCH_CACHE    the cache folder; its contents can be recreated
  IMGSEARCH_STATE    the folder for measurements and crash records of this machine
  IMGSEARCH_MODELS   the folder of downloaded models
  IMGSEARCH_MACHINE  the name of this machine in an index in a database (default: the host's name)
  IMGSEARCH_CONFIG   the configuration file (see imgsearch config)
  IMGSEARCH_<OPTION> any other option, such as IMGSEARCH_TOP=20; IMGSEARCH_<COMMAND>_<OPTION> sets it for one command only,
                     such as IMGSEARCH_SEARCH_TOP=20

EXIT STATUS
  0 done; 1 failed; 2 usage error; 130 interrupted. The help of a command, or of its group, lists its own codes.

DOCUMENTATION
  https://github.com/imgsearch/imgsearch/tree/main/docs has the pages that help and hints name, such as docs/json.md.`,
		Version:       cli.VersionText(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cli.UnknownCommand,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if cli.TakesSettings(c) {
				if err := p.ApplySettings(c); err != nil {
					return err
				}
			}
			if err := p.CheckColor(); err != nil {
				return err
			}
			return p.OpenLog()
		},
		RunE: func(c *cobra.Command, _ []string) error {
			return c.Help()
		},
	}
	c.SetVersionTemplate("imgsearch {{.Version}}\n")
	c.SuggestionsMinimumDistance = 2
	flags := c.PersistentFlags()
	flags.StringVar(&p.App.IndexFile, "index", "", "use `FILE` as the index (default: index.db in the platform's data folder), or a database: postgres://USER@HOST/NAME")
	flags.StringVar(&p.App.LibraryFile, "ort-lib", "", "load the ONNX Runtime library from `FILE`")
	flags.BoolVar(&p.JSON, "json", p.JSON, "print results and errors as JSON (see docs/json.md)")
	flags.BoolVarP(&p.Quiet, "quiet", "q", false, "print only errors, and warnings about folders that cannot be reached")
	flags.BoolVarP(&p.Verbose, "verbose", "v", false, "print details")
	p.AddLogFlags(flags)
	p.AddColorFlag(flags)
	c.SetFlagErrorFunc(cli.FlagError)
	c.AddCommand(
		index.New(p), search.New(p), dupes.New(p), show.New(p), facets.New(p), label.New(p), vectors.NewEmbed(p), vectors.NewExport(p), status.New(p), roots.New(p), migrate.New(p), models.New(p),
		serve.New(p), worker.New(p), mcp.New(p), warmup.New(p), doctor.New(p), backup.New(p), restore.New(p), config.New(p, fresh), man.New(p), version.New(p), probe.New(p), decoder.New(p),
	)
	cli.CheckArgs(c)
	completeFlags(p, c)
	return c
}

// fresh returns a separate program, for trying options.
func fresh() *cobra.Command { return New(cli.New(cli.Streams{})) }
