// Package warmup is the command that prepares models and measures their speed on this machine. It must not know how a model is loaded.
package warmup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

type options struct {
	p        *cli.Program
	model    app.ModelChoice
	provider cli.ProviderFlags
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "warmup",
		Short: "Prepare the model and measure its speed on this machine",
		Long: `Prepare the model, then measure how long a picture and a query take on this machine.

warmup downloads the model of --model, or verifies it if it is installed. It unpacks the runtime library, loads and runs
both towers, and makes the copy of the text tower that lets searches start quickly. It runs the vision tower in fp32 and
int8, and reports how much faster int8 is. If there are indexed photos, it also compares the vectors and the ten nearest
pictures of both precisions on a sample of them.

warmup compiles the model for every accelerator that the runtime library supports and measures it in a separate process:
its settings, its batch sizes, and whether its vectors match the processor's. index and search then use the fastest one in
sessions of this kind (a terminal, ssh, cron), until the runtime library, a driver, the system or the model changes. An
accelerator that crashed in an earlier run is used again if it works here.

EXIT STATUS
  0 done; 1 failed; 2 usage error; 11 another process is downloading; 12 the model or the runtime library is missing
  or damaged`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	cli.ModelFlags(c.Flags(), &o.model)
	o.provider.Add(c.Flags())
	return c
}

// resultJSON is the machine format of warmup (docs/json.md). Times are medians.
type resultJSON struct {
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
	// Candidates are the providers that were measured; Chosen is the provider of each tower.
	Candidates []candidateJSON       `json:"candidates"`
	Chosen     map[string]chosenJSON `json:"chosen"`
	// Int8 compares the precisions; absent if the model has nothing to quantise.
	Int8 *int8JSON `json:"int8,omitempty"`
}

func (o *options) run(ctx context.Context) error {
	if err := o.p.CheckModel(o.model); err != nil {
		return err
	}
	asked, err := o.provider.Choose()
	if err != nil {
		return err
	}
	if err := o.pull(ctx); err != nil {
		return err
	}
	ix := o.store(ctx)
	if ix != nil {
		defer ix.Close()
	}
	m, err := o.p.App.ChooseModel(ctx, ix, o.model, true)
	if err != nil {
		return err
	}
	library, err := embed.StartRuntime(o.p.App.Runtime())
	if err != nil {
		return err
	}
	accelerated := o.p.App.Loader(m, app.Loading{Provider: asked})
	if err := accelerated.CheckAsked(); err != nil {
		return err
	}
	out := resultJSON{
		Schema: wire.Schema, Model: m.Spec.Model.Name, Dim: m.Spec.Dim, Precision: string(m.Precision), Runtime: library.Version,
	}
	queryMS, err := o.measureProcessor(ctx, ix, m, &out)
	if err != nil {
		return err
	}
	if err := measureProviders(ctx, o.p, asked, accelerated, library.Library, m.Precision, queryMS, &out); err != nil {
		return err
	}
	out.Provider, out.ProviderReason = out.Chosen[provider.Visual].Provider, out.chosenReason(asked)
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, out)
	}
	return out.print(o.p.Out)
}

// measureProcessor measures both towers on the processor, in both precisions. queryMS is the time of a query from the start of loading.
func (o *options) measureProcessor(ctx context.Context, ix store.Store, m app.Model, out *resultJSON) (queryMS float64, err error) {
	loader := o.p.App.Loader(m, app.Loading{Provider: provider.CPU})
	begin := time.Now()
	visual, err := loader.Visual(ctx)
	if err != nil {
		return 0, err
	}
	out.LoadVisualMS = wire.Milliseconds(time.Since(begin))
	begin = time.Now()
	textual, err := loader.Textual(ctx)
	if err != nil {
		return 0, err
	}
	out.LoadTextualMS = wire.Milliseconds(time.Since(begin))
	if out.ImageMS, out.ImagesPerS, err = timeVisual(ctx, visual, m.Spec.Preprocess.TensorLen()); err != nil {
		return 0, err
	}
	if out.QueryMS, err = timeTextual(ctx, textual); err != nil {
		return 0, err
	}
	if out.Int8, err = o.comparePrecisions(ctx, ix, m, visual); err != nil {
		return 0, err
	}
	o.p.App.PrepareOneShot(ctx, loader, app.MemoryLimit(0))
	return o.timeQuery(ctx, m)
}

// print writes the result as text.
func (j *resultJSON) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, `model    %s, dimension %d, %s, on the processor (ONNX Runtime %s)
loading  vision tower %.0f ms, text tower %.0f ms
picture  %.1f ms (%.1f images/s without decoding)
query    %.1f ms
`, words.Path(j.Model), j.Dim, j.Precision, j.Runtime, j.LoadVisualMS, j.LoadTextualMS, j.ImageMS, j.ImagesPerS, j.QueryMS)
	if err == nil && j.Int8 != nil {
		_, err = fmt.Fprintln(w, j.Int8.text())
	}
	for _, c := range j.Candidates {
		if err == nil && c.Provider != string(provider.CPU) {
			_, err = fmt.Fprintf(w, "tried    %s\n", words.Clean(c.text()))
		}
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "chosen   %s for pictures (%s), %s for queries\n", j.Provider, words.Clean(j.ProviderReason), j.Chosen[provider.Textual].Provider)
	}
	return err
}

// timeQuery returns how long a search waits for its vector, in milliseconds: loading the text tower for one query and running it.
func (o *options) timeQuery(ctx context.Context, m app.Model) (float64, error) {
	begin := time.Now()
	tower, err := o.p.App.Loader(m, app.Loading{Provider: provider.CPU, OneShot: true}).Textual(ctx)
	if err != nil {
		return 0, err
	}
	_, err = tower.Embed([]string{"dog on beach"})
	return wire.Milliseconds(time.Since(begin)), err
}

// pull downloads the model of --model if it is not installed.
func (o *options) pull(ctx context.Context) error {
	if o.model.Name == "" {
		return nil
	}
	if found, err := o.p.App.Models().Open(o.model.Name); !errors.Is(err, models.ErrNotInstalled) {
		if err == nil && found.IsStored() {
			return o.verify()
		}
		return nil // other errors are reported when the model is opened
	}
	name, source, err := o.p.App.HubSource(o.model.Name, "")
	if err != nil {
		return err
	}
	transfer := cli.NewTransfer(o.p, name)
	defer transfer.End()
	m, err := o.p.App.Pull(ctx, name, source, transfer.Download())
	if err != nil {
		return err
	}
	o.p.Notef("downloaded %s (%s)", m.Name, humanize.IBytes(uint64(m.Bytes())))
	return nil
}

// verify compares an installed model with its manifest.
func (o *options) verify() error {
	problems, err := o.p.App.Models().Verify(o.model.Name, func(string, int64) {})
	if err != nil || len(problems) == 0 {
		return err
	}
	return &cli.Error{Code: words.Model, Err: fmt.Errorf("%w: %s of %s: %s", models.ErrDamaged, problems[0].File, o.model.Name, problems[0].What),
		Hint: cli.MendModel(o.p.App.Models(), o.model.Name)}
}

// store opens the index, or returns nil if there is none: warmup works without one.
func (o *options) store(ctx context.Context) store.Store {
	ix, err := o.p.App.OpenAtOnce(ctx)
	if err != nil {
		return nil
	}
	return ix
}
