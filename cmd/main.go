// Package cmd is the command line: flags, streams, progress, printers, exit codes. It wires the packages together;
// only here cobra, the terminal and the exit codes are known.
package cmd

import (
	"context"
	"os"
	"slices"
)

// Main runs the program with the process's arguments and streams and returns its exit code.
func Main() int {
	return Run(context.Background(), os.Args[1:], systemStreams())
}

// Run runs the program once. A test calls it like the shell does.
func Run(ctx context.Context, args []string, s Streams) int {
	app := &App{streams: s}
	app.json = asksJSON(args) // also for errors that are found before --json is
	root := newRootCommand(app)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	ctx, stop := app.watchSignals(ctx)
	defer stop()
	err := root.ExecuteContext(ctx)
	app.closeLoaders()
	return app.exit(err)
}

// asksJSON tells whether --json stands among the flags.
func asksJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}
