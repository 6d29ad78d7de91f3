// Package cli is what the commands share: streams, exit codes, settings from flags, environment and file, groups of flags, progress,
// output formats. It must not know what any command does.
package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Program is one execution of the program: its streams, its global flags, and what is configured. Every command has it.
type Program struct {
	Streams

	App *app.App
	// Args are the command line, the program's name left out.
	Args []string

	// JSON, Quiet and Verbose are the global flags.
	JSON, Quiet, Verbose bool

	interrupts interrupts
	mu         sync.Mutex // of lines on Err
}

// New returns a program over streams.
func New(s Streams) *Program {
	p := &Program{Streams: s}
	p.interrupts.init()
	p.App = &app.App{Notify: p.Notify, Logf: p.Logf, Stop: p.interrupts.first, Crash: p.crashReport}
	return p
}

// Logf tells of details with --verbose.
func (p *Program) Logf(format string, args ...any) {
	if p.Verbose {
		p.line("imgsearch: "+format, args...)
	}
}

// Warnf tells of what the owner should know, unless --quiet.
func (p *Program) Warnf(format string, args ...any) {
	if !p.Quiet {
		p.line("imgsearch: warning: "+format, args...)
	}
}

// Notef says something in passing, unless --quiet.
func (p *Program) Notef(format string, args ...any) {
	if !p.Quiet {
		p.line("imgsearch: "+format, args...)
	}
}

// Notify says what a notice of a library means: of files and folders that are out of reach in a quiet run too.
func (p *Program) Notify(notice any) {
	w := words.Notice(notice, Door)
	if w.OutOfReach {
		p.line("imgsearch: warning: %s", w.Sentence) // whatever --quiet says
		return
	}
	if w.Grave {
		p.Warnf("%s", w.Sentence)
	} else {
		p.Notef("%s", w.Sentence)
	}
}

// line writes a line on Err whole: workers tell of their files at once.
func (p *Program) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.Err, format+"\n", args...)
}

// Interrupted is closed with the first signal.
func (p *Program) Interrupted() <-chan struct{} { return p.interrupts.first }

// Orderly says that the running command ends by itself when Stop is closed, so that the first signal does not end its context.
func (p *Program) Orderly() { p.interrupts.setOrderly() }

// Stop is closed with the first signal to a command that ends in an orderly way.
func (p *Program) Stop() <-chan struct{} { return p.interrupts.stop }

// LeaveToChild lets a program that has the terminal answer to signals alone.
func (p *Program) LeaveToChild() { p.interrupts.leaveToChild() }

// Run runs execute until it ends or the user ends it, and returns the exit code.
func (p *Program) Run(ctx context.Context, execute func(context.Context) error) int {
	ctx, stop := p.watchSignals(ctx)
	defer stop()
	err := execute(ctx)
	p.App.CloseLoaders()
	return p.exit(err)
}
