// Package dupes is the command that finds duplicates. It must not know how they are found.
package dupes

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/original"
)

type options struct {
	p         *cli.Program
	exact     bool
	threshold float64
	rest      bool
	format    string
	nul       bool
	filters   cli.FilterFlags
	model     app.ModelChoice
}

// defaultThreshold is below the similarity of resized copies. With the built-in model, no two of 1,000 photos reach it; the nearest,
// two shots of one scene, have 0.939 (docs/benchmarks.md#duplicates). Models differ, hence --threshold.
const defaultThreshold = 0.95

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "dupes",
		Short: "Find duplicate and near-duplicate pictures",
		Long: `Find files that contain the same picture, and pictures that are nearly the same: shots of the same scene, resized or edited
copies. Each group starts with the original: the picture with the most real detail (enlarging a copy adds none), then the one
with the least compression, then the one that was not edited (its metadata has the camera and names no editor). If these are
equal, the larger file comes first, then the older one. The score is the cosine similarity to the original. Missing and
unreachable files are left out. dupes never deletes a file.

FORMATS
  table   groups, human-readable (default)
  paths   one path per line, with an empty line between groups
  tsv     group, score, path, width, height, bytes
  json    one object (docs/json.md)
  jsonl   one group per line

EXIT STATUS
  0   done, duplicates or not
  1   failed
  2   usage error
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch dupes
  imgsearch dupes --exact --rest -0 | xargs -0 -n1 echo   # the copies, without the best file of each group
  imgsearch dupes --threshold 0.98 --taken 2023 --json`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.BoolVar(&o.exact, "exact", false, "find only files that contain the same picture")
	f.Float64Var(&o.threshold, "threshold", defaultThreshold, "minimum similarity of near-duplicates, as a `COSINE`")
	f.BoolVar(&o.rest, "rest", false, "omit the best file of each group; scores are still relative to it")
	f.StringVar(&o.format, "format", "", "output `FORMAT`: table, paths, tsv, json or jsonl")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte (also --null-output)")
	cli.Alias(f, "null", "null-output")
	o.filters.Add(f)
	cli.ModelFlags(f, &o.model)
	return c
}

// formats are the values of --format.
var formats = []string{"table", "paths", "tsv", "json", "jsonl"}

// chosenFormat returns the format chosen by --format, --json and -0.
func (o *options) chosenFormat() (string, error) {
	format := o.format
	if o.p.JSON && format == "" {
		format = "json"
	}
	switch {
	case o.p.JSON && format != "json" && format != "jsonl":
		return "", cli.Usage("use only one of them", "--json and --format %s cannot be combined", format)
	case o.nul && format != "" && format != "paths":
		return "", cli.Usage("-0 prints only paths", "-0 and --format %s cannot be combined", format)
	case o.nul:
		return "paths", nil
	case format == "":
		return "table", nil
	case !slices.Contains(formats, format):
		return "", cli.Usage("use table, paths, tsv, json or jsonl", "invalid value for --format: %q", format)
	}
	return format, nil
}

// check validates the command line and returns the printer and the filter.
func (o *options) check() (p printer, filter ask.Filter, err error) {
	p = printer{p: o.p, nul: o.nul, threshold: o.threshold}
	if p.format, err = o.chosenFormat(); err != nil {
		return p, filter, err
	}
	const least = 0.8 // below, unrelated pictures match
	if !(o.threshold >= least && o.threshold <= 1) {
		return p, filter, cli.Usage("use a cosine similarity from 0.8 to 1", "invalid value for --threshold: %v", o.threshold)
	}
	if filter, err = o.filters.Parse(time.Now()); err != nil {
		return p, filter, err
	}
	return p, filter, o.p.CheckModel(o.model)
}

func (o *options) run(ctx context.Context) error {
	out, filter, err := o.check()
	if err != nil {
		return err
	}
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	used, err := o.p.App.VectorsWithoutModel(ctx, ix, o.model)
	if err != nil {
		return err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	if !o.exact && used.Embedded < totals.Pictures {
		o.p.Notef("only %d of %d pictures have vectors; near duplicates among the others are not found; run `imgsearch index` to add the missing vectors", used.Embedded, totals.Pictures)
	}
	engine := app.Engine(ix, app.NoModel)
	selected, err := filter.In(ctx, engine)
	if err != nil {
		return err
	}
	groups, err := dupes.Find(ctx, engine, dupes.Options{Filter: selected, Near: !o.exact, Model: used, Threshold: o.threshold, Judge: original.Judge{}})
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		defer func() { o.p.Notef("no duplicates found%s", o.filters.Meant(ctx, engine)) }()
	}
	if o.rest {
		groups = withoutBest(groups)
	}
	return out.print(o.p.Out, groups, used)
}

// withoutBest removes the best file of each group.
func withoutBest(groups []dupes.Group) []dupes.Group {
	var list []dupes.Group
	for _, g := range groups {
		first := g.Pictures[0]
		if len(first.Also) > 0 { // its copies are just as good
			first.Path, first.Also = first.Also[0], first.Also[1:]
			g.Pictures = append([]dupes.Dupe{first}, g.Pictures[1:]...)
		} else {
			g.Pictures = g.Pictures[1:]
		}
		list = append(list, g)
	}
	return list
}
