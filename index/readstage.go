package index

import (
	"context"
	"errors"
	"io/fs"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/scan"
)

// errChanged is a file that was written while it was read: the next run reads it whole.
var errChanged = errors.New("the file changed while it was read")

// read reads tasks until they are drained or ctx ends. What needs no vector, or failed, goes straight to writes.
func (r *run) read(ctx context.Context, workers int, alone bool, tasks <-chan task, ready chan<- decoded, writes chan<- write) error {
	share := r.req.decodeShare()
	budget := semaphore.NewWeighted(share)
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		w := &worker{run: r, budget: budget, share: share, slot: i, alone: alone, ready: ready, writes: writes}
		g.Go(func() error {
			for t := range tasks {
				if r.stopped() {
					continue // drain
				}
				if err := w.file(ctx, t); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// worker is one of those that read files.
type worker struct {
	*run

	budget *semaphore.Weighted
	share  int64 // of the budget, at most
	slot   int   // in the journal
	alone  bool
	ready  chan<- decoded
	writes chan<- write
}

// file reads a file, and then, each for itself, those that were taken for its twins and are not.
func (w *worker) file(ctx context.Context, t task) error {
	apart, err := w.readOne(ctx, t)
	for _, other := range apart {
		if err == nil {
			err = w.file(ctx, other)
		}
	}
	return err
}

// readOne takes a file its way, a second time if it changed meanwhile: it may be finished now. An error is one of the run; what is
// wrong with the file is recorded.
func (w *worker) readOne(ctx context.Context, t task) (apart []task, err error) {
	if t.preview == nil {
		w.journal.enter(w.slot, t.place, w.alone)
		defer w.journal.leave(w.slot)
	}
	w.req.On.Reading()
	f := &reading{task: t}
	err = w.follow(ctx, f, wayOf(t))
	if errors.Is(err, errChanged) {
		if t.refresh { // it is read whole
			t.refresh, t.considered = false, nil
		}
		f = &reading{task: t}
		err = w.follow(ctx, f, wayOf(t))
	}
	if err == nil || ctx.Err() != nil {
		return f.apart, err
	}
	if fatal, ok := errors.AsType[*indexError](err); ok {
		return nil, fatal.err
	}
	if t.preview != nil {
		w.req.On.Noticed(PreviewUnreadable{*t.preview, err})
		w.req.On.Read()
		return nil, nil
	}
	f.task.considered, f.task.twins = nil, nil
	for _, other := range t.twins {
		other.considered = nil // what cannot be read is nobody's twin
		apart = append(apart, other)
	}
	return apart, w.failed(ctx, f.task, err)
}

// indexError is an error of the index, which ends the run, among those of files.
type indexError struct{ err error }

func (e *indexError) Error() string { return e.err.Error() }

func broken(err error) error { return &ContentError{Verdict: Broken, Err: err} }

// failed records a file that cannot be indexed: what its bytes are to blame for is remembered.
func (w *worker) failed(ctx context.Context, t task, err error) error {
	content, ok := errors.AsType[*ContentError](err)
	if !ok {
		if errors.Is(err, fs.ErrNotExist) {
			w.req.On.Read() // it went while we were on our way: the next walk knows
			return nil
		}
		w.counts.add(func(n *Summary) { n.Scanned++; n.Failed++ })
		w.req.On.Failed(w.path(t.place), fserr.Cause(err))
		w.req.On.Read()
		return nil
	}
	failure := store.Failure{Place: t.place, Stat: t.stat, Stage: store.StageDecode, Reason: content.Error(), Decoder: w.req.Reader.Version()}
	switch content.Verdict {
	case NotPicture:
		failure.Stage, failure.Reason = store.StageSniff, string(scan.NotPicture)
	case Unsupported:
		failure.Stage, failure.Reason = store.StageSniff, string(scan.Unsupported)
		w.req.On.Unsupported(w.path(t.place), err)
	case Broken:
		w.req.On.Failed(w.path(t.place), err)
	}
	return w.send(ctx, write{task: t, failure: &failure})
}

func (w *worker) send(ctx context.Context, op write) error {
	select {
	case w.writes <- op:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
