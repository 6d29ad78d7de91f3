package jobqueue

import (
	"context"
	"errors"
	"time"

	"github.com/imgsearch/imgsearch/index/jobs"
)

// retryAfter is how long a session waits that could not begin.
var retryAfter = 2 * time.Second // tests shorten it

// Work works on sessions.
func (q *Queue) Work(ctx context.Context, stop <-chan struct{}, work jobs.Work) error {
	q.mu.Lock()
	err := q.recover(ctx) // after an error of an earlier call
	q.mu.Unlock()
	if err != nil {
		return err
	}
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		c, s, changed, err := q.begin(ctx)
		if err != nil {
			return err
		}
		if c == nil {
			select {
			case <-changed:
				continue
			case <-stop:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		done := make(chan struct{})
		go func() {
			select {
			case <-stop:
				q.mu.Lock()
				c.end()
				q.mu.Unlock()
			case <-done:
			}
		}()
		err = work(ctx, s, c.stop, func(p jobs.Progress) { q.report(ctx, c, p) })
		close(done)
		if err := q.end(ctx, c, err); err != nil {
			return err
		}
		if _, later := errors.AsType[*jobs.LaterError](err); later {
			select {
			case <-time.After(retryAfter):
			case <-stop:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// begin starts the next session; nil if none waits. changed is closed at the next change.
func (q *Queue) begin(ctx context.Context) (c *current, s jobs.Session, changed <-chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	changed = q.changed
	list, err := q.rows(ctx, "WHERE state = ? ORDER BY priority, id LIMIT 1", jobs.Queued)
	if err != nil || len(list) == 0 {
		return nil, s, changed, err
	}
	s = list[0]
	s.State = jobs.Running
	s.Runs++
	if s.StartedAt.IsZero() {
		s.StartedAt = time.Now()
	}
	if s.Waiting == "" { // else it is announced once it has begun
		if s, err = q.store(ctx, s); err != nil {
			return nil, s, changed, err
		}
	}
	q.current = &current{session: s, stop: make(chan struct{})}
	return q.current, s, changed, nil
}

// report stores the progress of the current session. An error, such as a full disk, costs only the progress.
func (q *Queue) report(ctx context.Context, c *current, p jobs.Progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.current != c {
		return
	}
	c.session.Progress, c.session.Waiting = p, ""
	if s, err := q.store(context.WithoutCancel(ctx), c.session); err == nil {
		c.session = s
	}
}

// end stores how work on the current session ended.
func (q *Queue) end(ctx context.Context, c *current, result error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.current = nil
	s := c.session
	was := s.Waiting
	s.Waiting = ""
	switch later, isLater := errors.AsType[*jobs.LaterError](result); {
	case result == nil:
		s.State, s.Cancelling, s.EndedAt = jobs.Done, false, time.Now()
	case isLater:
		s = requeued(s)
		s.Runs--
		if s.Waiting = later.Reason; s.State == jobs.Queued && was == s.Waiting {
			return nil // nothing has changed
		}
	case errors.Is(result, jobs.ErrStopped), ctx.Err() != nil:
		s = requeued(s)
	default:
		s.State, s.Cancelling, s.EndedAt = jobs.Failed, false, time.Now()
		s.Error = jobs.Fault{Code: "failed", Message: result.Error()}
		if f, ok := errors.AsType[*jobs.FailedError](result); ok {
			s.Error = f.Fault
		}
	}
	_, err := q.store(context.WithoutCancel(ctx), s)
	return err
}
