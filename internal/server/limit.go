package server

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// limits are how many requests of a kind are worked on at once. Answers are sent afterwards, so a slow client holds up nobody.
type limits struct {
	// searches share batches of the text tower, so many may run at once; pictures may wait for images, which are decoded, one per core; dupes take all cores;
	// files are open files; streams are clients that stay.
	searches, lookups, pictures, images, dupes, files, streams *limiter
	// uploads is the memory for bodies with pictures, in bytes.
	uploads *semaphore.Weighted
}

func newLimits(cores int) limits {
	return limits{
		searches: newLimiter(64, 1024), lookups: newLimiter(4*cores, 1024), pictures: newLimiter(4*cores, 1024), images: newLimiter(cores, 512), dupes: newLimiter(1, 4),
		files: newLimiter(256, 0), uploads: semaphore.NewWeighted(maxUploads), streams: newLimiter(256, 0),
	}
}

// limiter lets a number of callers in at once, and a number of others wait.
type limiter struct {
	slots   chan struct{}
	waiting atomic.Int64
	most    int64
}

func newLimiter(at, waiting int) *limiter {
	return &limiter{slots: make(chan struct{}, at), most: int64(waiting)}
}

// retryAfter is when a client should try again that was not let in.
const retryAfter = time.Second

// enterNow takes a slot if one is free.
func (l *limiter) enterNow() (done func(), ok bool) {
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots }, true
	default:
		return nil, false
	}
}

// enter waits until the caller may go on, and returns what it must call at the end. If too many wait, it returns a Problem at once.
func (l *limiter) enter(ctx context.Context) (done func(), p *Problem) {
	done = func() { <-l.slots }
	select {
	case l.slots <- struct{}{}:
		return done, nil
	default:
	}
	if l.waiting.Add(1) > l.most {
		l.waiting.Add(-1)
		return nil, tooManyRequests("the server is busy", retryAfter)
	}
	defer l.waiting.Add(-1)
	select {
	case l.slots <- struct{}{}:
		return done, nil
	case <-ctx.Done():
		return nil, tooManyRequests("the server is busy", retryAfter)
	}
}
