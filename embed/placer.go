package embed

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/machine"
	"github.com/imgsearch/imgsearch/models"
)

// Acceleration says what the towers may run on besides the processor. The zero value: nothing.
type Acceleration struct {
	// Asked is the provider that the user wants; Auto: the best one that works; "": the processor.
	Asked provider.Name
	// State stores what is known about this machine.
	State provider.Store
	// Session is the kind of session that the state applies to.
	Session machine.Session
	// Program is this program, which children run; "": no children are started, and only State counts.
	Program string
	// Stop is closed when the user wants the process to end: trials in a child are then no longer waited for. Nil: never.
	Stop <-chan struct{}
}

// Provider says where a tower runs, and why there.
type Provider struct {
	Name, Reason string
	// IsChosen reports whether there was an alternative, so that the reason is worth showing.
	IsChosen bool
	// Unmeasured lists accelerators that were not chosen because they were not measured with the tower.
	Unmeasured []string
}

// probeLimit is how long index waits for a child. That is enough to compile a model; warmup allows more.
const probeLimit = 60 * time.Second

// placer decides where a loader's towers run, once per tower, and keeps track of what is in use.
type placer struct {
	*setup

	mu      sync.Mutex
	decided map[string]decision
	provide map[string]Provider
	inUse   []*inUse
}

type decision struct {
	place *placement
	err   error
}

func newPlacer(s *setup) *placer {
	return &placer{setup: s, decided: make(map[string]decision), provide: make(map[string]Provider)}
}

func onProcessor(reason string) Provider { return Provider{Name: string(provider.CPU), Reason: reason} }

// reported returns what was decided for a tower, or what is known without trying anything.
func (p *placer) reported(file string) Provider {
	p.mu.Lock()
	reported, ok := p.provide[file]
	p.mu.Unlock()
	if ok {
		return reported
	}
	if p.options.Accelerate.Asked == provider.CPU {
		return onProcessor("as asked")
	}
	if d := p.expected(file); d != nil {
		return Provider{Name: string(d.definition.Name), Reason: "nothing had to be embedded"}
	}
	return onProcessor("nothing had to be embedded")
}

// isPlaced reports whether a tower will run on an accelerator, as far as is known without trying anything.
func (p *placer) isPlaced(file string) bool { return p.expected(file) != nil }

// expected returns where a tower will run, as far as is known without trying anything; nil is the processor.
func (p *placer) expected(file string) *placement {
	c, ok := p.consider(file)
	if !ok || p.isInt8(file) || len(c.store.Deaths()) > 0 {
		return nil
	}
	v, fresh, _ := c.store.Verdict(c.slot, c.key)
	if !fresh {
		return nil
	}
	for _, d := range c.candidates {
		if c.store.Record(c.slot, d.Name, c.key).Avoid {
			return nil
		}
	}
	return c.choose(v)
}

// report records where a tower runs.
func (p *placer) report(file string, to Provider) {
	p.mu.Lock()
	p.provide[file] = to
	p.mu.Unlock()
	p.options.Logf("the %s tower runs on %s: %s", towerOf(file), to.Name, to.Reason)
}

// place decides where a tower runs; nil is the processor. The error wraps provider.ErrMissing if the requested
// provider is not available.
func (p *placer) place(file string) (*placement, error) {
	p.mu.Lock()
	d, ok := p.decided[file]
	p.mu.Unlock()
	if ok {
		return d.place, d.err
	}
	place, provided, err := p.decide(file)
	p.mu.Lock()
	p.decided[file] = decision{place, err}
	p.mu.Unlock()
	if err == nil {
		p.report(file, provided)
	}
	return place, err
}

// choosing holds what a decision is based on.
type choosing struct {
	*placer
	file       string
	asked      provider.Name
	candidates []provider.Definition
	library    ortlib.Library
	key        provider.Key
	slot       provider.Slot
	store      provider.Store
}

// consider collects the candidates; ok is false if there are none.
func (p *placer) consider(file string) (choosing, bool) {
	o := p.options
	c := choosing{placer: p, file: file, asked: o.Accelerate.Asked, store: o.Accelerate.State}
	if c.asked == "" || c.asked == provider.CPU {
		return c, false
	}
	var err error
	if c.library, err = p.library(); err != nil {
		return c, false // loading it will report the error
	}
	for _, d := range provider.Accelerators(runtime.GOOS, runtime.GOARCH) {
		if (c.asked == provider.Auto || c.asked == d.Name) && d.MayBeIn(c.library) {
			c.candidates = append(c.candidates, d)
		}
	}
	if len(c.candidates) == 0 {
		return c, false
	}
	c.key, c.slot = provider.KeyFor(c.library), p.Slot(file)
	return c, true
}

// Slot returns the slot under which the measurements of a tower are stored.
func (l *setup) Slot(file string) provider.Slot {
	return provider.Slot{Tower: towerOf(file), Model: l.spec.towerKey(file), Title: l.spec.Model.Name, Session: l.options.Accelerate.Session}
}

func (p *placer) decide(file string) (*placement, Provider, error) {
	c, ok := p.consider(file)
	explicit := c.asked != "" && c.asked != provider.Auto && c.asked != provider.CPU
	switch {
	case c.asked == provider.CPU:
		return nil, onProcessor("as asked"), nil
	case p.isInt8(file):
		if explicit {
			p.options.Notify(Int8OnProcessor{c.asked})
		}
		return nil, onProcessor("int8 computes on the processor"), nil
	case !ok && explicit && c.library.Path != "":
		return nil, Provider{}, missing(c.asked, c.library)
	case !ok:
		return nil, onProcessor(noAccelerator), nil
	}
	return c.decide(explicit)
}

// isInt8 reports whether a tower computes in int8, which only the processor does.
func (p *placer) isInt8(file string) bool {
	return file == models.VisualFile && p.options.Precision == Int8
}

// missing returns the error for a provider that is not available.
func missing(n provider.Name, l ortlib.Library) error {
	d, _ := provider.Of(n)
	return &provider.MissingError{Name: n, Needs: d.Needs, Library: l.Path + " (" + l.Origin + ")"}
}

// decide handles what crashed processes left behind, tries candidates that too little is known about, and chooses.
func (c choosing) decide(explicit bool) (*placement, Provider, error) {
	suspects, reasons := c.settle()
	v, fresh, why := c.store.Verdict(c.slot, c.key)
	if !fresh {
		c.logf("%s", why)
		v = provider.Verdict{Key: c.key, Slot: c.slot, By: provider.InARun}
	}
	tried, unmeasured, err := c.learn(&v, suspects, explicit)
	switch {
	case c.isInterrupted():
		return nil, onProcessor("interrupted before anything else was tried"), nil
	case err != nil:
		return nil, Provider{}, err
	}
	if failed, ok := v.Failure(c.asked); ok && explicit && failed.Missing {
		return nil, Provider{}, missing(c.asked, c.library)
	}
	if place := c.choose(v); place != nil {
		place.tried = tried[place.definition.Name]
		return place, Provider{Name: string(place.definition.Name), Reason: c.whyChosen(v, place), IsChosen: true}, nil
	}
	for _, d := range c.candidates {
		if m, ok := v.Failure(d.Name); ok && !m.Missing {
			reasons = append(reasons, fmt.Sprintf("%s: %s", d.Name, m.Reason))
			if explicit || tried[d.Name] && !m.Absent {
				c.options.Notify(ProviderUnused{d.Name, m.Reason, m.Hint})
			}
		} else if best, ok := v.Of(d.Name); ok {
			reasons = append(reasons, c.lag(v, best))
		}
	}
	if len(unmeasured) > 0 {
		reasons = append(reasons, "not measured with this tower: "+strings.Join(unmeasured, ", "))
	}
	if len(reasons) == 0 {
		return nil, onProcessor(noAccelerator), nil
	}
	return nil, Provider{Name: string(provider.CPU), Reason: strings.Join(reasons, "; "), IsChosen: true, Unmeasured: unmeasured}, nil
}

// noAccelerator is the reason on most machines.
const noAccelerator = "the runtime library has no accelerator for this machine"

// settle removes the candidates to avoid, and returns the reasons. Suspects must be tried again.
func (c *choosing) settle() (suspects map[provider.Name]bool, reasons []string) {
	suspects = make(map[provider.Name]bool)
	var usable []provider.Definition
	for _, d := range c.candidates {
		record, suspect, err := c.store.Settle(c.slot, d.Name, c.key)
		switch {
		case err != nil:
			c.options.Notify(ProviderUnsettled{d.Name, err})
			reasons = append(reasons, fmt.Sprintf("%s: %v", d.Name, err))
		case record.Avoid:
			c.reportAvoided(record)
			reasons = append(reasons, record.Last)
		default:
			suspects[d.Name] = suspect
			usable = append(usable, d)
		}
	}
	c.candidates = usable
	return suspects, reasons
}

// learn tries the candidates that a verdict says too little about. A search for which no provider was requested does not wait
// for that: it leaves them unmeasured.
func (c choosing) learn(v *provider.Verdict, suspects map[provider.Name]bool, explicit bool) (tried map[provider.Name]bool, unmeasured []string, err error) {
	tried = make(map[provider.Name]bool)
	for _, d := range c.candidates {
		if v.Knows(d.Name, time.Now()) && !suspects[d.Name] && !c.isPurged(*v, d) {
			continue
		}
		if c.file == models.TextualFile && !explicit {
			unmeasured = append(unmeasured, string(d.Name))
			continue
		}
		if vet := c.options.Library.Vet; len(tried) == 0 && vet != nil {
			if err := vet(c.library); err != nil {
				return tried, unmeasured, err
			}
		}
		c.probe(v, d, suspects[d.Name])
		tried[d.Name] = true
		if c.isInterrupted() {
			break
		}
	}
	return tried, unmeasured, nil
}

func (p *placer) isInterrupted() bool { return isClosed(p.options.Accelerate.Stop) }

// isPurged reports whether what a provider compiled is gone, for example because the system cleared its caches: it would then
// have to be compiled in this process.
func (c choosing) isPurged(v provider.Verdict, d provider.Definition) bool {
	best, ok := v.Of(d.Name)
	if !ok || d.CacheOption == "" {
		return false
	}
	dir := c.CompiledDir(c.file, d, best.Variant, best.Batch)
	left, err := os.ReadDir(dir)
	return dir != "" && (err != nil || len(left) == 0)
}

func (p *placer) logf(format string, args ...any) { p.options.Logf(format, args...) }

// reportAvoided reports once that a provider that crashed is avoided.
func (c choosing) reportAvoided(r provider.Record) {
	if r.Reported {
		return
	}
	c.options.Notify(ProviderAvoided{r.Provider, r.Last})
	r.Reported = true
	if err := c.store.KeepRecord(r); err != nil {
		c.logf("%v", err)
	}
}

// CheckAsked returns an error if this platform or library does not have the requested provider, as far as the files show. The error
// wraps provider.ErrMissing.
func (l *Loader) CheckAsked() error {
	c, ok := l.placer.consider(models.VisualFile)
	if c.asked == "" || c.asked == provider.Auto || c.asked == provider.CPU || ok || c.library.Path == "" {
		return nil
	}
	return missing(c.asked, c.library)
}

// Missing returns the error for a provider that the library turned out not to have; it wraps provider.ErrMissing.
func (l *Loader) Missing(n provider.Name) error {
	c, _ := l.placer.consider(models.VisualFile)
	return missing(n, c.library)
}

// Accelerators returns the providers that the runtime library may have and that the user allows.
func (l *Loader) Accelerators() []provider.Definition {
	c, _ := l.placer.consider(models.VisualFile)
	return c.candidates
}

// Forgive makes a provider trusted again that crashed a process with a tower.
func (l *Loader) Forgive(file string, n provider.Name) {
	l.options.Accelerate.State.Forgive(l.Slot(file), n)
}
