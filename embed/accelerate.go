package embed

import (
	"errors"
	"time"

	"github.com/imgsearch/imgsearch/models"
)

// ErrProviderCrashed reports that native code of a provider crashed and ended the process.
var ErrProviderCrashed = errors.New("crashed in this process")

// initialising is held while a provider is initialised: drivers and compilers do not support two threads at once.
var initialising = make(chan struct{}, 1)

// errBusy reports that another tower's initialisation has not finished in time.
var errBusy = errors.New("another tower is still being initialised")

// How long to wait for native code: a multiple of the time that the trial in a child took, since a busy machine takes longer.
const (
	minInitLimit = 30 * time.Second
	initPatience = 10 // times as long as the trial took
	minRunLimit  = 15 * time.Second
	runPatience  = 50 // times as long as a batch took in the trial
)

// accelerate initialises a provider with a tower in this process. If that crashes the process, the sentinel tells the next
// run, and the crash handler tells the user. first runs the tower once.
func (l *Loader) accelerate(place *placement, file string, open func(tuning) (*session, error), first func(*session, *fallback) error) (*fallback, error) {
	name := place.definition.Name
	if _, err := startRuntime(l.options.Library); err != nil {
		return nil, err
	}
	limit := max(minInitLimit, initPatience*place.expected)
	select {
	case initialising <- struct{}{}:
	case <-time.After(limit):
		l.placer.refuse(file, place, errBusy)
		return nil, errBusy
	}
	use, err := l.placer.beginUse(place)
	if err != nil {
		<-initialising
		l.placer.refuse(file, place, err)
		return nil, err
	}
	f := &fallback{place: place, failed: func(err error) { l.placer.failed(file, use, err) }}
	f.open = func() (*session, error) { return l.openOnProcessor(file) }
	l.options.Logf("loading %s on %s", l.spec.Model.Name, name)
	ready, err := within(limit, func() (*session, error) {
		defer close(use.ready)
		defer func() { <-initialising }()
		s, err := open(tuning{on: place})
		if err != nil {
			return nil, err
		}
		if err := first(s, &fallback{place: place, session: s, limit: limit}); err != nil {
			if !errors.Is(err, errHung) {
				s.close()
			}
			return nil, err
		}
		return s, nil
	})
	if err != nil {
		if !errors.Is(err, errHung) {
			l.placer.endUse(use)
		}
		l.placer.refuse(file, place, err)
		return nil, err
	}
	if err := use.sentinel.Running(); err != nil {
		l.options.Logf("crash sentinel: %v", err)
	}
	f.session, f.limit = ready, max(minRunLimit, runPatience*place.runs)
	return f, nil
}

// Interrupted records for the next run that the user ended this one, and that it did not crash. The process is about to end.
func (l *Loader) Interrupted() { l.placer.interrupted() }

func (l *Loader) accelerateVisual(place *placement) (*Visual, error) {
	v := &Visual{spec: l.spec, canary: canaryPicture(l.spec.Preprocess.TensorLen())}
	f, err := l.accelerate(place, models.VisualFile, func(tune tuning) (*session, error) {
		tower, err := openVisual(l.spec, tune)
		if err != nil {
			return nil, err
		}
		return tower.session, nil
	}, func(s *session, f *fallback) error {
		first := &Visual{session: s, spec: l.spec, fallback: f, canary: v.canary}
		_, err := first.tryAccelerated()
		return err
	})
	if err != nil {
		return nil, err
	}
	v.session, v.fallback = f.session, f
	return v, nil
}

// tryAccelerated runs a batch on the provider, without falling back to the processor.
func (v *Visual) tryAccelerated() ([][]float32, error) {
	return v.fallback.accelerated(1, v.feed(v.canary))
}

func (l *Loader) accelerateTextual(place *placement) (*Textual, error) {
	var t *Textual
	f, err := l.accelerate(place, models.TextualFile, func(tune tuning) (*session, error) {
		tower, err := openTextual(l.spec, tune)
		if err != nil {
			return nil, err
		}
		t = tower
		return tower.session, nil
	}, func(_ *session, f *fallback) error {
		_, err := f.accelerated(1, t.feed([]string{"a"}))
		return err
	})
	if err != nil {
		return nil, err
	}
	t.fallback = f
	return t, nil
}

// openOnProcessor loads a tower on the processor for the rows that a provider left undone: they run one by one, on all cores.
func (l *Loader) openOnProcessor(file string) (*session, error) {
	tune := tuning{threads: 1, alone: true}
	if file == models.TextualFile {
		t, err := load(l.setup, openTextual, tune)
		if err != nil {
			return nil, err
		}
		return t.session, nil
	}
	v, err := load(l.setup, openVisual, tune)
	if err != nil {
		return nil, err
	}
	return v.session, nil
}
