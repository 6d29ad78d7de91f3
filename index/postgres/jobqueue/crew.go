package jobqueue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/imgsearch/imgsearch/index/postgres"
)

// crew is a client of River that takes some kinds of jobs. River's clients cannot change theirs, so there is another crew when they change; the one before
// takes no more jobs.
type crew struct {
	client  *river.Client[pgx.Tx]
	endJobs chan struct{} // closed: the jobs end in an orderly way
	stopped chan struct{} // closed when all have ended
	resting sync.Once
}

// walksAtOnce lets an urgent session begin while another one walks.
const walksAtOnce = 2

// forever is longer than any job lasts: this package itself notices when a worker dies.
const forever = 10 * 365 * 24 * time.Hour

// hire starts a crew that takes jobs from now on, instead of the last one.
func (l *life) hire(kinds []string) error {
	if n := len(l.crews); n > 0 {
		l.crews[n-1].rest()
	}
	if len(kinds) == 0 { // no root yet
		return nil
	}
	c := &crew{endJobs: make(chan struct{}), stopped: make(chan struct{})}
	workers := river.NewWorkers()
	for _, kind := range kinds {
		river.AddWorkerArgs(workers, jobArgs{kind: kind}, &jobWorker{life: l, endJobs: c.endJobs})
	}
	var err error
	c.client, err = river.NewClient(riverpgxv5.New(l.db), &river.Config{
		ID: fmt.Sprintf("%s#%d", l.me.name, len(l.crews)), Schema: postgres.Schema, Workers: workers, FetchOnlyKnownKinds: true, SkipUnknownJobCheck: true,
		Queues:     map[string]river.QueueConfig{walkQueue: {MaxWorkers: walksAtOnce}, readQueue: {MaxWorkers: l.o.AtOnce}},
		JobTimeout: -1, RescueStuckJobsAfter: forever, MaxAttempts: maxAttempts, RetryPolicy: backoff{},
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: pollEvery, Logger: slog.New(quiet{l.o.Log.Handler()}),
	})
	if err != nil {
		return err
	}
	l.crews = append(l.crews, c)
	return c.client.Start(context.WithoutCancel(l.ctx))
}

// rest takes no more jobs, and lets those that run end.
func (c *crew) rest() {
	c.resting.Do(func() {
		go func() {
			_ = c.client.Stop(context.Background()) // it ends with the last job, or when end cancels them
			close(c.stopped)
		}()
	})
}

// end ends all jobs: in an orderly way, or at once if the lock is lost, since others have them then.
func (l *life) end(orderly bool) {
	if n := len(l.crews); n > 0 {
		l.crews[n-1].rest()
	}
	var all sync.WaitGroup
	for _, c := range l.crews {
		all.Go(func() { c.end(orderly) })
	}
	all.Wait()
}

func (c *crew) end(orderly bool) {
	if orderly {
		close(c.endJobs)
		select {
		case <-c.stopped:
			return
		case <-time.After(endTime):
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), cutTime)
	defer cancel()
	_ = c.client.StopAndCancel(ctx) // what does not end then is fenced off by its claim
}
