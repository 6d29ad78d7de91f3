package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres/jobqueue"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// WorkerOptions say how a worker works.
type WorkerOptions struct {
	// Roots are the names or paths of the roots whose jobs it takes; none: those of all roots that this machine sees.
	Roots    []string
	Provider provider.Name
	// Jobs is the number of files that are read at once, MaxMemory the limit of the process in bytes; 0: MemoryLimit.
	Jobs      int
	MaxMemory int64
	// Version is the program's.
	Version string
	// Reserve works only while no other worker does.
	Reserve bool
	Log     *slog.Logger
	// Fault says an error, Notice a notice, and Path the path of a file, to users.
	Fault func(error) jobs.Fault
	// IsLasting reports whether trying again would not help.
	IsLasting func(jobs.Fault) bool
	Notice    func(index.Notice) string
	Path      func(string) string
	// Vision lends the vision tower of a model, until done is called; nil: the worker loads it, and keeps it.
	Vision func(m Model) (loader *embed.Loader, done func())
	// Embedder replaces the vision tower, for measurements; nil: it is not replaced.
	Embedder func(Model) index.Embedder
}

// Worker does the jobs of a shared index on this machine.
type Worker struct {
	*Shared

	o       WorkerOptions
	seconds float64
	place   string // where the tower computes
	room    int64  // for files and decoded pictures
	number  *flock.Flock
	base    string // of the journals
	crashes index.Crashes

	mu     sync.Mutex
	models map[string]*workerModel
	texts  map[string]*textLoader
	asked  map[string]chan bool // the roots whose disks have not answered yet, by their paths
}

// workerModel is a model that the worker has loaded.
type workerModel struct {
	Model

	loader *embed.Loader
	stored store.Model
}

// batchesAtOnce is the number of batches that a worker reads at once. With two, one worker would hold a batch that another, idle one could read.
const batchesAtOnce = 1

// NewWorker prepares a worker: it loads the index's model and computes a vector with it, so that no job finds out that it does not work here.
func (s *Shared) NewWorker(ctx context.Context, o WorkerOptions) (*Worker, error) {
	w := &Worker{Shared: s, o: o, models: make(map[string]*workerModel), texts: make(map[string]*textLoader), asked: make(map[string]chan bool)}
	w.o.Roots = slices.Clone(o.Roots)
	if err := w.checkRoots(ctx); err != nil {
		return nil, err
	}
	m, err := s.app.ChooseModel(ctx, s.ix, ModelChoice{}, true)
	if err != nil {
		return nil, err
	}
	if err := w.test(ctx, m); err != nil {
		return nil, err
	}
	if err := w.takeNumber(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	w.crashes, err = index.TakeOver(ctx, s.ix, index.Request{Reader: pictures.Reader{Spec: m.Spec}, On: w.events(nil, store.Root{})}, w.Journals(), w.base+".crashes")
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// UnknownRootError is a root that a worker was to serve and that the index does not have on this machine.
type UnknownRootError struct{ Name string }

func (e *UnknownRootError) Error() string {
	return fmt.Sprintf("%q is %v on this machine", e.Name, store.ErrNoRoot)
}

func (e *UnknownRootError) Unwrap() error { return store.ErrNoRoot }

// checkRoots rejects roots that this machine does not have.
func (w *Worker) checkRoots(ctx context.Context) error {
	all, err := w.ix.Roots(ctx)
	if err != nil {
		return err
	}
	for _, name := range w.o.Roots {
		if !slices.ContainsFunc(all, func(r store.Root) bool { return !r.Elsewhere && isNamed(r, name) }) {
			return &UnknownRootError{name}
		}
	}
	return nil
}

// isNamed reports whether a root has a name, or a path.
func isNamed(r store.Root, name string) bool {
	if r.Name == name {
		return true
	}
	path, err := filepath.Abs(name)
	return err == nil && r.Path == path
}

// test computes a vector, and measures how long that takes.
func (w *Worker) test(ctx context.Context, m Model) error {
	tensor := make([]float32, pictures.Reader{Spec: m.Spec}.TensorLen())
	if w.o.Embedder != nil {
		w.place = "none"
		begin := time.Now()
		_, err := w.o.Embedder(m).Embed(tensor, 1)
		w.seconds = time.Since(begin).Seconds()
		w.reserve(0)
		return err
	}
	loader, done, err := w.vision(m)
	if err != nil {
		return err
	}
	defer done()
	tower, err := loader.Visual(ctx)
	if err != nil {
		return err
	}
	for range 2 { // the first one warms up
		begin := time.Now()
		if _, err := tower.Embed(tensor, 1); err != nil {
			return err
		}
		w.seconds = time.Since(begin).Seconds()
	}
	w.place = loader.Provider().Name
	size, err := loader.VisualBytes()
	if err == nil {
		w.reserve(size)
	}
	return err
}

// reserve sets the memory for pictures beside a tower.
func (w *Worker) reserve(tower int64) {
	limit := MemoryLimit(w.o.MaxMemory)
	room, heap := DecodeLimit(limit, tower)
	w.room = room
	if w.o.Vision == nil {
		debug.SetMemoryLimit(heap)
	}
}

// vision returns the loader of a model's vision tower.
func (w *Worker) vision(m Model) (loader *embed.Loader, done func(), err error) {
	if w.o.Vision != nil {
		loader, done = w.o.Vision(m)
		return loader, done, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	known := w.models[m.Identity]
	if known == nil || known.loader == nil {
		l := w.app.Loader(m, Loading{Provider: w.o.Provider})
		if err := errors.Join(l.CheckAsked(), l.Prepare()); err != nil {
			w.app.Release(l)
			return nil, nil, err
		}
		known = &workerModel{Model: m, loader: l}
		w.models[m.Identity] = known
	}
	return known.loader, func() {}, nil
}

// maxWorkers is more than the workers that a machine has.
const maxWorkers = 64

// takeNumber takes the lowest number that no other worker on this machine has, so that its journals are found after a crash.
func (w *Worker) takeNumber() error {
	at, err := w.app.Index()
	if err != nil {
		return err
	}
	for n := 1; n <= maxWorkers; n++ {
		base := fmt.Sprintf("%s.worker-%d", at.Base(), n)
		lock := flock.New(base+".lock", flock.SetPermissions(0o600))
		ok, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("lock %q: %w", base+".lock", err)
		}
		if ok {
			w.number, w.base = lock, base
			return nil
		}
	}
	return fmt.Errorf("%d workers run on this machine for this index", maxWorkers)
}

// Journals returns the paths of the files that record what is being read.
func (w *Worker) Journals() (list []string) {
	for slot := range batchesAtOnce {
		list = append(list, w.journal(slot))
	}
	return list
}

func (w *Worker) journal(slot int) string { return fmt.Sprintf("%s-%d.inflight", w.base, slot) }

// Provider returns where the tower computes.
func (w *Worker) Provider() string { return w.place }

// Run takes jobs until stop is closed.
func (w *Worker) Run(ctx context.Context, stop <-chan struct{}) error {
	return w.q.Work(ctx, stop, jobqueue.Options{
		Handler: parts{w}, Roots: w.roots, AtOnce: batchesAtOnce, Seconds: w.seconds, Version: w.o.Version, Provider: w.place, Everything: len(w.o.Roots) == 0,
		Reserve: w.o.Reserve, Log: w.o.Log,
	})
}

// Close frees the models, but not the index.
func (w *Worker) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.models {
		if m.loader != nil {
			w.app.Release(m.loader)
		}
	}
	for _, t := range w.texts {
		t.free()
	}
	if w.o.Vision == nil {
		debug.SetMemoryLimit(math.MaxInt64)
	}
	if w.number == nil {
		return nil
	}
	return w.number.Close()
}

// roots returns the roots that this worker serves.
func (w *Worker) roots(ctx context.Context) (reachable, known []store.Root, err error) {
	all, err := w.ix.Roots(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		if r.Elsewhere || len(w.o.Roots) > 0 && !slices.ContainsFunc(w.o.Roots, func(name string) bool { return isNamed(r, name) }) {
			continue
		}
		known = append(known, r)
		if !r.Walked || w.reaches(r) {
			reachable = append(reachable, r)
		}
	}
	return reachable, known, nil
}

// answerTime is how long a root's disk has to answer.
const answerTime = 2 * time.Second

// reaches reports whether a root can be reached. A disk that does not answer, as that of a network that is down, is asked again when it has answered.
func (w *Worker) reaches(r store.Root) bool {
	w.mu.Lock()
	answer, waiting := w.asked[r.Path]
	if !waiting {
		answer = make(chan bool, 1)
		w.asked[r.Path] = answer
		go func() { answer <- index.Reachable(r) == nil }()
	}
	w.mu.Unlock()
	select {
	case is := <-answer:
		w.mu.Lock()
		delete(w.asked, r.Path)
		w.mu.Unlock()
		return is
	case <-time.After(answerTime):
		return false
	}
}

// OtherModelError means that a session's model is another one on this machine.
type OtherModelError struct{ Name string }

func (e *OtherModelError) Error() string {
	return fmt.Sprintf("model %s has other files on this machine than where the session was started", e.Name)
}

// model returns the model of a session.
func (w *Worker) model(ctx context.Context, of sharedModel) (*workerModel, error) {
	w.mu.Lock()
	known := w.models[of.Identity]
	usable := known != nil && known.stored.Identity != ""
	w.mu.Unlock()
	if usable {
		return known, nil
	}
	m, err := w.app.ChooseModel(ctx, w.ix, ModelChoice{of.Name, of.Precision}, true)
	if err != nil {
		return nil, err
	}
	if m.Identity != of.Identity {
		return nil, &OtherModelError{of.Name}
	}
	all, err := w.ix.Models(ctx)
	if err != nil {
		return nil, err
	}
	stored, ok := all.ByIdentity(of.Identity)
	if !ok {
		return nil, fmt.Errorf("%w: %s", store.ErrUnknownModel, of.Name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if known = w.models[of.Identity]; known == nil {
		known = &workerModel{Model: m}
		w.models[of.Identity] = known
	}
	known.stored = stored
	return known, nil
}

// textLoader returns the loader of a text model.
func (w *Worker) textLoader(m TextModel) *textLoader {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.texts[m.Identity]
	if l == nil {
		l = &textLoader{app: w.app, model: m}
		w.texts[m.Identity] = l
	}
	return l
}

// optionsOf returns the options of a session.
func optionsOf(s jobqueue.Session) (o sharedOptions, err error) {
	if err := json.Unmarshal(s.Options, &o); err != nil {
		return o, fmt.Errorf("session %d: %w: %w", s.ID, store.ErrDamaged, err)
	}
	return o, nil
}
