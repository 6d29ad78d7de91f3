package embed

import (
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/models"
)

// ErrProviderCrashed is native code of a provider that ended the process.
var ErrProviderCrashed = errors.New("crashed in this process")

// initialising is held while a provider is initialised: drivers and compilers are not made for two threads at once.
var initialising = make(chan struct{}, 1)

// errBusy is another provider's initialisation that does not end.
var errBusy = errors.New("another tower's initialisation does not end")

// inUse is a provider that this process uses, or tries to.
type inUse struct {
	place    *placement
	sentinel *provider.Sentinel
	disarm   func()
	// ready is closed when the initialisation has ended, well or not.
	ready chan struct{}
	// failed tells that it failed while it was in use.
	failed bool
}

// The bounds of waiting for native code. What was tried in a child took so long; a machine that is busy takes longer.
const (
	minInitLimit = 30 * time.Second
	initPatience = 10 // times what it took when it was tried
	minRunLimit  = 15 * time.Second
	runPatience  = 50 // times what a batch took when it was tried
	closeWait    = 10 * time.Second
)

// accelerate initialises a provider with a tower in this process, which may be the end of it: a sentinel says so to the
// next run, and the crash handler to the user. first runs the tower once.
func (l *Loader) accelerate(place *placement, file string, open func(tuning) (*session, error), first func(*session, *fallback) error) (*fallback, error) {
	name := place.definition.Name
	if _, err := startRuntime(l.options.Library); err != nil {
		return nil, err
	}
	limit := max(minInitLimit, initPatience*place.expected)
	select {
	case initialising <- struct{}{}:
	case <-time.After(limit):
		l.refuse(file, place, errBusy)
		return nil, errBusy
	}
	use, err := l.beginUse(place)
	if err != nil {
		<-initialising
		l.refuse(file, place, err)
		return nil, err
	}
	f := &fallback{place: place, failed: func(err error) { l.fell(file, place, use, err) }}
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
			l.endUse(use)
		}
		l.refuse(file, place, err)
		return nil, err
	}
	if err := use.sentinel.Running(); err != nil {
		l.options.Logf("crash sentinel: %v", err)
	}
	f.session, f.limit = ready, max(minRunLimit, runPatience*place.runs)
	return f, nil
}

// beginUse leaves the sentinel and sets the crash handler.
func (l *Loader) beginUse(place *placement) (*inUse, error) {
	sentinel, err := l.options.Accelerate.State.Begin(provider.Use{
		Provider: place.definition.Name, Variant: place.variant, Slot: place.slot, Key: place.key, Tried: place.tried,
	})
	if err != nil {
		return nil, err
	}
	disarm, err := l.options.Library.arm(fmt.Errorf("the provider %s %w", place.definition.Name, ErrProviderCrashed), sentinel.Path())
	if err != nil {
		return nil, errors.Join(err, sentinel.End())
	}
	use := &inUse{place: place, sentinel: sentinel, disarm: disarm, ready: make(chan struct{})}
	l.placer.mu.Lock()
	l.placer.inUse = append(l.placer.inUse, use)
	l.placer.mu.Unlock()
	return use, nil
}

// endUse takes the sentinel away.
func (l *Loader) endUse(use *inUse) {
	l.placer.mu.Lock()
	defer l.placer.mu.Unlock()
	for i, u := range l.placer.inUse {
		if u == use {
			l.placer.inUse = append(l.placer.inUse[:i], l.placer.inUse[i+1:]...)
			u.disarm()
			if err := u.sentinel.End(); err != nil {
				l.options.Logf("crash sentinel: %v", err)
			}
			return
		}
	}
}

// close ends what is in use. What does not come to an end in time keeps its sentinel.
func (p *placer) close() {
	p.mu.Lock()
	left := append([]*inUse(nil), p.inUse...)
	p.mu.Unlock()
	state := p.loader.options.Accelerate.State
	deadline := time.After(closeWait)
	for _, use := range left {
		select {
		case <-use.ready:
			p.loader.endUse(use)
			if r := state.Record(use.place.slot, use.place.definition.Name, use.place.key); r.Deaths > 0 && !r.Avoid && !use.failed {
				state.Forgive(use.place.slot, use.place.definition.Name)
			}
		case <-deadline: // an orderly end all the same
			p.interrupted()
			return
		}
	}
}

// interrupted notes in the sentinels that the process ends here because its user wants it to.
func (p *placer) interrupted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, use := range p.inUse {
		if err := use.sentinel.Interrupted(); err != nil {
			p.loader.options.Logf("crash sentinel: %v", err)
		}
	}
}

// Interrupted tells the next run that this one was ended by its user, and did not crash. The process is about to end.
func (l *Loader) Interrupted() { l.placer.interrupted() }

// refuse notes that a provider that had been chosen could not be initialised in this process.
func (l *Loader) refuse(file string, place *placement, err error) {
	name := place.definition.Name
	l.options.Accelerate.Warnf("%s cannot be used, the processor does the work: %v", name, err)
	l.placer.tell(file, Provider{Name: string(provider.CPU), Reason: fmt.Sprintf("%s: %v", name, err), IsChosen: true})
	l.noteFailure(place, err)
}

// fell notes that a provider failed while it ran.
func (l *Loader) fell(file string, place *placement, use *inUse, err error) {
	name := place.definition.Name
	l.options.Accelerate.Warnf("%s failed, the processor goes on: %v", name, err)
	l.placer.tell(file, Provider{Name: string(provider.CPU), Reason: fmt.Sprintf("%s failed in this run: %v", name, err), IsChosen: true})
	l.placer.mu.Lock()
	use.failed = true
	l.placer.mu.Unlock()
	l.noteFailure(place, err)
	if !errors.Is(err, errHung) { // what hangs may still crash
		l.endUse(use)
	}
}

// noteFailure makes the next run try the provider in a child before it counts on it; after a second failure in a row it is
// left alone, since a child gets through where a main process does not.
func (l *Loader) noteFailure(place *placement, err error) {
	state := l.options.Accelerate.State
	name, now := place.definition.Name, time.Now()
	r := state.Record(place.slot, name, place.key)
	r.Blame(fmt.Sprintf("%s failed on %s: %v", name, now.Format("2006-01-02 15:04"), err))
	if err := state.KeepRecord(r); err != nil {
		l.options.Logf("%v", err)
	}
	v, fresh, _ := state.Verdict(place.slot, place.key)
	if !fresh {
		return
	}
	v.Fail(name, err.Error(), now)
	if err := state.Keep(v); err != nil {
		l.options.Logf("%v", err)
	}
}

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

// tryAccelerated runs a batch on the provider, without the processor to fall back to.
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

// openOnProcessor loads a tower for what a provider has left undone: rows run one by one, on all cores.
func (l *Loader) openOnProcessor(file string) (*session, error) {
	tune := tuning{threads: 1, alone: true}
	if file == models.TextualFile {
		t, err := load(l, openTextual, tune)
		if err != nil {
			return nil, err
		}
		return t.session, nil
	}
	v, err := load(l, openVisual, tune)
	if err != nil {
		return nil, err
	}
	return v.session, nil
}
