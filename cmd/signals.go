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
	hit     bool
}

func (i *interrupts) setOrderly() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.orderly = true
}

func (i *interrupts) wasHit() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.hit
}

// watchSignals starts to listen for Ctrl-C and SIGTERM until the returned function is called.
func (a *App) watchSignals(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	a.interrupts.stop = make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
			case <-done:
				return
			}
			a.interrupts.mu.Lock()
			again, orderly := a.interrupts.hit, a.interrupts.orderly
			a.interrupts.hit = true
			a.interrupts.mu.Unlock()
			switch {
			case again:
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
		cancel()
	}
}
