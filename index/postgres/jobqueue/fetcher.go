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

// fetcher is a client of River that takes some kinds of jobs. A client cannot change its kinds, so another one replaces it when they change, while it finishes
// its jobs.
type fetcher struct {
	client   *river.Client[pgx.Tx]
	stopJobs chan struct{} // closed: the jobs end in an orderly way
	stopped  chan struct{} // closed when all have ended
	draining sync.Once
}

// walksAtOnce lets an urgent session begin while another one walks.
const walksAtOnce = 2

// forever is longer than any job lasts: this package reclaims the jobs of workers that have died.
const forever = 10 * 365 * 24 * time.Hour

// fetch takes jobs of the given kinds from now on, instead of those before.
func (r *runner) fetch(kinds []string) error {
	r.drain()
	if len(kinds) == 0 { // no root yet
		return nil
	}
	f := &fetcher{stopJobs: make(chan struct{}), stopped: make(chan struct{})}
	workers := river.NewWorkers()
	for _, kind := range kinds {
		river.AddWorkerArgs(workers, jobArgs{kind: kind}, &jobWorker{runner: r, stopJobs: f.stopJobs})
	}
	var err error
	f.client, err = river.NewClient(riverpgxv5.New(r.db), &river.Config{
		ID: fmt.Sprintf("%s#%d", r.me.name, len(r.fetchers)), Schema: postgres.Schema, Workers: workers, FetchOnlyKnownKinds: true, SkipUnknownJobCheck: true,
		Queues:     map[string]river.QueueConfig{walkQueue: {MaxWorkers: walksAtOnce}, readQueue: {MaxWorkers: 1}},
		JobTimeout: -1, RescueStuckJobsAfter: forever, MaxAttempts: maxAttempts, RetryPolicy: backoff{},
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: pollEvery, Logger: slog.New(quiet{r.o.Log.Handler()}),
	})
	if err != nil {
		return err
	}
	r.fetchers = append(r.fetchers, f)
	return f.client.Start(context.WithoutCancel(r.ctx))
}

// drain takes no more jobs, and lets the running ones finish.
func (r *runner) drain() {
	if n := len(r.fetchers); n > 0 {
		r.fetchers[n-1].drain()
	}
}

func (f *fetcher) drain() {
	f.draining.Do(func() {
		go func() {
			_ = f.client.Stop(context.Background()) // it returns when the last job has ended, or stop has cancelled it
			close(f.stopped)
		}()
	})
}

// stop ends all jobs: in an orderly way, or at once if the lock is lost, since other workers have them then.
func (r *runner) stop(orderly bool) {
	r.drain()
	var all sync.WaitGroup
	for _, f := range r.fetchers {
		all.Go(func() { f.stop(orderly) })
	}
	all.Wait()
}

func (f *fetcher) stop(orderly bool) {
	if orderly {
		close(f.stopJobs)
		select {
		case <-f.stopped:
			return
		case <-time.After(stopTimeout):
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), cancelTimeout)
	defer cancel()
	_ = f.client.StopAndCancel(ctx) // a job that does not end then can commit nothing more: it has lost its claim
}
