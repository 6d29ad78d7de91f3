package jobqueue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// runner is a worker from its registration until its lock is lost or it ends.
type runner struct {
	*Queue
	o   Options
	me  *registration
	ctx context.Context // ends when the lock is lost
	// reading holds an element while a batch is read.
	reading chan struct{}
	// fetchers are the clients of River: the last one takes jobs, the others finish theirs.
	fetchers []*fetcher
	// kindsNow are the kinds of jobs that it takes, lost those that it took before, with the time when it stopped. unreached are the roots that no worker
	// reaches, with the time since when.
	kindsNow  []string
	lost      map[string]time.Time
	unreached map[int32]time.Time

	mu     sync.Mutex
	active map[int64]string // the kinds of the jobs that are running, by their ids in River
}

// workOnce works until stop is closed, which is nil, or the connection is lost.
func (q *Queue) workOnce(ctx context.Context, stop <-chan struct{}, o Options, connected func()) error {
	me, err := q.register(ctx, o)
	if err != nil {
		return err
	}
	connected()
	locked, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &runner{
		Queue: q, o: o, me: me, ctx: locked, reading: make(chan struct{}, 1), active: make(map[int64]string), lost: make(map[string]time.Time), unreached: make(map[int32]time.Time),
	}
	err = r.run(stop)
	r.stop(err == nil)
	cancel()
	ending, done := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer done()
	_ = q.unregister(ending, me) // otherwise other workers notice that the lock is gone
	return err
}

// run takes jobs, and maintains the queue.
func (r *runner) run(stop <-chan struct{}) error {
	var looked, repaired time.Time
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		if err := r.check(); err != nil {
			return err
		}
		if time.Since(looked) >= rootsEvery {
			if err := r.chooseKinds(); err != nil {
				return err
			}
			looked = time.Now()
		}
		if err := r.reclaimJobs(r.ctx); err != nil {
			return err
		}
		if time.Since(repaired) >= repairEvery {
			if err := r.repairJobs(); err != nil {
				return err
			}
			repaired = time.Now()
		}
		select {
		case <-tick.C:
		case <-stop:
			return nil
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
	}
}

// check returns an error if the worker has lost its lock, or if a job does not end.
func (r *runner) check() error {
	ctx, cancel := context.WithTimeout(r.ctx, lockTimeout)
	defer cancel()
	if err := r.me.session.Check(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, kind := range r.active {
		if since, lost := r.lost[kind]; lost && time.Since(since) > hungAfter {
			return errHung
		}
	}
	return nil
}

// chooseKinds takes the jobs of the roots that the worker reaches now.
func (r *runner) chooseKinds() error {
	kinds, err := r.kinds()
	if err != nil || r.kindsNow != nil && slices.Equal(kinds, r.kindsNow) {
		return err
	}
	for _, kind := range r.kindsNow {
		r.lost[kind] = time.Now()
	}
	for _, kind := range kinds {
		delete(r.lost, kind)
	}
	r.kindsNow = append([]string{}, kinds...)
	return r.fetch(kinds)
}

// repairJobs puts right what lost connections have left, of this worker's jobs and of all sessions.
func (r *runner) repairJobs() error {
	if err := r.releaseJobs(r.ctx, r.me.name, r.running()); err != nil {
		return err
	}
	return r.repair(r.ctx, r.o.Handler.Fault(store.ErrNoRoot))
}

// running returns the running jobs of the kinds that the worker takes.
func (r *runner) running() []int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []int64{}
	for id, kind := range r.active {
		if _, lost := r.lost[kind]; !lost {
			list = append(list, id)
		}
	}
	return list
}
