package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
)

// orphanDays is how long the vectors of a picture without a file are kept: it may come back from another disk.
const orphanDays = 90

// Run brings the index up to date. Closing stop ends the run in an orderly way: what is in flight is finished and
// committed, and nothing is dropped. Ending ctx ends it at once; what was committed stays.
// The caller holds the index's lock unless the run is dry.
func Run(ctx context.Context, s store.Store, req Request, stop <-chan struct{}) (Summary, error) {
	begin := time.Now()
	req.On = req.On.withDefaults()
	if req.MaxBytes == 0 {
		req.MaxBytes = decodeBudget
	}
	targets, roots, err := plan(ctx, s, req)
	if err != nil {
		return Summary{}, err
	}
	r := &run{store: s, req: req, roots: make(map[store.RootID]store.Root)}
	r.tensors.New = func() any {
		tensor := make([]float32, req.Reader.TensorLen())
		return &tensor
	}
	r.counts.skipped = make(map[string]int)
	for _, root := range roots {
		r.roots[root.ID] = root
	}
	r.stop, r.cancelStop = stopContext(ctx, stop, req.For, &r.stopReason)
	defer r.cancelStop()
	if req.DryRun {
		err = r.dryRun(ctx, targets)
	} else {
		err = r.record(ctx, func() error { return r.wet(ctx, targets) }, begin)
	}
	return r.summary(begin), err
}

// run is the state of one Run.
type run struct {
	store      store.Store
	req        Request
	roots      map[store.RootID]store.Root
	stop       context.Context // ends with the orderly stop
	cancelStop context.CancelFunc
	stopReason stopReason
	runID      store.RunID
	journal    *journal
	suspects   map[store.Place]bool
	counts     counts
	claims     claims
	disks      disks
	tensors    sync.Pool  // of *[]float32, of Reader.TensorLen values
	gone       []rootGone // one for each walk that came to its end
	complete   bool
}

// stopReason is why the stop context ended.
type stopReason struct {
	mu     sync.Mutex
	reason StopReason
}

func (s *stopReason) set(r StopReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reason == NotStopped {
		s.reason = r
	}
}

func (s *stopReason) get() StopReason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reason
}

func stopContext(ctx context.Context, stop <-chan struct{}, limit time.Duration, reason *stopReason) (context.Context, context.CancelFunc) {
	stopCtx, cancel := context.WithCancel(ctx)
	var timeUp <-chan time.Time
	if limit > 0 {
		timeUp = time.After(limit)
	}
	go func() {
		select {
		case <-stop:
			reason.set(Interrupted)
		case <-timeUp:
			reason.set(TimeUp)
		case <-stopCtx.Done():
			return
		}
		cancel()
	}()
	return stopCtx, cancel
}

func (r *run) stopped() bool { return r.stop.Err() != nil }

// path is where a file of the index lies.
func (r *run) path(at store.Place) string {
	return filepath.Join(r.roots[at.Root].Path, filepath.FromSlash(at.Dir), at.Name)
}

// record keeps the run's beginning and end in the index.
func (r *run) record(ctx context.Context, work func() error, begin time.Time) error {
	var err error
	if r.runID, err = r.store.StartRun(ctx, r.req.Model.Identity); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	summary, err := json.Marshal(r.summary(begin))
	if err != nil {
		return err
	}
	return r.store.EndRun(ctx, store.Run{
		ID: r.runID, Complete: r.complete, Provider: r.provider(), Embedded: r.counts.get().embedded, Summary: string(summary),
	})
}

func (r *run) provider() string {
	if r.req.Provider == nil {
		return ""
	}
	return r.req.Provider()
}

// wet does what a dry run only looks at.
func (r *run) wet(ctx context.Context, targets []target) error {
	j, left, err := openJournal(r.req.Journal)
	if err != nil {
		return err
	}
	r.journal = j
	// The file that remains after an error or a crash is what the next run starts from.
	defer j.release()
	if err := r.takeOver(ctx, left); err != nil {
		return err
	}
	var late []task
	err = r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error {
		defer r.req.On.Walked()
		var err error
		late, err = r.walk(ctx, targets, out)
		return err
	})
	if err != nil {
		return err
	}
	if len(late) > 0 && !r.stopped() {
		if err := r.stream(ctx, 1, true, func(ctx context.Context, out chan<- task) error { return feed(ctx, r.stop, late, out) }); err != nil {
			return err
		}
	}
	if err := r.journal.close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	if err := r.embedPreviews(ctx); err != nil {
		return err
	}
	if r.stopped() {
		return r.prepareSearch(ctx)
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.complete = true
	return r.prepareSearch(ctx)
}

// prepareSearch makes what was added quick to search.
func (r *run) prepareSearch(ctx context.Context) error {
	err := r.store.PrepareSearch(ctx, r.req.Model.Identity)
	if errors.Is(err, store.ErrSlowSearch) {
		r.req.On.Warned(err.Error())
		return nil
	}
	return err
}

// takeOver takes over what a dead run was reading: its files become suspects; one that was read alone has killed
// twice and is set aside.
func (r *run) takeOver(ctx context.Context, left []inFlight) (err error) {
	if len(left) > 0 {
		b, err := r.store.Begin(ctx)
		if err != nil {
			return err
		}
		defer b.Rollback()
		for _, f := range left {
			if err := r.suspect(ctx, b, f); err != nil {
				return err
			}
		}
		if err := b.Commit(ctx); err != nil {
			return err
		}
		if err := r.journal.clear(); err != nil {
			return fmt.Errorf("clear journal: %w", err)
		}
	}
	r.suspects, err = r.store.Suspects(ctx)
	return err
}

func (r *run) suspect(ctx context.Context, b store.Tx, f inFlight) error {
	if _, known := r.roots[f.place.Root]; !known {
		return nil
	}
	if !f.alone {
		return b.PutSuspect(ctx, f.place)
	}
	stat, err := statFile(r.path(f.place))
	if err != nil {
		return nil //nolint:nilerr // it is gone, and with it the danger
	}
	r.req.On.Warned(fmt.Sprintf("%s is set aside: %s", r.path(f.place), crashReason))
	if err := b.PutFailure(ctx, store.Failure{Place: f.place, Stat: stat, Stage: store.StageCrash, Reason: crashReason, Decoder: r.req.Reader.Version()}); err != nil {
		return err
	}
	return b.DeleteSuspect(ctx, f.place)
}

// stream runs the pipeline over the tasks that source sends: read and decode (workers), embed, write.
//
//	source -> tasks -> read (workers) -> ready -> embed (Embedder.Batch) -> writes -> write (1, transactions)
//	                       `------------- known, failed -------------------^
func (r *run) stream(ctx context.Context, workers int, alone bool, source func(context.Context, chan<- task) error) error {
	writing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// taskQueue paths are some 10 MB; with them the walk is far enough ahead to tell how much remains.
	const taskQueue = 1 << 16
	tasks := make(chan task, taskQueue)
	ready := make(chan decoded, r.readyQueue(workers))
	writes := make(chan write, 64)
	written := make(chan error, 1)
	go func() {
		err := r.write(ctx, writes)
		if err != nil {
			cancel(err) // nothing that is made now can be kept
		}
		written <- err
		for range writes { // until the producers have noticed
		}
	}()
	g, gctx := errgroup.WithContext(writing)
	g.Go(func() error {
		defer close(tasks)
		return source(gctx, tasks)
	})
	g.Go(func() error {
		defer close(ready)
		return r.read(gctx, workers, alone, tasks, ready, writes)
	})
	g.Go(func() error { return r.embed(gctx, ready, writes) })
	err := g.Wait()
	close(writes)
	if wErr := <-written; wErr != nil {
		return wErr
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// readyBytes bounds the decoded tensors that wait for the tower: enough for the largest batch that we use and the
// decoders' next ones, little beside the models.
const readyBytes = 32 << 20

func (r *run) readyQueue(workers int) int {
	return max(readyBytes/(4*r.req.Reader.TensorLen()), workers)
}

func feed(ctx, stop context.Context, tasks []task, out chan<- task) error {
	for _, t := range tasks {
		select {
		case out <- t:
		case <-stop.Done():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
