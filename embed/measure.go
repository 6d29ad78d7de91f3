package embed

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/models"
)

// minTextAgreement is the least cosine between a query's vector and the processor's: all scores of a search depend on it.
const minTextAgreement = 0.9999

// Batches returns the batch sizes to try for a tower on a provider. A search embeds one text.
func Batches(d provider.Definition, file string) []int {
	if file == models.TextualFile {
		return []int{1}
	}
	return d.Batches
}

// Lag returns how many times as fast as a provider the processor was when it was measured; 0 if that is not known.
func (l *Loader) Lag(file string, n provider.Name) float64 {
	c, ok := l.placer.consider(file)
	if !ok {
		return 0
	}
	v, fresh, _ := c.store.Verdict(c.slot, c.key)
	cpu, known := v.CPU()
	best, works := v.Of(n)
	if !fresh || !known || !works || best.PerSecond == 0 {
		return 0
	}
	return cpu.PerSecond / best.PerSecond
}

// Try runs one picture on a provider in a child process, as index would: with the setting that was measured to be the best
// one, else the first one with the smallest batch.
func (l *Loader) Try(ctx context.Context, file string, d provider.Definition, limit time.Duration) (probe.Outcome, error) {
	c, ok := l.placer.consider(file)
	if !ok {
		return probe.Outcome{}, provider.ErrMissing
	}
	variant, batch := d.Variants[0].Name, 1
	if v, fresh, _ := c.store.Verdict(c.slot, c.key); fresh {
		if best, works := v.Of(d.Name); works {
			variant, batch = best.Variant, best.Batch
		}
	}
	return l.runChild(ctx, file, d, variant, batch, 0, limit)
}

// runChild tries a candidate in a child process and measures its speed in the given number of rounds; 0: it does not measure.
func (l *setup) runChild(ctx context.Context, file string, d provider.Definition, variant string, batch, rounds int, limit time.Duration) (probe.Outcome, error) {
	library, err := l.library()
	if err != nil {
		return probe.Outcome{}, err
	}
	cache := l.CompiledDir(file, d, variant, batch)
	if cache != "" && os.MkdirAll(cache, 0o700) != nil {
		cache = ""
	}
	return probe.Run(ctx, l.options.Accelerate.Program, probe.Request{
		Library: library.Path, Model: l.spec.Model.Ref(), Tower: towerOf(file), Provider: d.Name, Variant: variant, Batch: batch,
		Rounds: rounds, Cache: cache,
	}, limit)
}

// Measure tries a candidate in a child process and puts the results into the verdict, as measure does.
func (l *Loader) Measure(ctx context.Context, file string, d provider.Definition, variant string, batch, rounds int, limit time.Duration, v *provider.Verdict) provider.Measured {
	return l.measure(ctx, file, d, variant, batch, rounds, limit, v)
}

// measure tries a candidate in a child process and puts the results, including the processor's, into the verdict. A timeout
// before the child reaches the provider is recorded as an ordinary failure, which counts for less time.
func (l *setup) measure(ctx context.Context, file string, d provider.Definition, variant string, batch, rounds int, limit time.Duration, v *provider.Verdict) provider.Measured {
	m := provider.Measured{Provider: d.Name, Variant: variant, Batch: batch, At: time.Now()}
	o, err := l.runChild(ctx, file, d, variant, batch, rounds, limit)
	switch {
	case err != nil:
		m.Reason = err.Error()
		v.Put(m)
		return m
	case o.Result == nil:
		m.Reason, m.Hint, m.Missing, m.Absent = o.Reason(), o.Cause.Hint, o.Cause.Missing && !o.Died(), o.Cause.Absent && !o.Died()
		m.TimedOut = o.TimedOut && o.IsProvidersFault()
		v.Put(m)
		return m
	}
	m.Batch, m.Cosine = o.Result.Batch, o.Result.Cosine
	if file == models.TextualFile && m.Cosine < minTextAgreement {
		m.Reason = fmt.Sprintf("its vectors differ from the processor's: cosine %.5f", m.Cosine)
		v.Put(m)
		return m
	}
	m.OK, m.LoadMS, m.PerSecond = true, o.Result.Provider.LoadMS, o.Result.Provider.PerSecond
	v.Put(m)
	if _, known := v.CPU(); !known || file == models.VisualFile {
		v.Put(provider.Measured{Provider: provider.CPU, OK: true, LoadMS: o.Result.CPU.LoadMS, PerSecond: o.Result.CPU.PerSecond, Cosine: 1, At: m.At})
	}
	v.Canary = o.Result.Canary
	return m
}
