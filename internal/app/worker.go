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

// WorkerWords describe to users what happens to a worker.
type WorkerWords interface {
	Fault(err error) jobs.Fault
	// IsLasting reports whether trying again does not help.
	IsLasting(f jobs.Fault) bool
	Notice(n index.Notice) string
	Path(path string) string
}

// WorkerOptions configure a worker.
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
	// Words describe what happens to users.
	Words WorkerWords
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
	place   string       // where the tower computes
	room    int64        // for files and decoded pictures
	number  *flock.Flock // of this worker on this machine
	base    string       // of the paths of this worker's files
	crashes index.Crashes

	mu     sync.Mutex
	models map[string]workerModel   // by identity
	towers map[string]*embed.Loader // likewise
	texts  map[string]*textLoader   // likewise
	probes map[string]chan bool     // of the roots whose disks have not answered yet, by path
}

// workerModel is the model of a session, also as the index has it.
type workerModel struct {
	Model

	stored store.Model
}

// NewWorker prepares a worker: it loads the index's model and computes a vector with it, so that no job finds out that it does not work here.
func (s *Shared) NewWorker(ctx context.Context, o WorkerOptions) (*Worker, error) {
	w := &Worker{Shared: s, o: o, models: make(map[string]workerModel), towers: make(map[string]*embed.Loader), texts: make(map[string]*textLoader), probes: make(map[string]chan bool)}
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
	w.crashes, err = index.TakeOver(ctx, s.ix, index.Request{Reader: pictures.Reader{Spec: m.Spec}, On: w.events(nil, store.Root{})}, w.Journal(), w.base+".crashes")
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
	loader = w.towers[m.Identity]
	if loader == nil {
		loader = w.app.Loader(m, Loading{Provider: w.o.Provider})
		if err := errors.Join(loader.CheckAsked(), loader.Prepare()); err != nil {
			w.app.Release(loader)
			return nil, nil, err
		}
		w.towers[m.Identity] = loader
	}
	return loader, func() {}, nil
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

// Journal returns the path of the file that records what is being read, as in index.Request.
func (w *Worker) Journal() string { return w.base + ".inflight" }

// Provider returns where the tower computes.
func (w *Worker) Provider() string { return w.place }

// Run takes jobs until stop is closed.
func (w *Worker) Run(ctx context.Context, stop <-chan struct{}) error {
	return w.q.Work(ctx, stop, jobqueue.Options{
		Handler: parts{w}, Roots: w.roots, Seconds: w.seconds, Version: w.o.Version, Provider: w.place, Everything: len(w.o.Roots) == 0,
		Reserve: w.o.Reserve, Log: w.o.Log,
	})
}

// Close frees the models, but not the index.
func (w *Worker) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, tower := range w.towers {
		w.app.Release(tower)
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

// reaches reports whether a root can be reached. While a disk does not answer, such as that of a network that is down, it is not asked again.
func (w *Worker) reaches(r store.Root) bool {
	w.mu.Lock()
	probe, pending := w.probes[r.Path]
	if !pending {
		probe = make(chan bool, 1)
		w.probes[r.Path] = probe
		go func() { probe <- index.Reachable(r) == nil }()
	}
	w.mu.Unlock()
	select {
	case reached := <-probe:
		w.mu.Lock()
		delete(w.probes, r.Path)
		w.mu.Unlock()
		return reached
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
func (w *Worker) model(ctx context.Context, of sharedModel) (m workerModel, err error) {
	w.mu.Lock()
	m, known := w.models[of.Identity]
	w.mu.Unlock()
	if known {
		return m, nil
	}
	if m.Model, err = w.app.ChooseModel(ctx, w.ix, ModelChoice{of.Name, of.Precision}, true); err != nil {
		return m, err
	}
	if m.Identity != of.Identity {
		return m, &OtherModelError{of.Name}
	}
	all, err := w.ix.Models(ctx)
	if err != nil {
		return m, err
	}
	if m.stored, known = all.ByIdentity(of.Identity); !known {
		return m, fmt.Errorf("%w: %s", store.ErrUnknownModel, of.Name)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.models[of.Identity] = m
	return m, nil
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
