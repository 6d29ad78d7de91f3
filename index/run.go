package index

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
)

// Run brings the index up to date. Closing stop ends the run in an orderly way: what is in flight is finished and
// committed, and nothing is dropped. Ending ctx ends it at once; what was committed stays.
// The caller holds the index's lock unless the run is dry.
func Run(ctx context.Context, s store.Store, req Request, stop <-chan struct{}) (Summary, error) {
	begin := time.Now()
	req.On = req.On.withDefaults()
	if req.MaxBytes == 0 {
		req.MaxBytes = decodeBudget
	}
	plan, err := makePlan(ctx, s, req.Paths)
	if err != nil {
		return Summary{}, err
	}
	if !req.DryRun {
		if err := plan.makeRoots(ctx, s); err != nil {
			return Summary{}, err
		}
	}
	r := newRun(s, req, plan.roots)
	r.stop = newStopper(ctx, stop, req.For)
	defer r.stop.end()
	if req.DryRun {
		err = r.dryRun(ctx, plan.targets)
	} else {
		err = r.recorded(ctx, begin, func() error { return r.bringUpToDate(ctx, plan.targets) })
	}
	return r.summary(begin), err
}

// run is the state of one Run.
type run struct {
	store    store.Store
	req      Request
	roots    map[store.RootID]store.Root
	stop     *stopper
	runID    store.RunID
	journal  *journal // nil in a dry run
	suspects map[store.Place]bool
	counts   counts
	claims   claims
	disks    disks
	tensors  sync.Pool  // of *[]float32, of Reader.TensorLen values
	gone     []rootGone // one for each walk that came to its end
	starting sync.Once  // of the tower
	complete bool
}

// sequential reports whether a disk serves one reader better than several.
var sequential = disk.Sequential // tests make it so

func newRun(s store.Store, req Request, roots []store.Root) *run {
	r := &run{store: s, req: req, roots: make(map[store.RootID]store.Root)}
	r.tensors.New = func() any {
		tensor := make([]float32, req.Reader.TensorLen())
		return &tensor
	}
	r.counts.n.Skipped = make(map[string]int)
	r.disks.sequential = sequential
	for _, root := range roots {
		r.roots[root.ID] = root
	}
	return r
}

func (r *run) stopped() bool { return r.stop.isStopped() }

// path is where a file of the index lies.
func (r *run) path(at store.Place) string { return at.Path(r.roots[at.Root].Path) }

// bringUpToDate does the work of a run that is not dry.
func (r *run) bringUpToDate(ctx context.Context, targets []target) error {
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
	var suspects []task
	err = r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error {
		defer r.req.On.Walked()
		var err error
		suspects, err = r.walk(ctx, targets, out)
		return err
	})
	if err != nil {
		return err
	}
	if len(suspects) > 0 && !r.stopped() { // each alone, last
		if err := r.stream(ctx, 1, true, func(ctx context.Context, out chan<- task) error { return r.feed(ctx, suspects, out) }); err != nil {
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

// found counts files that must be read, and has the tower loaded for them.
func (r *run) found(files int) {
	for range files {
		r.req.On.Found()
	}
	if r.req.Start != nil && !r.req.DryRun {
		r.starting.Do(r.req.Start)
	}
}

// prepareSearch makes what was added quick to search.
func (r *run) prepareSearch(ctx context.Context) error {
	err := r.store.PrepareSearch(ctx, r.req.Model.Identity)
	if errors.Is(err, store.ErrSlowSearch) {
		r.req.On.Noticed(SlowSearch{err})
		return nil
	}
	return err
}
