package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
)

type warmupOptions struct {
	app      *App
	model    askedModel
	provider askedProvider
}

func newWarmupCommand(app *App) *cobra.Command {
	o := warmupOptions{app: app}
	c := &cobra.Command{
		Use:   "warmup",
		Short: "Prepare the machine and measure what a run costs on it",
		Long: `Download the model named by --model, or verify it if it is there, unpack the runtime library, load both towers, run
them, make the copy of the text tower that searches start quickly with, and tell what a picture and a query cost on this
machine. The vision tower is measured in fp32 and in int8, on some of your indexed photos if there are any: how much
faster int8 is, and how near its vectors and its ten nearest pictures are.

Every accelerator that the runtime library has is compiled for and measured, each in a process of its own: its settings,
its batch sizes, and whether its vectors are the processor's. The fastest one is kept for index and search in sessions of
this kind (a terminal, ssh, cron), until the runtime library, a driver, the system or the model changes. One that died in
an earlier run is trusted again when it works here.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage; 11 another process is downloading; 12 the model or the runtime library is missing
  or damaged`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	modelFlags(c.Flags(), &o.model)
	o.provider.flags(c.Flags())
	return c
}

// warmupJSON is the machine format of warmup (docs/json.md). Times are medians.
type warmupJSON struct {
	Schema         int     `json:"schema"`
	Model          string  `json:"model"`
	Dim            int     `json:"dim"`
	Precision      string  `json:"precision"`
	Provider       string  `json:"provider"`
	ProviderReason string  `json:"provider_reason"`
	Runtime        string  `json:"runtime"`
	LoadVisualMS   float64 `json:"load_visual_ms"`
	LoadTextualMS  float64 `json:"load_textual_ms"`
	ImageMS        float64 `json:"image_ms"`
	ImagesPerS     float64 `json:"images_per_s"`
	QueryMS        float64 `json:"query_ms"`
	// Candidates are the providers that were measured, Chosen what each tower will run on.
	Candidates []candidateJSON       `json:"candidates"`
	Chosen     map[string]chosenJSON `json:"chosen"`
	// Int8 compares the precisions; absent where the model has nothing to quantise.
	Int8 *int8JSON `json:"int8,omitempty"`
}

func (o *warmupOptions) run(ctx context.Context) error {
	if err := o.model.check(o.app); err != nil {
		return err
	}
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	if err := o.pull(ctx); err != nil {
		return err
	}
	ix := o.store(ctx)
	if ix != nil {
		defer ix.Close()
	}
	m, err := o.app.chooseModel(ctx, ix, o.model, true)
	if err != nil {
		return err
	}
	library, err := embed.StartRuntime(o.app.runtimeOptions())
	if err != nil {
		return err
	}
	if err := o.app.loader(m, false).CheckAsked(); err != nil {
		return err
	}
	loader := o.app.cpuLoader(m, false)
	out := warmupJSON{
		Schema: schemaVersion, Model: m.spec.Model.Name, Dim: m.spec.Dim, Precision: string(m.precision), Runtime: library.Version,
	}
	begin := time.Now()
	visual, err := loader.Visual(ctx)
	if err != nil {
		return err
	}
	out.LoadVisualMS = milliseconds(time.Since(begin))
	begin = time.Now()
	textual, err := loader.Textual(ctx)
	if err != nil {
		return err
	}
	out.LoadTextualMS = milliseconds(time.Since(begin))
	if out.ImageMS, out.ImagesPerS, err = timeVisual(ctx, visual, m.spec.Preprocess.TensorLen()); err != nil {
		return err
	}
	if out.QueryMS, err = timeTextual(ctx, textual); err != nil {
		return err
	}
	if out.Int8, err = o.comparePrecisions(ctx, ix, m, visual); err != nil {
		return err
	}
	o.app.prepareOnce(ctx, loader, "")
	queryMS, err := o.timeQuery(ctx, m)
	if err != nil {
		return err
	}
	if err := o.measureProviders(ctx, o.app.loader(m, false), library.Library, m.precision, queryMS, &out); err != nil {
		return err
	}
	out.Provider, out.ProviderReason = out.Chosen[provider.Visual].Provider, out.chosenReason(o.app.provider)
	if o.app.json {
		return printJSON(o.app.streams.Out, out)
	}
	_, err = fmt.Fprintf(o.app.streams.Out, `model    %s, dimension %d, %s, on the processor (ONNX Runtime %s)
loading  %.0f ms the vision tower, %.0f ms the text tower
picture  %.1f ms (%.1f images/s without decoding)
query    %.1f ms
`, out.Model, out.Dim, out.Precision, out.Runtime, out.LoadVisualMS, out.LoadTextualMS, out.ImageMS, out.ImagesPerS, out.QueryMS)
	if err == nil && out.Int8 != nil {
		_, err = fmt.Fprintln(o.app.streams.Out, out.Int8.text())
	}
	for _, c := range out.Candidates {
		if err == nil && c.Provider != string(provider.CPU) {
			_, err = fmt.Fprintf(o.app.streams.Out, "tried    %s\n", c.text())
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(o.app.streams.Out, "chosen   %s for pictures (%s), %s for queries\n", out.Provider, out.ProviderReason, out.Chosen[provider.Textual].Provider)
	}
	return err
}

// timeQuery is what a search waits for: loading the text tower for one query and asking it, in milliseconds.
func (o *warmupOptions) timeQuery(ctx context.Context, m model) (float64, error) {
	begin := time.Now()
	tower, err := o.app.cpuLoader(m, true).Textual(ctx)
	if err != nil {
		return 0, err
	}
	_, err = tower.Embed([]string{"dog on beach"})
	return milliseconds(time.Since(begin)), err
}

// pull downloads a model of the catalogue that is asked for and not there.
func (o *warmupOptions) pull(ctx context.Context) error {
	if o.model.name == "" {
		return nil
	}
	if found, err := o.app.models().Open(o.model.name); !errors.Is(err, models.ErrNotInstalled) {
		if err == nil && found.IsStored() {
			return o.verify()
		}
		return nil // what else is wrong with it comes up when it is opened
	}
	m, err := (&pullOptions{app: o.app, name: o.model.name}).pull(ctx)
	if err != nil {
		return err
	}
	o.app.notef("downloaded %s (%s)", m.Name, humanize.IBytes(uint64(m.Bytes())))
	return nil
}

// verify compares an installed model with what was downloaded.
func (o *warmupOptions) verify() error {
	problems, err := o.app.models().Verify(o.model.name, func(string, int64) {})
	if err != nil || len(problems) == 0 {
		return err
	}
	return &codedError{code: exitModel, err: fmt.Errorf("%w: %s of %s: %s", models.ErrDamaged, problems[0].File, o.model.name, problems[0].What),
		hint: o.app.mendModel(o.model.name)}
}

// store opens the index where there is one; warmup works without.
func (o *warmupOptions) store(ctx context.Context) store.Store {
	ix, err := o.app.openReadOnly(ctx)
	if err != nil {
		return nil
	}
	return ix
}

func milliseconds(d time.Duration) float64 { return round(float64(d)/float64(time.Millisecond), 2) }

// warmupRounds is how often each tower runs: enough for a median, a second or so in all with the built-in model.
const warmupRounds = 7

// timeVisual runs the vision tower as index does: as many batches at once as it wants.
func timeVisual(ctx context.Context, tower *embed.Visual, tensorLen int) (imageMS, perSecond float64, err error) {
	size, parallel := tower.Batch()
	tensors := make([]float32, size*tensorLen)
	for i := range tensors {
		tensors[i] = float32(i%251)/125 - 1
	}
	took, err := medianTime(ctx, func() error {
		var wg sync.WaitGroup
		errs := make([]error, parallel)
		for i := range parallel {
			wg.Go(func() { _, errs[i] = tower.Embed(tensors, size) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	})
	n := float64(size * parallel)
	return round(milliseconds(took)/n, 2), round(n/took.Seconds(), 1), err
}

func timeTextual(ctx context.Context, tower *embed.Textual) (float64, error) {
	took, err := medianTime(ctx, func() error {
		_, err := tower.Embed([]string{"dog on beach"})
		return err
	})
	return milliseconds(took), err
}

// medianTime runs f some times, the first not counted, and returns the median duration.
func medianTime(ctx context.Context, f func() error) (time.Duration, error) {
	var times []time.Duration
	for i := range warmupRounds + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, time.Since(begin))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
