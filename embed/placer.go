package embed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/machine"
	"github.com/imgsearch/imgsearch/models"
)

// Acceleration says on what the towers may run besides the processor. The zero value: on nothing.
type Acceleration struct {
	// Asked is the provider that the user wants; Auto: the best one that works; "": the processor.
	Asked provider.Name
	// State keeps what is known of this machine.
	State provider.Store
	// Session is the kind of session, which the state is for.
	Session machine.Session
	// Program is this program, which children run; "": there are none, and only what State knows counts.
	Program string
	// ProbeText allows to measure the text tower: what State does not know is otherwise left to the processor.
	ProbeText bool
	// Warnf is told, once, what the owner should know of it; nil: nobody.
	Warnf func(format string, args ...any)
}

// Provider is where a tower computes, and why there.
type Provider struct{ Name, Reason string }

// probeLimit is how long a child may take that index waits for. A model is compiled in that time; warmup gives it more.
const probeLimit = 60 * time.Second

// placer decides where a loader's towers run: once a tower.
type placer struct {
	loader *Loader

	mu      sync.Mutex
	decided map[string]decision
	provide map[string]Provider
	inUse   []*inUse
}

type decision struct {
	place *placement
	err   error
}

func (p *placer) init(l *Loader) {
	p.loader, p.decided, p.provide = l, make(map[string]decision), make(map[string]Provider)
}

func onProcessor(format string, args ...any) Provider {
	return Provider{Name: string(provider.CPU), Reason: fmt.Sprintf(format, args...)}
}

// told is what was decided of a tower, or what is known without trying anything.
func (p *placer) told(file string) Provider {
	p.mu.Lock()
	told, ok := p.provide[file]
	p.mu.Unlock()
	if ok {
		return told
	}
	if p.loader.options.Accelerate.Asked == provider.CPU {
		return onProcessor("as asked")
	}
	if d := p.glance(file); d != nil {
		return Provider{Name: string(d.definition.Name), Reason: "nothing had to be embedded"}
	}
	return onProcessor("nothing had to be embedded")
}

// isPlaced tells whether a tower goes to an accelerator as far as is known without trying anything.
func (p *placer) isPlaced(file string) bool { return p.glance(file) != nil }

func (p *placer) glance(file string) *placement {
	c, ok := p.consider(file)
	if !ok || len(c.store.Deaths()) > 0 {
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

// tell notes where a tower computes.
func (p *placer) tell(file string, to Provider) {
	p.mu.Lock()
	p.provide[file] = to
	p.mu.Unlock()
	p.loader.options.Logf("the %s tower runs on %s: %s", roleOf(file), to.Name, to.Reason)
}

// place decides where a tower runs; nil is the processor. The error wraps provider.ErrMissing where the provider that was
// asked for is not to be had.
func (p *placer) place(file string) (*placement, error) {
	p.mu.Lock()
	d, ok := p.decided[file]
	p.mu.Unlock()
	if ok {
		return d.place, d.err
	}
	place, told, err := p.decide(file)
	p.mu.Lock()
	p.decided[file] = decision{place, err}
	p.mu.Unlock()
	if err == nil {
		p.tell(file, told)
	}
	return place, err
}

// choosing is what a decision is made from.
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

// consider collects the candidates; ok is false where there are none.
func (p *placer) consider(file string) (choosing, bool) {
	o := p.loader.options
	c := choosing{placer: p, file: file, asked: o.Accelerate.Asked, store: o.Accelerate.State}
	if c.asked == "" || c.asked == provider.CPU || file == models.VisualFile && o.Precision == Int8 {
		return c, false
	}
	var err error
	if c.library, err = ortlib.Find(o.Library.Options); err != nil {
		return c, false // loading it will say so
	}
	for _, d := range provider.Accelerators(runtime.GOOS, runtime.GOARCH) {
		if (c.asked == provider.Auto || c.asked == d.Name) && d.MayBeIn(c.library) {
			c.candidates = append(c.candidates, d)
		}
	}
	if len(c.candidates) == 0 {
		return c, false
	}
	c.key, c.slot = provider.KeyFor(c.library), p.loader.Slot(file)
	return c, true
}

// Slot is where what is known of a tower is kept.
func (l *Loader) Slot(file string) provider.Slot {
	return provider.Slot{Tower: roleOf(file), Model: l.spec.towerKey(file), Title: l.spec.Model.Name, Session: l.options.Accelerate.Session}
}

func (p *placer) decide(file string) (*placement, Provider, error) {
	c, ok := p.consider(file)
	explicit := c.asked != "" && c.asked != provider.Auto && c.asked != provider.CPU
	switch {
	case c.asked == provider.CPU:
		return nil, onProcessor("as asked"), nil
	case file == models.VisualFile && p.loader.options.Precision == Int8:
		if explicit {
			p.warnf("int8 computes on the processor: %s is not used", c.asked)
		}
		return nil, onProcessor("int8 computes on the processor"), nil
	case !ok && explicit && c.library.Path != "":
		return nil, Provider{}, missing(c.asked, c.library)
	case !ok:
		return nil, onProcessor("the runtime library has no accelerator for this machine"), nil
	}
	return c.decide(explicit)
}

// missing is the error of a provider that is not to be had.
func missing(n provider.Name, l ortlib.Library) error {
	d, _ := provider.Of(n)
	return fmt.Errorf("%w: %s, which takes %s; the library is %s (%s)", provider.ErrMissing, n, d.Needs, l.Path, l.Origin)
}

func (c choosing) decide(explicit bool) (*placement, Provider, error) {
	var usable []provider.Definition
	var reasons []string
	suspects, tried := make(map[provider.Name]bool), make(map[provider.Name]bool)
	for _, d := range c.candidates {
		record, suspect, err := c.store.Settle(c.slot, d.Name, c.key)
		if err != nil {
			c.warnf("%v; %s is not used without", err, d.Name)
			reasons = append(reasons, fmt.Sprintf("%s: %v", d.Name, err))
			continue
		}
		if record.Avoid {
			c.tellAvoided(record)
			reasons = append(reasons, record.Last)
			continue
		}
		suspects[d.Name] = suspect
		usable = append(usable, d)
	}
	v, fresh, why := c.store.Verdict(c.slot, c.key)
	if !fresh {
		c.logf("%s", why)
		v = provider.Verdict{Key: c.key, Slot: c.slot, By: "index"}
	}
	for _, d := range usable {
		if v.Knows(d.Name, time.Now()) && !suspects[d.Name] {
			continue
		}
		if c.file == models.TextualFile && !explicit && !c.loader.options.Accelerate.ProbeText {
			return nil, onProcessor("no accelerator was measured with it (`imgsearch warmup` does)"), nil
		}
		if len(tried) == 0 && c.loader.options.Library.Vet != nil {
			if err := c.loader.options.Library.Vet(c.library); err != nil {
				return nil, Provider{}, err
			}
		}
		if err := c.probe(&v, d, suspects[d.Name]); err != nil {
			return nil, Provider{}, err
		}
		tried[d.Name] = true
	}
	if failed, ok := v.Failure(c.asked); ok && explicit && failed.Missing {
		return nil, Provider{}, missing(c.asked, c.library)
	}
	c.candidates = usable
	if place := c.choose(v); place != nil {
		place.tried = tried[place.definition.Name]
		return place, Provider{Name: string(place.definition.Name), Reason: c.praise(v, place)}, nil
	}
	for _, d := range usable {
		if m, ok := v.Failure(d.Name); ok && !m.Missing {
			reasons = append(reasons, fmt.Sprintf("%s: %s", d.Name, m.Reason))
			if explicit || tried[d.Name] && !m.Absent {
				c.warnf("%s cannot be used, the processor does the work: %s", d.Name, withMend(m))
			}
		} else if best, ok := v.Of(d.Name); ok {
			reasons = append(reasons, c.lag(v, best))
		}
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "the runtime library has no accelerator for this machine")
	}
	return nil, onProcessor("%s", strings.Join(reasons, "; ")), nil
}

func withMend(m provider.Measured) string {
	if m.Mend == "" {
		return m.Reason + " (`imgsearch doctor` tells more)"
	}
	return m.Reason + "; " + m.Mend
}

func (p *placer) warnf(format string, args ...any) {
	p.loader.options.Accelerate.Warnf(format, args...)
}

func (p *placer) logf(format string, args ...any) { p.loader.options.Logf(format, args...) }

// tellAvoided says once that a provider that died is left alone.
func (c choosing) tellAvoided(r provider.Record) {
	if r.Told {
		return
	}
	c.warnf("%s: the processor does the work until `imgsearch warmup` finds that it works again", r.Last)
	r.Told = true
	if err := c.store.KeepRecord(r); err != nil {
		c.logf("%v", err)
	}
}

// choose takes the best candidate of a verdict; nil is the processor. A provider that was asked for is taken if it works.
func (c choosing) choose(v provider.Verdict) *placement {
	best := v.Best()
	if c.asked != provider.Auto {
		var ok bool
		if best, ok = v.Of(c.asked); !ok {
			return nil
		}
	}
	for _, d := range c.candidates {
		if d.Name != best.Provider {
			continue
		}
		place := &placement{
			definition: d, variant: best.Variant, batch: best.Batch, cache: c.loader.CompiledDir(c.file, d, best.Variant, best.Batch),
			expected: time.Duration(best.LoadMS * float64(time.Millisecond)), slot: c.slot, key: c.key,
		}
		if c.file == models.VisualFile {
			if place.canary = v.Canary; place.canary == nil {
				return nil
			}
		}
		return place
	}
	return nil
}

// lag says why a provider that works was not taken.
func (c choosing) lag(v provider.Verdict, m provider.Measured) string {
	cpu, _ := v.CPU()
	if c.file == models.TextualFile {
		return fmt.Sprintf("it answers sooner: in %.0f ms, %s in %.0f", cpu.LoadMS, m.Provider, m.LoadMS)
	}
	return fmt.Sprintf("it is the faster one: %.1f images a second, %s %.1f", cpu.PerSecond, m.Provider, m.PerSecond)
}

// praise says why a provider was taken.
func (c choosing) praise(v provider.Verdict, p *placement) string {
	cpu, known := v.CPU()
	best, _ := v.Of(p.definition.Name)
	switch {
	case c.file == models.TextualFile:
		return fmt.Sprintf("a query takes %.0f ms, on the processor %.0f", best.LoadMS, cpu.LoadMS)
	case !known || cpu.PerSecond == 0:
		return "as asked"
	case best.PerSecond >= cpu.PerSecond:
		return fmt.Sprintf("%.1f times as fast as the processor", best.PerSecond/cpu.PerSecond)
	}
	return fmt.Sprintf("as asked, though the processor is %.1f times as fast", cpu.PerSecond/best.PerSecond)
}

// CompiledDir is the cache folder for what a provider compiles of a tower; "" where it keeps nothing.
func (l *Loader) CompiledDir(file string, d provider.Definition, variant string, batch int) string {
	if d.CacheOption == "" || len(l.options.CacheDirs) == 0 {
		return ""
	}
	library, err := ortlib.Find(l.options.Library.Options)
	if err != nil {
		return ""
	}
	return CompiledDir(l.options.CacheDirs[0], d.Name, library, l.spec.towerKey(file), variant, batch)
}

// CompiledDir is the folder for what a provider compiles: one a runtime library, tower, setting and batch size, so that
// nothing is ever taken for something else.
func CompiledDir(cacheDir string, n provider.Name, l ortlib.Library, tower, variant string, batch int) string {
	return filepath.Join(compiledRoot(cacheDir, n, l), tower, fmt.Sprintf("%s-%d", strings.ToLower(variant), batch))
}

// compiledRoot names the library by its size and time: the bundled one is unpacked under its digest, with its own time.
func compiledRoot(cacheDir string, n provider.Name, l ortlib.Library) string {
	version := "unknown"
	if info, err := os.Stat(l.Path); err == nil {
		version = fmt.Sprintf("%x-%x", info.Size(), info.ModTime().Unix())
	}
	return filepath.Join(cacheDir, string(n), version)
}

// DropStaleCompiled removes what was compiled with other runtime libraries, which nobody will ask for again.
func DropStaleCompiled(cacheDirs []string, l ortlib.Library) error {
	var errs []error
	for _, dir := range cacheDirs {
		for _, d := range provider.Accelerators(runtime.GOOS, runtime.GOARCH) {
			if d.CacheOption != "" {
				errs = append(errs, dropStale(dir, d.Name, l))
			}
		}
	}
	return errors.Join(errs...)
}

func dropStale(cacheDir string, n provider.Name, l ortlib.Library) error {
	var errs []error
	now := compiledRoot(cacheDir, n, l)
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(now), "*"))
	for _, path := range others {
		if path != now {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// DropCompiledBut removes what was compiled of a tower for measuring, but for the candidate that is used.
func (l *Loader) DropCompiledBut(file string, used provider.Measured) {
	for _, d := range l.Accelerators() {
		keep := l.CompiledDir(file, d, used.Variant, used.Batch)
		if keep == "" {
			continue
		}
		compiled, _ := filepath.Glob(filepath.Join(filepath.Dir(keep), "*"))
		for _, path := range compiled {
			if path != keep || d.Name != used.Provider {
				_ = os.RemoveAll(path) // the next warmup tries again
			}
		}
	}
}

// Accelerators are the providers that the runtime library may have and that the user allows.
func (l *Loader) Accelerators() []provider.Definition {
	c, _ := l.placer.consider(models.TextualFile) // int8 concerns the vision tower only
	return c.candidates
}

// Forgive trusts a provider again that died in a process with a tower.
func (l *Loader) Forgive(file string, n provider.Name) {
	l.options.Accelerate.State.Forgive(l.Slot(file), n)
}

// probe tries a provider in a child and notes the outcome. alone tells that it died in a process before.
func (c choosing) probe(v *provider.Verdict, d provider.Definition, again bool) error {
	if c.loader.options.Accelerate.Program == "" {
		return nil
	}
	variant, batch := c.guess(d)
	if again {
		c.logf("trying %s in a child process: it died the last time", d.Name)
	} else {
		c.logf("trying %s in a child process", d.Name)
	}
	m, err := c.loader.Measure(context.Background(), c.file, d, variant, batch, indexRounds, probeLimit, v)
	if err != nil {
		return err
	}
	c.logf("%s: ok %v, %.1f a second, %s", m.Title(), m.OK, m.PerSecond, m.Reason)
	if err := c.store.Keep(*v); err != nil {
		c.logf("%v", err)
	}
	return nil
}

// minTextAgreement is how near a query's vector must be: all scores of a search turn on it.
const minTextAgreement = 0.9999

// indexRounds is how often index measures: enough to tell a tenth from ten times.
const indexRounds = 3

// guess is the setting to try first: what was the best one in another kind of session, else the provider's first.
func (c choosing) guess(d provider.Definition) (variant string, batch int) {
	for _, v := range c.store.Verdicts() {
		if v.Slot.Tower == c.slot.Tower && v.Slot.Model == c.slot.Model && v.Key.Differs(c.key) == "" {
			if best, ok := v.Of(d.Name); ok {
				return best.Variant, best.Batch
			}
		}
	}
	return d.Variants[0].Name, Batches(d, c.file)[0]
}

// Batches are the batch sizes to try of a tower on a provider: a search asks for one text.
func Batches(d provider.Definition, file string) []int {
	if file == models.TextualFile {
		return []int{1}
	}
	return d.Batches
}

// Lag is how many times as fast as a provider the processor was when it was measured; 0 where that is not known.
func (l *Loader) Lag(file string, n provider.Name) float64 {
	c, ok := l.placer.consider(models.TextualFile) // int8 concerns the vision tower only
	if !ok {
		return 0
	}
	v, fresh, _ := c.store.Verdict(l.Slot(file), c.key)
	cpu, known := v.CPU()
	best, works := v.Of(n)
	if !fresh || !known || !works || best.PerSecond == 0 {
		return 0
	}
	return cpu.PerSecond / best.PerSecond
}

// Try runs one picture on a provider in a child process, as index would: with the setting that was found to be the best
// one, else the first one at the smallest batch.
func (l *Loader) Try(ctx context.Context, file string, d provider.Definition, limit time.Duration) (probe.Outcome, error) {
	c, ok := l.placer.consider(models.TextualFile) // int8 concerns the vision tower only
	if !ok {
		return probe.Outcome{}, provider.ErrMissing
	}
	c.file, c.slot = file, l.Slot(file)
	variant, batch := d.Variants[0].Name, 1
	if v, fresh, _ := c.store.Verdict(c.slot, c.key); fresh {
		if best, works := v.Of(d.Name); works {
			variant, batch = best.Variant, best.Batch
		}
	}
	return probe.Run(ctx, l.options.Accelerate.Program, probe.Request{
		Library: c.library.Path, Model: l.spec.Model.Ref(), Tower: roleOf(file), Provider: d.Name, Variant: variant, Batch: batch,
		Cache: l.CompiledDir(file, d, variant, batch),
	}, limit)
}

// Measure tries a candidate in a child process and puts what was found, of the processor too, into the verdict.
func (l *Loader) Measure(ctx context.Context, file string, d provider.Definition, variant string, batch, rounds int, limit time.Duration, v *provider.Verdict) (provider.Measured, error) {
	library, err := ortlib.Find(l.options.Library.Options)
	if err != nil {
		return provider.Measured{}, err
	}
	cache := l.CompiledDir(file, d, variant, batch)
	if cache != "" {
		if err := os.MkdirAll(cache, 0o700); err != nil {
			cache = ""
		}
	}
	o, err := probe.Run(ctx, l.options.Accelerate.Program, probe.Request{
		Library: library.Path, Model: l.spec.Model.Ref(), Tower: roleOf(file), Provider: d.Name, Variant: variant, Batch: batch,
		Rounds: rounds, Cache: cache,
	}, limit)
	if err != nil {
		return provider.Measured{}, err
	}
	m := provider.Measured{Provider: d.Name, Variant: variant, Batch: batch, At: time.Now()}
	if o.Result == nil {
		m.Reason, m.Mend, m.Missing, m.Absent = o.Reason(), o.Cause.Mend, o.Cause.Missing && !o.Died(), o.Cause.Absent && !o.Died()
		m.TimedOut = o.TimedOut
		v.Put(m)
		return m, ctx.Err()
	}
	m.Batch = o.Result.Batch
	if file == models.TextualFile && o.Result.Cosine < minTextAgreement {
		m.Cosine, m.Reason = o.Result.Cosine, fmt.Sprintf("its vectors are not equal to the processor's: cosine %.5f", o.Result.Cosine)
		v.Put(m)
		return m, nil
	}
	m.OK, m.LoadMS, m.PerSecond, m.Cosine = true, o.Result.Provider.LoadMS, o.Result.Provider.PerSecond, o.Result.Cosine
	v.Put(m)
	if _, known := v.CPU(); !known || file == models.VisualFile {
		v.Put(provider.Measured{Provider: provider.CPU, OK: true, LoadMS: o.Result.CPU.LoadMS, PerSecond: o.Result.CPU.PerSecond, Cosine: 1, At: m.At})
	}
	v.Canary = o.Result.Canary
	return m, nil
}
