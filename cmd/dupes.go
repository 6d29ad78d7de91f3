package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

type dupesOptions struct {
	app       *App
	exact     bool
	threshold float64
	rest      bool
	format    string
	nul       bool
	filters   filterFlags
	model     askedModel
	filter    filter
}

// defaultThreshold: resized copies are above; of 1,000 photos, the built-in model, no two are, and the nearest ones, two shots of one
// scene, are at 0.939 (docs/benchmarks.md#duplicates). Models differ: hence --threshold.
const defaultThreshold = 0.95

func newDupesCommand(app *App) *cobra.Command {
	o := dupesOptions{app: app}
	c := &cobra.Command{
		Use:   "dupes",
		Short: "Find duplicates and pictures that are nearly the same",
		Long: `Find files that hold the same picture, and pictures that are nearly the same: shots of one scene, resized or edited copies.
Each group comes with its best picture first: that with the most pixels, of equal ones the sharpest, of equal ones the
largest file. The score is the cosine similarity to it. Files that are not there, or cannot be reached, are left out, and
nothing is deleted.

FORMATS
  table   groups, for people (default)
  paths   one path a line, an empty line between groups
  tsv     group, score, path, width, height, bytes
  json    one object (docs/json.md)
  jsonl   one group a line

EXIT STATUS
  0   done, duplicates or not
  1   failed
  2   wrong usage
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch dupes
  imgsearch dupes --exact --rest -0 | xargs -0 -n1 echo   # the copies, without the best of each group
  imgsearch dupes --threshold 0.98 --taken 2023 --json`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.BoolVar(&o.exact, "exact", false, "only files that hold the same picture")
	f.Float64Var(&o.threshold, "threshold", defaultThreshold, "how alike pictures must be (`COSINE`)")
	f.BoolVar(&o.rest, "rest", false, "leave the best file of each group out; scores stay those to it")
	f.StringVar(&o.format, "format", "", "`table`, paths, tsv, json or jsonl")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte")
	o.filters.add(f)
	modelFlags(f, &o.model)
	return c
}

func (o *dupesOptions) check() (err error) {
	if o.app.json && o.format == "" {
		o.format = "json"
	}
	switch {
	case o.app.json && o.format != "json" && o.format != "jsonl":
		return usageError("give one of them", "--json and --format %s", o.format)
	case o.nul && o.format != "" && o.format != "paths":
		return usageError("-0 prints paths", "-0 and --format %s", o.format)
	case o.nul:
		o.format = "paths"
	case o.format == "":
		o.format = "table"
	}
	switch o.format {
	case "table", "paths", "tsv", "json", "jsonl":
	default:
		return usageError("give table, paths, tsv, json or jsonl", "--format %q", o.format)
	}
	const least = 0.8 // below, everything is like everything
	if !(o.threshold >= least && o.threshold <= 1) {
		return usageError("give a cosine similarity of 0.8 to 1", "--threshold %v", o.threshold)
	}
	if o.filter, err = o.filters.parse(time.Now()); err != nil {
		return err
	}
	return o.model.check(o.app)
}

func (o *dupesOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	ix, err := o.app.openReadOnly(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	used, err := o.app.vectorsWithoutModel(ctx, ix, o.model)
	if err != nil {
		return err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	if !o.exact && used.Embedded < totals.Pictures {
		o.app.notef("only %d of %d pictures have vectors: those of the others that are alike are not found; `imgsearch index` makes the rest", used.Embedded, totals.Pictures)
	}
	engine := query.New(ix, nil)
	selected, err := o.filter.in(ctx, engine)
	if err != nil {
		return err
	}
	groups, err := dupes.Find(ctx, engine, dupes.Options{Filter: selected, Near: !o.exact, Model: used, Threshold: o.threshold, Sharpness: sharpness})
	if err != nil {
		return err
	}
	if o.rest {
		groups = withoutBest(groups)
	}
	return o.print(o.app.streams.Out, groups, used)
}

// withoutBest leaves the best file of each group out.
func withoutBest(groups []dupes.Group) []dupes.Group {
	var list []dupes.Group
	for _, g := range groups {
		first := g.Pictures[0]
		if len(first.Also) > 0 { // its copies are no better, and no worse
			first.Path, first.Also = first.Also[0], first.Also[1:]
			g.Pictures = append([]dupes.Dupe{first}, g.Pictures[1:]...)
		} else {
			g.Pictures = g.Pictures[1:]
		}
		list = append(list, g)
	}
	return list
}

// dupeJSON is one picture of a group (docs/json.md).
type dupeJSON struct {
	Score float64 `json:"score"`
	pathsJSON
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	TakenAt   *string `json:"taken_at"`
	Bytes     int64   `json:"bytes"`
	Sharpness float64 `json:"sharpness,omitempty"`
}

// groupJSON is a group of duplicates.
type groupJSON struct {
	Exact    bool       `json:"exact"`
	Pictures []dupeJSON `json:"pictures"`
}

func (o *dupesOptions) groupJSON(g dupes.Group) groupJSON {
	out := groupJSON{Exact: g.Exact}
	for _, d := range g.Pictures {
		out.Pictures = append(out.Pictures, dupeJSON{
			Score: round(d.Score, 6), pathsJSON: newPathsJSON(d.Path, d.Also), Width: d.Width, Height: d.Height, TakenAt: orNull(d.TakenAt),
			Bytes: d.Bytes, Sharpness: round(d.Sharpness, 2),
		})
	}
	return out
}

func (o *dupesOptions) print(w io.Writer, groups []dupes.Group, used store.Model) error {
	out := bufio.NewWriter(w)
	if o.format == "json" {
		list := make([]groupJSON, 0, len(groups))
		for _, g := range groups {
			list = append(list, o.groupJSON(g))
		}
		if err := printJSON(out, struct {
			Schema    int         `json:"schema"`
			Model     string      `json:"model"`
			Precision string      `json:"precision"`
			Threshold float64     `json:"threshold"`
			Groups    []groupJSON `json:"groups"`
		}{schemaVersion, used.Name, used.Precision, o.threshold, list}); err != nil {
			return err
		}
		return out.Flush()
	}
	for i, g := range groups {
		if o.format == "jsonl" {
			if err := printJSON(out, o.groupJSON(g)); err != nil {
				return err
			}
			continue
		}
		if i > 0 && !o.nul && o.format != "tsv" {
			fmt.Fprintln(out)
		}
		for _, d := range g.Pictures {
			for j, path := range append([]string{d.Path}, d.Also...) {
				o.printFile(out, i+1, d, path, j > 0)
			}
		}
	}
	if len(groups) == 0 {
		o.app.notef("no duplicates found")
	}
	return out.Flush()
}

// printFile prints a file of a group; isCopy tells that it holds the same picture as the one before.
func (o *dupesOptions) printFile(w io.Writer, group int, d dupes.Dupe, path string, isCopy bool) {
	switch {
	case o.nul:
		fmt.Fprintf(w, "%s\x00", path)
	case o.format == "paths":
		fmt.Fprintln(w, escapePath(path))
	case o.format == "tsv":
		fmt.Fprintf(w, "%d\t%.4f\t%s\t%d\t%d\t%d\n", group, d.Score, escapePath(path), d.Width, d.Height, d.Bytes)
	case isCopy:
		fmt.Fprintf(w, "  same    %9s  %s\n", "", escapePath(path))
	default:
		fmt.Fprintf(w, "  %.4f  %4d x %-4d  %8s  %s\n", d.Score, d.Width, d.Height, humanize.IBytes(uint64(max(d.Bytes, 0))), escapePath(path))
	}
}
