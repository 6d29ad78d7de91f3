package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
)

// quiet passes only warnings and errors of River, as details: what concerns users is logged by this package.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// backoff tries a failed job again after 1, 2, 4, 8 seconds.
type backoff struct{}

func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(retryAfter << min(len(job.Errors), maxErrors))
}

// maxErrors is the number of errors of a job after which its session fails.
const maxErrors = 5

// jobWorker does jobs of one kind.
type jobWorker struct {
	river.WorkerDefaults[jobArgs]
	*runner
	stopJobs <-chan struct{}
}

// Work does a job.
func (w *jobWorker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)() // a worker that has lost its lock has lost its jobs
	w.mu.Lock()
	w.active[job.ID] = job.Kind
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, job.ID)
		w.mu.Unlock()
	}()
	stop := make(chan struct{})
	a := &attempt{
		runner: w.runner, job: job.ID, session: job.Args.Session, batch: job.Args.Batch, claim: fmt.Sprintf("%s/%d/%d/%d", w.me.name, job.ID, job.Attempt, len(job.Errors)),
		stopped: stop, stop: sync.OnceFunc(func() { close(stop) }),
	}
	err := a.run(ctx, job.Kind, w.stopJobs)
	switch fault, isFault := errors.AsType[*jobs.FailedError](err); {
	case err == nil, errors.Is(err, errLost), errors.Is(err, jobs.ErrNoSession):
		return nil
	case errors.Is(err, jobs.ErrStopped):
		return river.JobSnooze(0)
	case isFault:
		return a.failSession(ctx, fault.Fault)
	case ctx.Err() != nil, errors.Is(err, store.ErrServer):
		return river.JobSnooze(reconnectAfter)
	case errors.Is(err, store.ErrNoRoot):
		return a.failSession(ctx, w.o.Handler.Fault(err))
	}
	if later, ok := errors.AsType[*jobs.LaterError](err); ok {
		a.setWaiting(ctx, later.Reason)
		return river.JobSnooze(laterAfter)
	}
	cause := w.o.Handler.Fault(err)
	w.o.Log.Warn(fmt.Sprintf("session %d: a job failed: %s", a.session, cause.Message), "job", job.Kind)
	if len(job.Errors)+1 >= maxErrors || w.o.Handler.IsLasting(cause) {
		return a.failSession(ctx, cause)
	}
	return err
}

// laterAfter is the pause before a job that could not begin is tried again.
const laterAfter = 2 * time.Second
