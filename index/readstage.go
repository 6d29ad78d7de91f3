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

// errChanged means that a file was written to while it was read: the next run reads it completely.
var errChanged = errors.New("the file changed while it was read")

// read reads tasks until they are drained or ctx ends. Files that need no vector, or failed, go straight to writes.
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
				work := w.file
				if t.text != nil {
					work = w.readTextOf
				}
				if err := work(ctx, t); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// worker is one of the goroutines that read files.
type worker struct {
	*run

	budget *semaphore.Weighted
	share  int64 // of the budget, at most
	slot   int   // in the journal
	alone  bool
	ready  chan<- decoded
	writes chan<- write
}

// file reads a file and then, one by one, the files that were taken for its twins but are not.
func (w *worker) file(ctx context.Context, t task) error {
	apart, err := w.readOne(ctx, t)
	for _, other := range apart {
		if err == nil {
			err = w.file(ctx, other)
		}
	}
	return err
}

// readOne runs a file's steps, and once more if the file changed meanwhile: it may be complete now. A returned error ends the run; errors
// of the file are recorded.
func (w *worker) readOne(ctx context.Context, t task) (apart []task, err error) {
	if t.preview == nil {
		w.journal.enter(w.slot, t.place, w.alone)
		defer w.journal.leave(w.slot)
	}
	w.req.On.Reading()
	f := &reading{task: t}
	err = w.follow(ctx, f, wayOf(t))
	if errors.Is(err, errChanged) {
		if t.refresh { // read it completely
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
		other.considered = nil // a file that cannot be read is not a twin
		apart = append(apart, other)
	}
	return apart, w.failed(ctx, f.task, err)
}

// indexError is an error of the index, which ends the run, unlike an error of a file.
type indexError struct{ err error }

func (e *indexError) Error() string { return e.err.Error() }

func broken(err error) error { return &ContentError{Verdict: Broken, Err: err} }

// failed handles a file that cannot be indexed: the failure is recorded in the index only if the file's bytes are to blame.
func (w *worker) failed(ctx context.Context, t task, err error) error {
	content, ok := errors.AsType[*ContentError](err)
	if !ok {
		if errors.Is(err, fs.ErrNotExist) {
			w.unseen.add(t.place)
			w.req.On.Read() // it was deleted meanwhile: the next walk will notice
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
