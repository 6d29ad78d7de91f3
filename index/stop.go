package index

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errStopped ends a stage of a run that was stopped gracefully.
var errStopped = errors.New("stopped")

// stopper stops a run gracefully: when its user asks, or when the time is up.
type stopper struct {
	done  chan struct{} // closed when the run should end, for any reason
	ended chan struct{} // closed when the run has ended

	mu     sync.Mutex
	reason StopReason
}

// newStopper returns a stopper that waits for wish, the limit (0: none) or the end of ctx. The caller must call end.
func newStopper(ctx context.Context, wish <-chan struct{}, limit time.Duration) *stopper {
	s := &stopper{done: make(chan struct{}), ended: make(chan struct{})}
	var timeUp <-chan time.Time
	if limit > 0 {
		timeUp = time.After(limit)
	}
	go func() {
		select {
		case <-wish:
			s.set(Interrupted)
		case <-timeUp:
			s.set(TimeUp)
		case <-ctx.Done():
		case <-s.ended:
			return
		}
		close(s.done)
	}()
	return s
}

func (s *stopper) end() { close(s.ended) }

func (s *stopper) isStopped() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func (s *stopper) set(r StopReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = r
}

// why returns why the run was stopped; NotStopped if only its context has ended.
func (s *stopper) why() StopReason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

// context returns a context that ends with ctx or when the run is stopped.
func (s *stopper) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
