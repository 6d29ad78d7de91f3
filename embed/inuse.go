package embed

import (
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/embed/provider"
)

// inUse is a provider that this process uses, or tries to.
type inUse struct {
	place    *placement
	sentinel *provider.Sentinel
	disarm   func()
	// ready is closed when the initialisation has ended, successfully or not.
	ready chan struct{}
	// failed reports whether it failed while it was in use.
	failed bool
}

// closeWait is how long the end of the process waits for an initialisation in progress.
const closeWait = 10 * time.Second

// beginUse creates the sentinel and arms the crash handler.
func (p *placer) beginUse(place *placement) (*inUse, error) {
	sentinel, err := p.options.Accelerate.State.Begin(provider.Use{
		Provider: place.definition.Name, Variant: place.variant, Slot: place.slot, Key: place.key, Tried: place.tried,
	})
	if err != nil {
		return nil, err
	}
	disarm, err := p.options.Library.arm(fmt.Errorf("the provider %s %w", place.definition.Name, ErrProviderCrashed), sentinel.Path())
	if err != nil {
		return nil, errors.Join(err, sentinel.End())
	}
	use := &inUse{place: place, sentinel: sentinel, disarm: disarm, ready: make(chan struct{})}
	p.mu.Lock()
	p.inUse = append(p.inUse, use)
	p.mu.Unlock()
	return use, nil
}

// endUse removes the sentinel. failed reports whether the provider failed while it was in use.
func (p *placer) endUse(use *inUse) (failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, u := range p.inUse {
		if u == use {
			p.inUse = append(p.inUse[:i], p.inUse[i+1:]...)
			u.disarm()
			if err := u.sentinel.End(); err != nil {
				p.options.Logf("crash sentinel: %v", err)
			}
			return use.failed
		}
	}
	return use.failed
}

// close ends every use. One that does not end in time keeps its sentinel.
func (p *placer) close() {
	p.mu.Lock()
	left := append([]*inUse(nil), p.inUse...)
	p.mu.Unlock()
	state := p.options.Accelerate.State
	deadline := time.After(closeWait)
	for _, use := range left {
		select {
		case <-use.ready:
			failed := p.endUse(use)
			if r := state.Record(use.place.slot, use.place.definition.Name, use.place.key); r.Deaths > 0 && !r.Avoid && !failed {
				state.Forgive(use.place.slot, use.place.definition.Name)
			}
		case <-deadline: // still an orderly end
			p.interrupted()
			return
		}
	}
}

// interrupted records in the sentinels that the user ended the process.
func (p *placer) interrupted() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, use := range p.inUse {
		if err := use.sentinel.Interrupted(); err != nil {
			p.options.Logf("crash sentinel: %v", err)
		}
	}
}

// refuse records that a chosen provider could not be initialised in this process.
func (p *placer) refuse(file string, place *placement, err error) {
	name := place.definition.Name
	p.options.Notify(ProviderRefused{name, err})
	p.report(file, Provider{Name: string(provider.CPU), Reason: fmt.Sprintf("%s: %v", name, err), IsChosen: true})
	p.noteFailure(place, err)
}

// failed records that a provider failed while it ran.
func (p *placer) failed(file string, use *inUse, err error) {
	name := use.place.definition.Name
	p.options.Notify(ProviderFailed{name, err})
	p.report(file, Provider{Name: string(provider.CPU), Reason: fmt.Sprintf("%s failed in this run: %v", name, err), IsChosen: true})
	p.mu.Lock()
	use.failed = true
	p.mu.Unlock()
	p.noteFailure(use.place, err)
	if !errors.Is(err, errHung) { // what hangs may still crash
		p.endUse(use)
	}
}

// noteFailure makes the next run try the provider in a child before it relies on it. After a second failure in a row the
// provider is avoided, since it works in a child but not in a main process.
func (p *placer) noteFailure(place *placement, err error) {
	state := p.options.Accelerate.State
	name, now := place.definition.Name, time.Now()
	r := state.Record(place.slot, name, place.key)
	r.Blame(fmt.Sprintf("%s failed on %s: %v", name, now.Format("2006-01-02 15:04"), err))
	if err := state.KeepRecord(r); err != nil {
		p.options.Logf("%v", err)
	}
	v, fresh, _ := state.Verdict(place.slot, place.key)
	if !fresh {
		return
	}
	v.Fail(name, err.Error(), now)
	if err := state.Keep(v); err != nil {
		p.options.Logf("%v", err)
	}
}
