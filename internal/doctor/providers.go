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

// doctor answers within 15 s: the trials, side by side, end at trialsEnd after its begin, but have leastTrial.
const (
	libraryLimit = 6 * time.Second
	trialsEnd    = 12 * time.Second
	leastTrial   = 4 * time.Second
)

// trials are the providers that are being tried in child processes.
type trials struct {
	wg       sync.WaitGroup
	loader   *embed.Loader
	provided []tried
}

type tried struct {
	provider.Definition
	outcome probe.Outcome
	err     error
	// lag is how many times as fast the processor was, where that is why it was not tried.
	lag float64
}

// uselessLag is how far behind the processor a provider is that need not be tried again: software that plays a GPU takes
// longer for a picture than doctor has.
const uselessLag = 20

// startTrials begins to try every provider that the runtime library may have, while the other checks are made.
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

// checkProviders tells what came of the trials, and what is remembered of earlier runs.
func checkProviders(_ context.Context, e *examination) {
	defer checkCrashes(e)
	t := e.trials
	if t == nil {
		return
	}
	if e.Provider == provider.CPU {
		e.ok("providers", "not looked at: the processor was asked for")
		return
	}
	t.wg.Wait()
	have := 0
	for _, p := range t.provided {
		if !p.outcome.Cause.Missing || p.outcome.Died() {
			have++
			e.add(p.finding())
		} else if string(p.Name) == string(e.Provider) {
			e.fail("provider "+string(p.Name), GiveBuild, "the runtime library does not have it; it takes %s", p.Needs)
		}
	}
	if asked := e.Provider; asked != provider.Auto && asked != provider.CPU && len(t.provided) == 0 {
		d, _ := provider.Of(asked)
		e.fail("provider "+string(asked), GiveBuild, "not available here: it takes %s", d.Needs)
	} else if have == 0 {
		e.ok("providers", "the runtime library has none but the processor")
	}
	checkMeasured(e)
}

func (p tried) finding() Finding {
	f := Finding{Name: "provider " + string(p.Name), Severity: Info, Evidence: p.outcome.Stderr}
	switch o := p.outcome; {
	case p.lag > 0:
		f.Detail = fmt.Sprintf("works, but the processor is %.0f times as fast: it is not used", p.lag)
	case p.err != nil:
		f.Severity, f.Detail, f.Advice = Error, p.err.Error(), SeeMessage
	case o.Result != nil:
		f.Detail = fmt.Sprintf("works in a child process: loaded and run in %.1f s, cosine to the processor %.5f", o.Result.Provider.LoadMS/1000, o.Result.Cosine)
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

// checkCrashes tells of runs that died with a provider in use. What happened in sessions of another kind is theirs.
func checkCrashes(e *examination) {
	state := e.App.State()
	here := machine.CurrentSession()
	tell := func(slot provider.Slot, advice Advice, format string, args ...any) {
		if slot.Session == here {
			e.fail("crash", advice, format, args...)
		} else {
			e.warn("crash", advice, format+" (in a session of another kind: %s)", append(args, slot.Session)...)
		}
	}
	for _, d := range state.Deaths() {
		if d.Signal != "" {
			tell(d.Slot, NextRunTries, "%s with model %s", d.Text(), d.Slot.Title)
		} else if d.Counts() {
			e.warn("crash", NextRunTries, "a run ended without a word: %s with model %s", d.Text(), d.Slot.Title)
		}
	}
	for _, r := range state.Records() {
		if r.Avoid && (e.library.Path == "" || r.Key.Differs(provider.KeyFor(e.library)) == "") {
			tell(r.Slot, WarmUp, "%s with model %s: it is left alone", r.Last, r.Slot.Title)
		}
	}
}

// checkMeasured tells what warmup or index found out for sessions of this kind.
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
		parts = append(parts, fmt.Sprintf("%s tower: %s (measured %s)", slot.Tower, best.Title(), map[provider.Measurement]string{provider.InFull: "in full", provider.InARun: "in a run"}[v.By]))
	}
	e.ok("measured", "%s", strings.Join(parts, "; "))
}
