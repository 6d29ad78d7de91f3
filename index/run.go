package index

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
)

// Run brings the index up to date. Closing stop stops the run gracefully: files in flight are finished and
// committed, and nothing is dropped. Cancelling ctx stops it at once; what was committed stays.
// The caller must hold the index's lock, except for a dry run.
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
		if known := plan.known(); req.LockRoots != nil && len(known) > 0 {
			lock, err := req.LockRoots(ctx, known)
			if err != nil {
				return Summary{}, err
			}
			defer lock.Unlock() //nolint:errcheck // the run has ended
		}
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
	gone     []rootGone // one for each finished walk
	starting sync.Once  // loads the tower
	// unseen are files of a batch that are not on this machine; nil: they are taken for deleted.
	unseen *unseenFiles
	// textFailures counts the pictures in a row on which the text model failed.
	textFailures atomic.Int32
	// textSlots limits how many texts are read at once.
	textSlots chan struct{}
	complete  bool
}

// sequential reports whether a disk is faster with one reader than with several.
var sequential = disk.Sequential // tests replace it

func newRun(s store.Store, req Request, roots []store.Root) *run {
	r := &run{store: s, req: req, roots: make(map[store.RootID]store.Root)}
	r.tensors.New = func() any {
		tensor := make([]float32, req.Reader.TensorLen())
		return &tensor
	}
	r.counts.n.Skipped = make(map[string]int)
	r.disks.sequential = sequential
	if req.Text != nil { // with the vectors, half as many: the tower works too
		r.textSlots = make(chan struct{}, max(1, req.Text.AtOnce/2))
	}
	for _, root := range roots {
		r.roots[root.ID] = root
	}
	return r
}

func (r *run) stopped() bool { return r.stop.isStopped() }

// path returns the path of a file in the index.
func (r *run) path(at store.Place) string { return at.Path(r.roots[at.Root].Path) }

// bringUpToDate does the work of a run that is not dry.
func (r *run) bringUpToDate(ctx context.Context, targets []target) error {
	j, left, err := openJournal(r.req.Journal)
	if err != nil {
		return err
	}
	r.journal = j
	// After an error or a crash the file remains, and the next run starts from it.
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
	if len(suspects) > 0 && !r.stopped() { // last, one at a time
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
		return errors.Join(r.prepareSearch(ctx), r.readTexts(ctx, targets)) // which only counts
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	r.complete = true
	if err := r.prepareSearch(ctx); err != nil {
		return err
	}
	return r.readTexts(ctx, targets)
}

// found counts files that must be read, and starts loading the tower for them.
func (r *run) found(files int) {
	for range files {
		r.req.On.Found()
	}
	if r.req.Start != nil && !r.req.DryRun {
		r.starting.Do(r.req.Start)
	}
}

// prepareSearch makes searches over what was added fast.
func (r *run) prepareSearch(ctx context.Context) error {
	err := r.store.PrepareSearch(ctx, r.req.Model.Identity)
	if errors.Is(err, store.ErrSlowSearch) {
		r.req.On.Noticed(SlowSearch{err})
		return nil
	}
	if repaired, ok := errors.AsType[*store.RepairedError](err); ok {
		r.req.On.Noticed(VectorsRepaired{repaired.Rebuilt, repaired.Deleted})
		return nil
	}
	return err
}
