package embed

import (
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/models"
)

// choose returns the best candidate of a verdict; nil is the processor. A requested provider is chosen if it works.
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
			definition: d, variant: best.Variant, batch: best.Batch, cache: c.CompiledDir(c.file, d, best.Variant, best.Batch),
			expected: time.Duration(best.LoadMS * float64(time.Millisecond)), slot: c.slot, key: c.key,
		}
		if best.PerSecond > 0 {
			place.runs = time.Duration(float64(best.Batch) / best.PerSecond * float64(time.Second))
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

// lag says why a provider that works was not chosen.
func (c choosing) lag(v provider.Verdict, m provider.Measured) string {
	cpu, _ := v.CPU()
	if c.file == models.TextualFile {
		return fmt.Sprintf("the processor is faster: %.0f ms per query, %s %.0f ms", cpu.LoadMS, m.Provider, m.LoadMS)
	}
	return fmt.Sprintf("the processor is faster: %.1f images/s, %s %.1f", cpu.PerSecond, m.Provider, m.PerSecond)
}

// whyChosen says why a provider was chosen.
func (c choosing) whyChosen(v provider.Verdict, p *placement) string {
	cpu, known := v.CPU()
	best, _ := v.Of(p.definition.Name)
	switch {
	case c.file == models.TextualFile:
		return fmt.Sprintf("a query takes %.0f ms, compared with %.0f ms on the processor", best.LoadMS, cpu.LoadMS)
	case !known || cpu.PerSecond == 0:
		return "as asked"
	case best.PerSecond >= cpu.PerSecond:
		return fmt.Sprintf("%.1f times as fast as the processor", best.PerSecond/cpu.PerSecond)
	}
	return fmt.Sprintf("as asked, though the processor is %.1f times as fast", cpu.PerSecond/best.PerSecond)
}

// probe tries a provider in a child process and records the outcome. again reports whether it failed before.
func (c choosing) probe(v *provider.Verdict, d provider.Definition, again bool) {
	if c.options.Accelerate.Program == "" {
		return
	}
	variant, batch := c.guess(d)
	if again {
		c.logf("trying %s in a child process: it failed last time", d.Name)
	} else {
		c.logf("trying %s in a child process", d.Name)
	}
	ctx, cancel := untilClosed(c.options.Accelerate.Stop)
	defer cancel()
	m := c.measure(ctx, c.file, d, variant, batch, indexRounds, probeLimit, v)
	if c.isInterrupted() {
		return
	}
	c.logf("%s: ok %v, %.1f a second, %s", m.Title(), m.OK, m.PerSecond, m.Reason)
	if err := c.store.Keep(*v); err != nil {
		c.logf("%v", err)
	}
}

// indexRounds is how often index measures: enough to tell a tenth from ten times.
const indexRounds = 3

// guess returns the setting to try first: the best one in another kind of session, else the provider's first one.
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
