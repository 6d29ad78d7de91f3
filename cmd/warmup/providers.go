package warmup

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

// candidateJSON is one provider with a setting, as it was measured (docs/json.md).
type candidateJSON struct {
	Tower    string `json:"tower"`
	Provider string `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	OK       bool   `json:"ok"`
	// PerS is pictures or texts a second, LoadMS from the start of loading to the first answer.
	PerS   float64 `json:"per_s"`
	LoadMS float64 `json:"load_ms"`
	Cosine float64 `json:"cosine"`
	Reason string  `json:"reason,omitempty"`
	Hint   string  `json:"hint,omitempty"`
}

// chosenJSON is what a tower will run on.
type chosenJSON struct {
	Provider string `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	// Gain is how many times as fast as the processor it is; 1 for the processor.
	Gain float64 `json:"gain"`
}

const (
	// warmupLimit is what a candidate may take: a large model is compiled for minutes.
	warmupLimit = 5 * time.Minute
	// candidateRounds is how often a candidate is measured.
	candidateRounds = 7
)

// providers are what warmup finds out about a model's providers.
type providers struct {
	program *cli.Program
	asked   provider.Name
	loader  *embed.Loader
	library ortlib.Library
	out     *resultJSON
}

// measureProviders tries every candidate of both towers in child processes, keeps what it finds, and notes the winners.
// queryMS is what a query takes on the processor from the start of loading.
func measureProviders(ctx context.Context, program *cli.Program, asked provider.Name, loader *embed.Loader, library ortlib.Library, precision embed.Precision,
	queryMS float64, out *resultJSON) error {
	out.Candidates, out.Chosen = []candidateJSON{}, make(map[string]chosenJSON)
	p := providers{program, asked, loader, library, out}
	files := map[string]string{provider.Visual: models.VisualFile, provider.Textual: models.TextualFile}
	for _, tower := range []string{provider.Visual, provider.Textual} {
		if tower == provider.Visual && precision == embed.Int8 { // the processor's own
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

// measure tries a tower's candidates: all settings at the first batch size, then the other sizes at the best setting.
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
		// One that is far behind will not catch up in another batch size.
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

// conclude keeps a verdict and tells it.
func (p *providers) conclude(file string, v provider.Verdict) {
	for _, m := range v.Candidates {
		if m.Missing {
			continue
		}
		p.out.Candidates = append(p.out.Candidates, candidateJSON{
			Tower: v.Slot.Tower, Provider: string(m.Provider), Variant: m.Variant, Batch: m.Batch, OK: m.OK,
			PerS: cli.Round(m.PerSecond, 2), LoadMS: cli.Round(m.LoadMS, 1), Cosine: cli.Round(m.Cosine, 6), Reason: m.Reason, Hint: words.Remedy(m.Hint, cli.Door),
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
	p.out.Chosen[v.Slot.Tower] = chosenJSON{Provider: string(best.Provider), Variant: best.Variant, Batch: best.Batch, Gain: cli.Round(gain, 2)}
	if len(v.Candidates) < 2 {
		return // there is nothing to choose
	}
	if err := p.program.App.State().Keep(v); err != nil {
		p.program.Warnf("%v: the next runs measure again", err)
	}
	p.loader.DropCompiledBut(file, best)
}

// chosenReason says why the vision tower runs where it will.
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
	return "nothing else that works is faster"
}

// text tells what was measured besides the processor.
func (c candidateJSON) text() string {
	title := provider.Measured{Provider: provider.Name(c.Provider), Variant: c.Variant, Batch: c.Batch}.Title()
	switch {
	case !c.OK:
		return fmt.Sprintf("%s, %s tower: %s", title, c.Tower, c.Reason)
	case c.Tower == provider.Textual:
		return fmt.Sprintf("%s, %s tower: a query in %.0f ms from the start, cosine to the processor %.5f", title, c.Tower, c.LoadMS, c.Cosine)
	}
	return fmt.Sprintf("%s, %s tower: %.1f images/s, cosine to the processor %.5f", title, c.Tower, c.PerS, c.Cosine)
}
