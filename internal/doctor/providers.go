package doctor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/machine"
	"github.com/imgsearch/imgsearch/models"
)

// doctor finishes within 15 s: the trials run in parallel and end trialsEnd after its start, but get at least leastTrial.
const (
	libraryLimit = 6 * time.Second
	trialsEnd    = 12 * time.Second
	leastTrial   = 4 * time.Second
)

// trials are the trials of providers in child processes.
type trials struct {
	wg       sync.WaitGroup
	loader   *embed.Loader
	provided []tried
}

type tried struct {
	provider.Definition
	outcome probe.Outcome
	err     error
	// lag is how many times as fast the processor was, if that is why the provider was not tried; else 0.
	lag float64
}

// uselessLag is the lag above which a provider is not tried again: a software emulation of a GPU takes longer for one picture than
// doctor may take.
const uselessLag = 20

// startTrials starts a trial of every provider that the runtime library may have, in parallel with the other checks.
func startTrials(ctx context.Context, e *examination) {
	if e.model == nil || !e.runtime {
		return
	}
	t := &trials{loader: e.App.Loader(*e.model, app.Loading{Provider: e.Provider})}
	e.trials = t
	limit := max(trialsEnd-time.Since(e.begin), leastTrial)
	accelerators := t.loader.Accelerators()
	t.provided = make([]tried, len(accelerators))
	for i, d := range accelerators {
		if times := t.loader.Lag(models.VisualFile, d.Name); times > uselessLag {
			t.provided[i] = tried{Definition: d, lag: times}
			continue
		}
		t.wg.Go(func() {
			o, err := t.loader.Try(ctx, models.VisualFile, d, limit)
			t.provided[i] = tried{Definition: d, outcome: o, err: err}
		})
	}
}

// checkProviders reports the results of the trials, and what earlier runs recorded.
func checkProviders(_ context.Context, e *examination) {
	defer checkCrashes(e)
	t := e.trials
	if t == nil {
		return
	}
	if e.Provider == provider.CPU {
		e.ok("providers", "not checked, because the processor was requested")
		return
	}
	t.wg.Wait()
	have := 0
	for _, p := range t.provided {
		if !p.outcome.Cause.Missing || p.outcome.Died() {
			have++
			e.add(p.finding())
		} else if string(p.Name) == string(e.Provider) {
			e.fail("provider "+string(p.Name), GiveBuild, "the runtime library does not have it; it needs %s", p.Needs)
		}
	}
	if asked := e.Provider; asked != provider.Auto && asked != provider.CPU && len(t.provided) == 0 {
		d, _ := provider.Of(asked)
		e.fail("provider "+string(asked), GiveBuild, "not available here: it needs %s", d.Needs)
	} else if have == 0 {
		e.ok("providers", "the runtime library supports only the processor")
	}
	checkMeasured(e)
}

func (p tried) finding() Finding {
	f := Finding{Name: "provider " + string(p.Name), Severity: Info, Evidence: p.outcome.Stderr}
	switch o := p.outcome; {
	case p.lag > 0:
		f.Detail = fmt.Sprintf("works, but is not used: the processor is %.0f times as fast", p.lag)
	case p.err != nil:
		f.Severity, f.Detail, f.Advice = Error, p.err.Error(), SeeMessage
	case o.Result != nil:
		f.Detail = fmt.Sprintf("works in a child process: loaded and ran in %.1f s, cosine to the processor %.5f", o.Result.Provider.LoadMS/1000, o.Result.Cosine)
	case !o.IsProvidersFault():
		f.Severity, f.Detail, f.Advice = Warning, "not tried: "+o.Reason(), TryLonger
	case o.Cause.Absent && !o.Died():
		f.Severity, f.Detail, f.Remedy = Warning, o.Reason(), o.Cause.Hint
	default:
		f.Severity, f.Detail, f.Remedy = Error, o.Reason(), o.Cause.Hint
		if f.Remedy == "" {
			f.Advice = UpdateDriver
		}
		if o.TimedOut {
			f.Advice, f.Remedy = WaitLonger, ""
		}
	}
	return f
}

// checkCrashes reports runs that died while they used a provider. Crashes in another kind of session are only warnings.
func checkCrashes(e *examination) {
	state := e.App.State()
	here := machine.CurrentSession()
	tell := func(slot provider.Slot, advice Advice, format string, args ...any) {
		if slot.Session == here {
			e.fail("crash", advice, format, args...)
		} else {
			e.warn("crash", advice, format+" (in another kind of session: %s)", append(args, slot.Session)...)
		}
	}
	for _, d := range state.Deaths() {
		if d.Signal != "" {
			tell(d.Slot, NextRunTries, "%s with model %s", d.Text(), d.Slot.Title)
		} else if d.Counts() {
			e.warn("crash", NextRunTries, "a run was killed or crashed without a message: %s with model %s", d.Text(), d.Slot.Title)
		}
	}
	for _, r := range state.Records() {
		if r.Avoid && (e.library.Path == "" || r.Key.Differs(provider.KeyFor(e.library)) == "") {
			tell(r.Slot, WarmUp, "%s with model %s: the provider is no longer used", r.Last, r.Slot.Title)
		}
	}
}

// checkMeasured reports what warmup or index measured in this kind of session.
func checkMeasured(e *examination) {
	l := e.trials.loader
	if len(e.trials.provided) == 0 {
		return
	}
	var parts []string
	for _, file := range []string{models.VisualFile, models.TextualFile} {
		slot := l.Slot(file)
		v, ok, why := e.App.State().Verdict(slot, provider.KeyFor(e.library))
		if !ok {
			parts = append(parts, fmt.Sprintf("%s tower: %s", slot.Tower, why))
			continue
		}
		best := v.Best()
		parts = append(parts, fmt.Sprintf("%s tower: %s (measured %s)", slot.Tower, best.Title(), map[provider.Measurement]string{provider.InFull: "by warmup", provider.InARun: "while indexing"}[v.By]))
	}
	e.ok("measured", "%s", strings.Join(parts, "; "))
}
