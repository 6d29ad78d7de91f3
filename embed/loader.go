package embed

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/models"
)

// Options say how a Loader loads.
type Options struct {
	// Library says where the native runtime is and what loading it may do.
	Library RuntimeOptions
	// Accelerate says what the towers may run on besides the processor.
	Accelerate Acceleration
	// Precision is the vision tower's precision; "" is FP32.
	Precision Precision
	// CacheDirs are the folders for copies of the model that fit this machine, best first.
	CacheDirs []string
	// FreeBytes returns the free space at a path; nil: it is not checked.
	FreeBytes func(path string) (uint64, error)
	// OneShot says that each tower will run only once in this process: loading time matters, not running time.
	OneShot bool
	// Logf logs each step in detail; nil: nothing is logged.
	Logf func(format string, args ...any)
	// Notify receives what the user should know; nil: it is dropped.
	Notify func(Notice)
}

// Loader is the only way to load a tower: every subcommand uses it. It starts the native runtime and loads each tower at
// most once, under a lock, and only the towers that are needed. Its methods may be called from any goroutine.
type Loader struct {
	*setup

	int8    func() (string, error) // makes the int8 copy of the vision tower and returns its path
	visual  future[*Visual]
	textual future[*Textual]
	placer  *placer
}

// setup is what a loader and its placer share. Neither changes it.
type setup struct {
	spec    Spec
	options Options
	library func() (ortlib.Library, error) // finds the runtime library, once
}

// NewLoader returns a loader that has loaded nothing yet.
func NewLoader(spec Spec, o Options) *Loader {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	if o.Notify == nil {
		o.Notify = func(Notice) {}
	}
	l := &Loader{setup: &setup{spec: spec, options: o}}
	l.library = sync.OnceValues(func() (ortlib.Library, error) { return ortlib.Find(o.Library.Options) })
	l.placer = newPlacer(l.setup)
	l.int8 = sync.OnceValues(func() (string, error) { return l.quantizedTower(models.VisualFile) })
	l.visual.load = func() (*Visual, error) {
		place, err := l.placer.place(models.VisualFile)
		if err != nil {
			return nil, err
		}
		if place != nil {
			if tower, err := l.accelerateVisual(place); err == nil {
				return tower, nil
			}
		}
		tune := tuning{threads: 1}
		if o.Precision == Int8 {
			if _, err := startRuntime(l.options.Library); err != nil {
				return nil, err // before minutes of work that would be wasted
			}
			var err error
			if tune.path, err = l.int8(); err != nil {
				return nil, err
			}
			// The scale of an integer product is taken over the whole batch: alone, a picture's vector does not
			// depend on its neighbours (measured: cosine 0.99982 in a batch of 8, docs/benchmarks.md#int8).
			tune.alone = true
		}
		tune.freeBatch = tune.path == "" && spec.Model.HasDynamicBatch(models.VisualFile, dynamic.Version)
		return load(l.setup, openVisual, tune)
	}
	l.textual.load = func() (*Textual, error) {
		place, err := l.placer.place(models.TextualFile)
		if err != nil {
			return nil, err
		}
		if place != nil {
			if tower, err := l.accelerateTextual(place); err == nil {
				return tower, nil
			}
		}
		if o.OneShot {
			if tower, ok := l.loadOneShot(); ok {
				return tower, nil
			}
		}
		return load(l.setup, openTextual, tuning{oneShot: o.OneShot, freeBatch: spec.Model.HasDynamicBatch(models.TextualFile, dynamic.Version)})
	}
	return l
}

// loadOneShot loads the text tower's copy for a single run. If it returns false, there is no usable copy, and the caller loads the tower itself.
func (l *Loader) loadOneShot() (*Textual, bool) {
	if _, err := startRuntime(l.options.Library); err != nil {
		return nil, false // loading the tower will report it
	}
	copied, ok := l.findOneShot()
	if !ok {
		return nil, false
	}
	tower, err := load(l.setup, openTextual, tuning{oneShot: true, copied: &copied})
	if err != nil {
		l.options.Logf("the copy for quick searches cannot be used: %v", err)
		return nil, false
	}
	return tower, true
}

func load[T any](l *setup, open func(Spec, tuning) (T, error), tune tuning) (T, error) {
	l.options.Logf("loading %s on cpu", l.spec.Model.Name)
	if _, err := startRuntime(l.options.Library); err != nil {
		var none T
		return none, err
	}
	begin := time.Now()
	tower, err := open(l.spec, tune)
	if err == nil {
		l.options.Logf("embedding dimension %d", l.spec.Dim)
		l.options.Logf("loaded in %v", time.Since(begin).Round(time.Millisecond))
	}
	return tower, err
}

// Prepare makes what the precision needs, once: the int8 copy of the vision tower. It starts nothing native in this
// process. It fails, before anything about the model is recorded, if the model is not available in that precision or if the
// requested provider is not available (provider.ErrMissing).
func (l *Loader) Prepare() error {
	if asked := l.options.Accelerate.Asked; asked != "" && asked != provider.Auto && asked != provider.CPU {
		if _, err := l.placer.place(models.VisualFile); err != nil {
			return err
		}
	}
	if l.options.Precision != Int8 {
		return nil
	}
	_, err := l.int8()
	return err
}

// FullVisualBytes returns the size of the vision tower's file in full precision. It makes no copy.
func (l *Loader) FullVisualBytes() (int64, error) { return l.spec.towerBytes(models.VisualFile) }

// VisualBytes returns the size of the vision tower's file in the chosen precision. It makes the int8 copy if there is none.
func (l *Loader) VisualBytes() (int64, error) {
	if l.options.Precision == Int8 {
		path, err := l.int8()
		if err != nil {
			return 0, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		return info.Size(), nil
	}
	return l.FullVisualBytes()
}

// TextualBytes returns the size of the text tower's file.
func (l *Loader) TextualBytes() (int64, error) { return l.spec.towerBytes(models.TextualFile) }

// Spec returns the content of the model's small files.
func (l *Loader) Spec() Spec { return l.spec }

// Provider returns where the vision tower runs or, before it is loaded, where it will run.
func (l *Loader) Provider() Provider { return l.placer.reported(models.VisualFile) }

// TextProvider is Provider for the text tower.
func (l *Loader) TextProvider() Provider { return l.placer.reported(models.TextualFile) }

// WantsEarlyStart reports whether the vision tower will run on an accelerator, which is then initialised first. On the processor,
// a run that finds nothing to read takes half the time without an early start.
func (l *Loader) WantsEarlyStart() bool { return l.placer.isPlaced(models.VisualFile) }

// Close ends the use of accelerators in an orderly way. It waits for an initialisation in progress, at most for closeWait.
func (l *Loader) Close() { l.placer.close() }

// Free frees the memory of the towers, which cannot be used afterwards. It waits for towers that are being loaded. A process that is
// about to end need not call it.
func (l *Loader) Free() {
	l.visual.end((*Visual).close)
	l.textual.end((*Textual).close)
	Trim()
}

// FreeVisual frees the memory of the vision tower, which cannot be used afterwards. It waits for a tower that is being loaded.
func (l *Loader) FreeVisual() {
	l.visual.end((*Visual).close)
	Trim()
}

// StartVisual starts to load the vision tower, so that it is ready when the first batch is.
func (l *Loader) StartVisual() { l.visual.start() }

// StartTextual starts to load the text tower.
func (l *Loader) StartTextual() { l.textual.start() }

// Visual waits for the vision tower.
func (l *Loader) Visual(ctx context.Context) (*Visual, error) { return l.visual.wait(ctx) }

// Textual waits for the text tower.
func (l *Loader) Textual(ctx context.Context) (*Textual, error) { return l.textual.wait(ctx) }

// future is a value that is computed once, in a separate goroutine.
type future[T any] struct {
	load  func() (T, error)
	once  sync.Once
	done  chan struct{}
	value T
	err   error
}

func (f *future[T]) start() {
	f.once.Do(func() {
		f.done = make(chan struct{})
		go func() {
			defer close(f.done)
			f.value, f.err = f.load()
		}()
	})
}

// errFreed is the error of a future whose value was freed.
var errFreed = errors.New("the model was freed")

// end waits for a value that is being computed and frees it. A value whose computation was not started is never computed.
func (f *future[T]) end(free func(T)) {
	f.once.Do(func() {
		f.done = make(chan struct{})
		f.err = errFreed
		close(f.done)
	})
	<-f.done
	if f.err == nil {
		free(f.value)
		f.err = errFreed
	}
}

func (f *future[T]) wait(ctx context.Context) (T, error) {
	f.start()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
