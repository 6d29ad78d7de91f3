package cli

import (
	"cmp"
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// termPatience is how long a command may take to end in an orderly way after SIGTERM: service managers and people expect that it ends
// within two seconds.
const termPatience = 1500 * time.Millisecond

// interrupts tells commands that the user wants to stop. The first signal closes first; if the command called Orderly it closes stop,
// otherwise it cancels the context. The second signal ends the process, and so does the first one after termPatience if it is SIGTERM.
type interrupts struct {
	first, stop chan struct{}

	mu       sync.Mutex
	patience time.Duration // 0: termPatience
	orderly  bool
	child    bool
	hit      bool
	// abandoned are called before the process ends without waiting.
	abandoned []func()
}

func (i *interrupts) init() { i.first, i.stop = make(chan struct{}), make(chan struct{}) }

func (i *interrupts) setOrderly() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.orderly = true
}

// termPatience returns how long the command may take to end after SIGTERM.
func (i *interrupts) termPatience() time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	return cmp.Or(i.patience, termPatience)
}

// OrderlyWithin is Orderly for a service that may take longer to end after SIGTERM.
func (p *Program) OrderlyWithin(patience time.Duration) {
	p.interrupts.mu.Lock()
	p.interrupts.patience = patience
	p.interrupts.mu.Unlock()
	p.Orderly()
}

func (i *interrupts) leaveToChild() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.child = true
}

func (i *interrupts) wasHit() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hit
}

// strike records a signal. again is whether it is not the first; ignored is whether a child process has the terminal.
func (i *interrupts) strike() (again, orderly, ignored bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.child {
		return false, false, true
	}
	again, i.hit = i.hit, true
	if !again {
		close(i.first)
		if i.orderly {
			close(i.stop)
		}
	}
	return again, i.orderly, false
}

// OnAbandon has f called before the process ends without waiting for the command.
func (p *Program) OnAbandon(f func()) {
	p.interrupts.mu.Lock()
	defer p.interrupts.mu.Unlock()
	p.interrupts.abandoned = append(p.interrupts.abandoned, f)
}

// abandon ends the process at once. What was committed is safe; the next run must not take this end for a crash.
func (p *Program) abandon() {
	p.interrupts.mu.Lock()
	abandoned := p.interrupts.abandoned
	p.interrupts.mu.Unlock()
	for _, f := range abandoned {
		f()
	}
	p.App.AbandonLoaders()
	os.Exit(ExitInterrupted)
}

// watchSignals listens for Ctrl-C, SIGTERM and SIGHUP until the returned function is called.
func (p *Program) watchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // not under nohup
		signal.Notify(signals, syscall.SIGHUP) // the terminal was closed
	}
	done := make(chan struct{})
	go func() {
		for {
			var s os.Signal
			select {
			case s = <-signals:
			case <-done:
				return
			}
			if s == syscall.SIGTERM {
				time.AfterFunc(p.interrupts.termPatience(), p.abandon)
			}
			again, orderly, ignored := p.interrupts.strike()
			switch {
			case ignored:
			case again:
				p.abandon()
			case !orderly:
				cancel()
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
