package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index/calibrate"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

type calibrateOptions struct {
	p        *cli.Program
	model    app.ModelChoice
	queries  string
	dryRun   bool
	reset    bool
	language cli.LanguageFlag
	provider cli.ProviderFlags
}

func newCalibrate(p *cli.Program) *cobra.Command {
	o := calibrateOptions{p: p}
	c := &cobra.Command{
		Use:   "calibrate [NAME]",
		Short: "Measure which score separates hits from misses",
		Long: fmt.Sprintf(`Measure with the pictures in the index which score separates hits from misses, and store it in the index. Searches then report when
nothing looks like the query. NAME is a model whose vectors the index has (default: the one that searches use).

FILE has one query per line: "absent" or "present", a tab and the text. No picture of the index shows an absent query; at least one shows
a present query. At least %d queries of each kind and %d pictures are required. The command prints the error rates that you can
expect for other queries, from cross-validation.

The built-in model is already calibrated. --reset removes a stored calibration.

EXIT STATUS
  0 done; 1 failed, or the scores do not separate the queries; 2 usage error, an unknown model, too few queries or pictures; 10 no index
  here yet; 11 another process is indexing; 12 the model is missing or damaged; 13 the index has no vectors of this model`, calibrate.LeastQueries, calibrate.LeastPictures),
		Example: `  imgsearch models calibrate --queries queries.tsv
  imgsearch models calibrate --dry-run --queries queries.tsv`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.model.Name = args[0]
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.queries, "queries", "", "read the queries from `FILE` (- is standard input)")
	f.StringVar(&o.model.Precision, "precision", "", "compute in `PRECISION`: fp32 or int8 (default: that of the index's model)")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the result and that of the current calibration, without storing it")
	f.BoolVar(&o.reset, "reset", false, "remove the stored calibration")
	o.language.Add(f)
	o.provider.Add(f)
	return c
}

// calibrateJSON is the machine format of models calibrate (docs/json.md).
type calibrateJSON struct {
	Schema    int    `json:"schema"`
	Model     string `json:"model"`
	Precision string `json:"precision"`
	Pictures  int    `json:"pictures"`
	Absent    int    `json:"absent"`
	Present   int    `json:"present"`
	// Calibration is the new calibration; Rates are its error rates from cross-validation. Both are null with --reset.
	Calibration *store.Calibration `json:"calibration"`
	Rates       *ratesJSON         `json:"rates"`
	// InUse are the error rates of the calibration that searches used before; null if there was none.
	InUse  *ratesJSON `json:"in_use"`
	Stored bool       `json:"stored"`
}

type ratesJSON struct {
	Absent      verdictsJSON `json:"absent"`
	Present     verdictsJSON `json:"present"`
	FalseAlarms float64      `json:"false_alarms"`
	Misses      float64      `json:"misses"`
}

type verdictsJSON struct {
	Found     float64 `json:"found"`
	Uncertain float64 `json:"uncertain"`
	Nothing   float64 `json:"nothing"`
}

func newRatesJSON(r calibrate.Rates) *ratesJSON {
	verdicts := func(v calibrate.Verdicts) verdictsJSON {
		return verdictsJSON{wire.Round(v.Found, 4), wire.Round(v.Uncertain, 4), wire.Round(v.Nothing, 4)}
	}
	return &ratesJSON{verdicts(r.Absent), verdicts(r.Present), wire.Round(r.FalseAlarms, 4), wire.Round(r.Misses, 4)}
}

func (o *calibrateOptions) run(ctx context.Context) error {
	switch {
	case o.reset && (o.queries != "" || o.dryRun || o.language.Given()):
		return cli.Usage("use only --reset", "--reset cannot be combined with --queries, --dry-run or --lang")
	case !o.reset && o.queries == "":
		return cli.Usage("use --queries FILE, or --queries - for standard input", "missing flag: --queries")
	}
	chosen, err := o.provider.Choose()
	if err != nil {
		return err
	}
	if err := o.p.CheckModel(o.model); err != nil {
		return err
	}
	language, err := o.language.Choose()
	if err != nil {
		return err
	}
	var out calibrateJSON
	if o.reset {
		out, err = o.forget(ctx)
	} else {
		out, err = o.calibrate(ctx, chosen, language)
	}
	if err != nil {
		return err
	}
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, out)
	}
	return o.print(out)
}

// calibrate calibrates a model and stores the result.
func (o *calibrateOptions) calibrate(ctx context.Context, chosen provider.Name, language string) (out calibrateJSON, err error) {
	queries, err := o.readQueries()
	if err != nil {
		return out, err
	}
	if err := calibrate.CheckQueries(queries); err != nil {
		return out, err
	}
	at, err := o.p.App.Index()
	if err != nil {
		return out, err
	}
	ix, err := at.OpenForReading(ctx)
	if err != nil {
		return out, err
	}
	defer ix.Close()
	if locked, err := at.IsLocked(); !o.dryRun && err == nil && locked { // before work that takes minutes
		return out, fmt.Errorf("calibrate: %w", store.ErrBusy)
	}
	m, err := o.p.App.ChooseModel(ctx, ix, o.model, false)
	if err != nil {
		return out, err
	}
	stored, err := o.p.App.VectorsOf(ctx, ix, m, o.model)
	if err != nil {
		return out, err
	}
	encoder := app.Encoder{Loader: o.p.App.Loader(m, app.Loading{Provider: chosen})}
	sample, err := measure(ctx, ix, stored, encoder, queries, o.language.Prefix(o.p, stored.Name, language))
	if err != nil {
		return out, err
	}
	fitted, err := sample.Fit()
	if err != nil {
		return out, err
	}
	rates, err := sample.CrossValidate()
	if err != nil {
		return out, err
	}
	absent := calibrate.Absent(queries)
	out = calibrateJSON{
		Schema: wire.Schema, Model: stored.Name, Precision: stored.Precision, Pictures: sample.Pictures(), Absent: absent, Present: len(queries) - absent,
		Calibration: &fitted, Rates: newRatesJSON(rates), Stored: !o.dryRun,
	}
	if inUse := app.CalibrationInUse(stored); inUse != nil {
		out.InUse = newRatesJSON(sample.Rate(*inUse))
		fitted.Bins = inUse.Bins // they are measured with captions, not with these queries
	}
	if o.dryRun {
		return out, nil
	}
	return out, o.p.App.Change(ctx, func(ix store.Store) error { return ix.SetCalibration(ctx, stored.Identity, &fitted) })
}

// readQueries reads the file of --queries.
func (o *calibrateOptions) readQueries() ([]calibrate.Query, error) {
	in := o.p.In
	if o.queries != "-" {
		f, err := os.Open(o.queries)
		if err != nil {
			return nil, cli.Usage("use a file with one query per line, or - for standard input", "--queries: %w", err)
		}
		defer f.Close()
		in = f
	}
	return calibrate.ReadQueries(in)
}

// textBatch is the number of texts that are embedded together, as in search --queries.
const textBatch = 8

// measure finds the best score of each query among the index's pictures.
func measure(ctx context.Context, ix store.Store, m store.Model, encoder app.Encoder, queries []calibrate.Query, prefix string) (*calibrate.Sample, error) {
	var vectors [][]float32
	for batch := range slices.Chunk(queries, textBatch) {
		texts := make([]string, len(batch))
		for i, q := range batch {
			texts[i] = prefix + tokenize.Clean(q.Text, false)
		}
		more, err := encoder.Texts(ctx, texts)
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, more...)
	}
	sample := calibrate.NewSample(queries, vectors, m.Embedded)
	err := ix.EachVector(ctx, m.Identity, store.Filter{}, func(v store.Vector) error {
		sample.Add(v)
		return nil
	})
	return sample, err
}

// forget removes the stored calibration.
func (o *calibrateOptions) forget(ctx context.Context) (out calibrateJSON, err error) {
	return out, o.p.App.Change(ctx, func(ix store.Store) error {
		m, err := o.p.App.VectorsWithoutModel(ctx, ix, o.model)
		if err != nil {
			return err
		}
		out = calibrateJSON{Schema: wire.Schema, Model: m.Name, Precision: m.Precision}
		if m.Calibration == nil {
			return nil
		}
		err = ix.SetCalibration(ctx, m.Identity, nil)
		if errors.Is(err, store.ErrUnknownModel) {
			return nil
		}
		return err
	})
}

// print writes the result as text.
func (o *calibrateOptions) print(out calibrateJSON) error {
	if out.Calibration == nil {
		o.p.Notef("model %s has no stored calibration now", out.Model)
		return nil
	}
	c := out.Calibration
	fmt.Fprintf(o.p.Out, "model %s, %d pictures, %d absent and %d present queries\n", words.Path(out.Model), out.Pictures, out.Absent, out.Present)
	fmt.Fprintf(o.p.Out, "threshold %.3f, plus %.3f each time the number of pictures doubles; nothing: %.3f below it, found: %.3f above\n\n",
		c.Threshold(out.Pictures), c.PerDoubling, c.NothingBelow, c.FoundAbove)
	w := tabwriter.NewWriter(o.p.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\tqueries\tnothing\tuncertain\tfound\twrong at the threshold\t\n")
	row := func(name string, r *ratesJSON) {
		if r == nil {
			return
		}
		for _, kind := range []struct {
			name  string
			v     verdictsJSON
			wrong float64
		}{{"absent", r.Absent, r.FalseAlarms}, {"present", r.Present, r.Misses}} {
			fmt.Fprintf(w, "%s\t%s\t%.0f%%\t%.0f%%\t%.0f%%\t%.0f%%\t\n", name, kind.name, 100*kind.v.Nothing, 100*kind.v.Uncertain, 100*kind.v.Found, 100*kind.wrong)
		}
	}
	row("cross-validated", out.Rates)
	row("current", out.InUse)
	if err := w.Flush(); err != nil {
		return err
	}
	if out.Stored {
		o.p.Notef("stored the calibration; searches with this model now use it")
	}
	return nil
}
