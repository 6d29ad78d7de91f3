package cmd

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts tells commands that the user wants to stop. The first signal closes stop; a command that can end in an
// orderly way says so with orderly, for any other it ends the context. The second ends the process.
type interrupts struct {
	stop    chan struct{}
	mu      sync.Mutex
	orderly bool
	child   bool
	hit     bool
	first   context.Context // ends with the first signal
}

// context ends with the first signal: what can be left is left then.
func (i *interrupts) context() context.Context {
	if i.first == nil {
		return context.Background()
	}
	return i.first
}

func (i *interrupts) setOrderly() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.orderly = true
}

// leaveToChild lets a program that has the terminal answer to signals alone.
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

// watchSignals starts to listen for Ctrl-C, SIGTERM and SIGHUP until the returned function is called.
func (a *App) watchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	a.interrupts.stop = make(chan struct{})
	first, hit := context.WithCancel(ctx)
	a.interrupts.first = first //nolint:fatcontext // it is the first one made
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup means it
		signal.Notify(signals, syscall.SIGHUP) // the terminal was closed
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			a.interrupts.mu.Lock()
			if a.interrupts.child {
				a.interrupts.mu.Unlock()
				continue
			}
			again, orderly := a.interrupts.hit, a.interrupts.orderly
			a.interrupts.hit = true
			a.interrupts.mu.Unlock()
			hit()
			switch {
			case again:
				a.abandonLoaders()
				os.Exit(exitInterrupted)
			case orderly:
				close(a.interrupts.stop)
			default:
				cancel()
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		hit()
		cancel()
	}
}
