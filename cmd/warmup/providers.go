package warmup

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

// candidateJSON is the measurement of one provider with one setting (docs/json.md).
type candidateJSON struct {
	Tower    string `json:"tower"`
	Provider string `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	OK       bool   `json:"ok"`
	// PerS is pictures or texts per second; LoadMS is the time from the start of loading to the first result.
	PerS   float64 `json:"per_s"`
	LoadMS float64 `json:"load_ms"`
	Cosine float64 `json:"cosine"`
	Reason string  `json:"reason,omitempty"`
	Hint   string  `json:"hint,omitempty"`
}

// chosenJSON is the provider and setting that a tower will run on.
type chosenJSON struct {
	Provider string `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	// Gain is the speed relative to the processor's; 1 for the processor.
	Gain float64 `json:"gain"`
}

const (
	// warmupLimit is the time limit for a candidate: compiling a large model takes minutes.
	warmupLimit = 5 * time.Minute
	// candidateRounds is the number of measurements of a candidate.
	candidateRounds = 7
)

// providers measures the providers for a model.
type providers struct {
	program *cli.Program
	asked   provider.Name
	loader  *embed.Loader
	library ortlib.Library
	out     *resultJSON
}

// measureProviders measures every candidate for both towers in child processes, stores the results, and puts the best ones into out.
// queryMS is the time of a query on the processor, from the start of loading.
func measureProviders(ctx context.Context, program *cli.Program, asked provider.Name, loader *embed.Loader, library ortlib.Library, precision embed.Precision,
	queryMS float64, out *resultJSON) error {
	out.Candidates, out.Chosen = []candidateJSON{}, make(map[string]chosenJSON)
	p := providers{program, asked, loader, library, out}
	files := map[string]string{provider.Visual: models.VisualFile, provider.Textual: models.TextualFile}
	for _, tower := range []string{provider.Visual, provider.Textual} {
		if tower == provider.Visual && precision == embed.Int8 { // int8 runs only on the processor
			out.Chosen[tower] = chosenJSON{Provider: string(provider.CPU), Gain: 1}
			continue
		}
		v := provider.Verdict{Key: provider.KeyFor(library), Slot: loader.Slot(files[tower]), By: provider.InFull}
		if tower == provider.Textual {
			v.Put(provider.Measured{Provider: provider.CPU, OK: true, LoadMS: queryMS, PerSecond: 1000 / out.QueryMS, Cosine: 1, At: time.Now()})
		} else {
			v.Put(provider.Measured{Provider: provider.CPU, OK: true, LoadMS: out.LoadVisualMS, PerSecond: out.ImagesPerS, Cosine: 1, At: time.Now()})
		}
		if err := p.measure(ctx, files[tower], &v); err != nil {
			return err
		}
		p.conclude(files[tower], v)
	}
	return embed.DropStaleCompiled(program.App.CacheDirs(), library)
}

// measure measures a tower's candidates: all settings at the first batch size, then the other batch sizes at the best setting.
func (p *providers) measure(ctx context.Context, file string, v *provider.Verdict) error {
	for _, d := range p.loader.Accelerators() {
		batches := embed.Batches(d, file)
		for _, setting := range d.Variants {
			m, err := p.try(ctx, file, d, setting.Name, batches[0], v)
			if err != nil {
				return err
			}
			if m.Missing && d.Name == p.asked {
				return p.loader.Missing(d.Name)
			}
			if m.Missing || m.Absent || m.TimedOut {
				break
			}
		}
		best, ok := v.Of(d.Name)
		cpu, _ := v.CPU()
		// A provider at less than half the processor's speed will not catch up with another batch size.
		if !ok || best.PerSecond*2 < cpu.PerSecond {
			continue
		}
		p.loader.Forgive(file, d.Name)
		for _, batch := range batches[1:] {
			if _, err := p.try(ctx, file, d, best.Variant, batch, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *providers) try(ctx context.Context, file string, d provider.Definition, setting string, batch int, v *provider.Verdict) (provider.Measured, error) {
	p.program.Logf("measuring %s", provider.Measured{Provider: d.Name, Variant: setting, Batch: batch}.Title())
	cpu, _ := v.CPU()
	m := p.loader.Measure(ctx, file, d, setting, batch, candidateRounds, warmupLimit, v)
	if file == models.TextualFile {
		v.Put(cpu) // measured here, with the copy for quick searches
	}
	return m, ctx.Err()
}

// conclude stores a verdict and adds it to the output.
func (p *providers) conclude(file string, v provider.Verdict) {
	for _, m := range v.Candidates {
		if m.Missing {
			continue
		}
		p.out.Candidates = append(p.out.Candidates, candidateJSON{
			Tower: v.Slot.Tower, Provider: string(m.Provider), Variant: m.Variant, Batch: m.Batch, OK: m.OK,
			PerS: wire.Round(m.PerSecond, 2), LoadMS: wire.Round(m.LoadMS, 1), Cosine: wire.Round(m.Cosine, 6), Reason: m.Reason, Hint: words.Remedy(m.Hint, cli.Door),
		})
	}
	best := v.Best()
	if asked := p.asked; asked != provider.Auto {
		if m, ok := v.Of(asked); ok {
			best = m
		}
	}
	cpu, _ := v.CPU()
	gain := best.PerSecond / cpu.PerSecond
	if v.Slot.Tower == provider.Textual {
		gain = cpu.LoadMS / best.LoadMS
	}
	p.out.Chosen[v.Slot.Tower] = chosenJSON{Provider: string(best.Provider), Variant: best.Variant, Batch: best.Batch, Gain: wire.Round(gain, 2)}
	if len(v.Candidates) < 2 {
		return // the processor is the only candidate
	}
	if err := p.program.App.State().Keep(v); err != nil {
		p.program.Warnf("%v; the next run will measure again", err)
	}
	p.loader.DropCompiledBut(file, best)
}

// chosenReason returns the reason for the vision tower's provider.
func (j *resultJSON) chosenReason(asked provider.Name) string {
	chosen := j.Chosen[provider.Visual]
	switch {
	case asked == provider.CPU:
		return "as asked"
	case j.Precision == string(embed.Int8):
		return "int8 computes on the processor"
	case chosen.Provider != string(provider.CPU):
		return fmt.Sprintf("%.1f times as fast as the processor", chosen.Gain)
	case len(j.Candidates) <= len(j.Chosen):
		return "the runtime library has no accelerator for this machine"
	}
	return "no working accelerator is faster"
}

// text returns the result of a candidate, for people.
func (c candidateJSON) text() string {
	title := provider.Measured{Provider: provider.Name(c.Provider), Variant: c.Variant, Batch: c.Batch}.Title()
	switch {
	case !c.OK:
		return fmt.Sprintf("%s, %s tower: %s", title, c.Tower, c.Reason)
	case c.Tower == provider.Textual:
		return fmt.Sprintf("%s, %s tower: %.0f ms per query including loading, cosine to the processor's vectors %.5f", title, c.Tower, c.LoadMS, c.Cosine)
	}
	return fmt.Sprintf("%s, %s tower: %.1f images/s, cosine to the processor's vectors %.5f", title, c.Tower, c.PerS, c.Cosine)
}
