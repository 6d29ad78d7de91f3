// Package facets is the command that counts pictures by a property. It must not know how counting works.
package facets

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p       *cli.Program
	top     int
	format  string
	filters cli.FilterFlags
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "facets camera|lens|keyword|year|month|folder|type|rating|person|place|label",
		Short: "Count photos by camera, keyword, year and so on",
		Long: `Count photos by camera, lens, keyword, year, month, folder, type, rating, person, place or label: all photos, or those that match the filters. A
photo counts once for each of its keywords, and once for each value if its copies have different ones. "-" counts photos
without a value. The rating of unrated photos is 0, of rejected ones -1. A folder's count does not include its subfolders.

FORMATS
  table   count and value, human-readable (default)
  tsv     count, value
  json    one object (docs/json.md)

EXIT STATUS
  0   done
  1   failed
  2   usage error
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch facets camera
  imgsearch facets keyword --taken 2023 --top 20
  imgsearch facets month --camera "EOS R6" --json`,
		Args:      oneFacet,
		ValidArgs: names(),
		RunE:      func(c *cobra.Command, args []string) error { return o.run(c.Context(), store.Facet(args[0])) },
	}
	f := c.Flags()
	f.IntVarP(&o.top, "top", "n", 0, "print only `N` values (0: all)")
	f.StringVar(&o.format, "format", "", "output `FORMAT`: table, tsv or json")
	o.filters.Add(f)
	return c
}

func names() []string {
	list := make([]string, len(store.Facets))
	for i, f := range store.Facets {
		list[i] = string(f)
	}
	return list
}

// oneFacet requires the name of a facet as the only argument.
func oneFacet(_ *cobra.Command, args []string) error {
	hint := "use one of " + strings.Join(names(), ", ")
	switch {
	case len(args) == 0:
		return cli.Usage(hint, "missing argument: a property")
	case len(args) > 1:
		return cli.Usage(hint, "expected one property, got %d: %s", len(args), strings.Join(args, " "))
	case !slices.Contains(store.Facets, store.Facet(args[0])):
		return cli.Usage(hint, "unknown property %q", args[0])
	}
	return nil
}

// check rejects contradictory options and returns the filter.
func (o *options) check() (ask.Filter, error) {
	switch {
	case o.p.JSON && o.format != "" && o.format != "json":
		return ask.Filter{}, cli.Usage("use only one of them", "--json and --format %s cannot be combined", o.format)
	case o.p.JSON:
		o.format = "json"
	case o.format == "":
		o.format = "table"
	}
	if !slices.Contains([]string{"table", "tsv", "json"}, o.format) {
		return ask.Filter{}, cli.Usage("use table, tsv or json", "invalid value for --format: %q", o.format)
	}
	if o.top < 0 {
		return ask.Filter{}, cli.Usage("use a number of values, or 0 for all", "invalid value for --top: %d", o.top)
	}
	return o.filters.Parse(time.Now())
}

func (o *options) run(ctx context.Context, by store.Facet) error {
	filter, err := o.check()
	if err != nil {
		return err
	}
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	engine := app.Engine(ix, app.NoModel)
	selected, err := filter.In(ctx, engine)
	if err != nil {
		return err
	}
	counts, err := engine.Facets(ctx, selected, by)
	if err != nil {
		return err
	}
	more := 0
	if o.top > 0 && len(counts) > o.top {
		counts, more = counts[:o.top], len(counts)-o.top
	}
	if err := o.print(by, counts); err != nil {
		return err
	}
	switch {
	case len(counts) == 0 && filter.SelectsAll():
		o.p.Notef("the index is empty; add photos with `imgsearch index DIR`")
	case len(counts) == 0:
		o.p.Notef("no matching photos%s", o.filters.Meant(ctx, engine))
	case more > 0 && o.format == "table":
		o.p.Notef("%d more; --top 0 prints all", more)
	}
	return nil
}

func (o *options) print(by store.Facet, counts []query.Count) error {
	out := bufio.NewWriter(o.p.Out)
	switch o.format {
	case "json":
		if err := cli.PrintJSON(out, wire.NewFacet(by, counts)); err != nil {
			return err
		}
	case "tsv":
		for _, c := range counts {
			fmt.Fprintf(out, "%d\t%s\n", c.Pictures, words.Path(c.Value))
		}
	default:
		for _, c := range counts {
			value := words.Path(c.Value)
			if value == "" {
				value = "-"
			}
			fmt.Fprintf(out, "%8d  %s\n", c.Pictures, value)
		}
	}
	return out.Flush()
}
