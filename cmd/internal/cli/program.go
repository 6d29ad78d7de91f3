// Package cli holds the code that commands share: streams, exit codes, settings from flags, environment and file, groups of flags,
// progress, output formats. It must not know what any command does.
package cli

import (
	"context"
	"log/slog"
	"sync"

	"github.com/imgsearch/imgsearch/internal/app"
)

// Program is one execution of the program: its streams, global flags and configuration. Every command has it.
type Program struct {
	Streams

	App *app.App
	// Args are the command line without the program's name.
	Args []string

	// JSON, Quiet and Verbose are the global flags.
	JSON, Quiet, Verbose bool

	logging    logOptions
	color      string
	log        *slog.Logger
	mu         sync.Mutex // of log
	writing    sync.Mutex // of lines on Err
	interrupts interrupts
}

// New returns a program that uses the streams.
func New(s Streams) *Program {
	p := &Program{Streams: s}
	p.interrupts.init()
	p.App = &app.App{Notify: p.Notify, Logf: p.Logf, Stop: p.interrupts.first, Crash: p.crashReport}
	return p
}

// Interrupted returns a channel that the first signal closes.
func (p *Program) Interrupted() <-chan struct{} { return p.interrupts.first }

// Orderly declares that the running command ends by itself when Stop is closed: the first signal does not cancel its context.
func (p *Program) Orderly() { p.interrupts.setOrderly() }

// Stop returns a channel that the first signal closes if the command called Orderly.
func (p *Program) Stop() <-chan struct{} { return p.interrupts.stop }

// LeaveToChild makes this program ignore signals, for a child process that has the terminal.
func (p *Program) LeaveToChild() { p.interrupts.leaveToChild() }

// Run runs execute until it ends or the user interrupts it, and returns the exit code.
func (p *Program) Run(ctx context.Context, execute func(context.Context) error) int {
	ctx, stop := p.watchSignals(ctx)
	defer stop()
	err := execute(ctx)
	p.App.CloseLoaders()
	return p.exit(err)
}
