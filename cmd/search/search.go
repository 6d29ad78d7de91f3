// Package search is the command that finds photos: it makes a request of the command line, asks the engine, and shows the answer. It must
// not know how pictures are found.
package search

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
)

// options are the flags and arguments as they were given; search is what they mean.
type options struct {
	p              *cli.Program
	query          string
	queries        string
	top, offset    int
	format         string
	fields         []string
	paths          bool
	embedSize      int
	nul            bool
	allPaths       bool
	includeMissing bool
	model          app.ModelChoice
	provider       cli.ProviderFlags
	lang           cli.LanguageFlag

	images, addImages, subtractImages []string
	add, subtract, like, prompts      []string
	explain                           bool
	minScore                          string
	confident                         bool
	from                              string
	fromNul                           bool
	filters                           cli.FilterFlags
	sort                              string
	copyTo, linkTo                    string
	noTwins                           bool
	preview, html                     string
	view                              bool
	args                              int                    // how many words were given
	given                             func(flag string) bool // on the command line, not by the configuration
}

// New makes the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "search [QUERY...]",
		Short: "Find photos by what is in them",
		Long: `Find the photos that fit a text or a picture best. One line is one picture; its copies are counted behind it.

The score is the cosine similarity between query and picture; it is good for comparing hits of one search. For a calibrated model, such as the built-in one (` + "`imgsearch models calibrate`" + `),
search reports on stderr when nothing looks like the query. On a terminal it also reports when possibly nothing does, and a bar shows how
many hits with such a score fit. This applies to queries of a single text. --confident prints only the hits that reach the threshold and whose files exist.

A query may have several terms: "search beach --add 0.5:sunset --subtract people". The weight of an added or
subtracted term is a number and a colon before it, 1 without; the query's own words are literal text. The query's direction is
the sum of the terms' unit vectors times their weights. --image and --like ask for what looks like a picture; one that the index
has needs no model.

Filters narrow what is searched; without a query they list, the newest first. --sort date or --sort path alone lists all pictures.

FORMATS
  table   rank, score and path, for people (default)
  paths   one path a line
  tsv     rank, score, path, width, height, time taken; --fields names other columns, as in JSON
  json    one object (docs/json.md)
  jsonl   one hit a line
  template=TEXT   a Go template a hit: {{.Rank}} {{.Score}} {{.Relative}} {{.Path}} {{.Also}} {{.Width}} {{.Height}} {{.TakenAt}} {{.Missing}},
          and {{.ID}} {{.Format}} {{.Bytes}} {{.TakenFrom}} {{.Camera}} {{.Lens}} {{.Rating}} {{join .Keywords ", "}} {{.Place}} {{.Twins}}
In paths and tsv, control characters in a name are escaped with backslashes; -0 prints the bytes as they are.
Pictures whose files are gone are marked in table and json, and left out elsewhere unless --include-missing.

EXIT STATUS
  0   done, hits or not
  1   failed
  2   wrong usage
  3   done, but a hit could not be copied or linked
  5   --confident, and nothing fits
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  12  the model or the runtime library is missing or damaged
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch search dog on beach
  imgsearch search --top 50 -0 "birthday cake" | xargs -0 cp -t ~/cakes
  imgsearch search --queries - < queries.txt > answers.jsonl
  imgsearch search --format tsv --fields path,camera,rating,keywords --rating 4..
  imgsearch search --image ~/Desktop/found.jpg --subtract people
  imgsearch search --after 2023-06 --before 2023-09 --camera canon beach
  find ~/Pictures -mtime -7 | imgsearch search --from - dog`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.query = strings.Join(args, " ")
			o.args, o.given = len(args), c.Flags().Changed
			if err := o.checkWords(c, args); err != nil {
				return err
			}
			if len(args) > 0 && o.queries != "" {
				return cli.Usage("give one of them", "a query and --queries")
			}
			return o.run(c.Context())
		},
	}
	o.addFlags(c.Flags())
	c.SetFlagErrorFunc(o.flagError)
	return c
}

func (o *options) addFlags(f *pflag.FlagSet) {
	f.IntVarP(&o.top, "top", "n", 10, "find `N` pictures")
	f.StringVar(&o.format, "format", "", "`table`, paths, tsv, json, jsonl or template=TEXT")
	f.StringSliceVar(&o.fields, "fields", nil, "the columns of --format tsv: `NAMES` as in JSON, rank,score,path,camera,keywords,...")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte (also --null-output)")
	cli.Alias(f, "null", "null-output")
	f.BoolVar(&o.allPaths, "all-paths", false, "print every file of a picture, not only the first")
	f.BoolVar(&o.includeMissing, "include-missing", false, "print pictures whose files are gone in every format")
	f.StringArrayVar(&o.images, "image", nil, "what looks like the picture `FILE`, of any format that is read (may be repeated)")
	f.StringArrayVar(&o.like, "like", nil, "what looks like the indexed picture `PATH`, or one by the beginning of its id, itself left out (may be repeated)")
	f.StringArrayVar(&o.add, "add", nil, "add a `TERM` to the query: words, or weight:words (may be repeated)")
	f.StringArrayVar(&o.subtract, "subtract", nil, "subtract a `TERM` from the query (may be repeated)")
	f.StringArrayVar(&o.addImages, "add-image", nil, "add a picture, `FILE` or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.subtractImages, "subtract-image", nil, "subtract a picture, `FILE` or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.prompts, "prompt", nil, "put the words into `TEMPLATE`, as in \"a photo of {}\"; several are averaged (may be repeated)")
	f.StringVar(&o.minScore, "min-score", "", "leave out what scores less than `COSINE`")
	f.BoolVar(&o.confident, "confident", false, "print only hits that reach the model's threshold; exit status 5 if there is none")
	o.lang.Add(f)
	f.BoolVar(&o.explain, "explain", false, "show what each term contributes to each hit")
	f.StringVar(&o.from, "from", "", "search the files listed in `FILE` only, one path a line (- is the standard input)")
	f.BoolVar(&o.fromNul, "from-null", false, "the paths of --from end with a NUL byte, as find -print0 writes them (also --null-input)")
	cli.Alias(f, "from-null", "null-input")
	f.StringVar(&o.sort, "sort", "", "print the hits by `score`, date (the newest first) or path; with a query, the best --top are chosen first and arranged then (default: score; without a query, date)")
	f.IntVar(&o.offset, "offset", 0, "leave out the first `N` hits; with a query, of those by score")
	f.StringVar(&o.copyTo, "copy-to", "", "copy the hits into `DIR`, numbered by rank, with their indexed raw files and sidecars; existing files are never overwritten")
	f.StringVar(&o.linkTo, "link-to", "", "link to the hits in `DIR`, as --copy-to copies")
	f.BoolVar(&o.noTwins, "no-twins", false, "copy or link only the photos, without their raw files and sidecars")
	f.Var(&optionalValue{to: &o.preview, flags: f}, "preview", "draw thumbnails: `auto`, kitty, iterm2, sixel, blocks or none (auto is off where the output is no terminal)")
	f.Lookup("preview").NoOptDefVal = "auto"
	f.StringVar(&o.html, "html", "", "write the hits to `FILE` too: a page with thumbnails that needs nothing else (- is the standard output, instead of the table)")
	f.BoolVar(&o.paths, "paths", false, "the page of --html has the photos' whole paths and links to the files; else only names, or paths that begin in the page's folder")
	f.IntVar(&o.embedSize, "embed-size", 0, "the photos in the page of --html have at most `PIXELS` a side (default: thumbnails)")
	f.BoolVar(&o.view, "open", false, "open the hits, at most 10, or the page of --html, with the system's viewer")
	o.filters.Add(f)
	f.StringVar(&o.queries, "queries", "", "answer the queries in `FILE` (- is the standard input), one a line, as JSON lines")
	cli.ModelFlags(f, &o.model)
	o.provider.Add(f)
}

func (o *options) run(ctx context.Context) error {
	search, err := o.check()
	if err != nil {
		return err
	}
	o.tellOfFile()
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	s := newSession(search, ix)
	defer s.close()
	if s.filter, err = search.filter.In(ctx, s.engine); err != nil {
		return err
	}
	if known, err := s.answerKnown(ctx); err != nil || known {
		return err
	}
	m, err := o.p.App.ChooseModel(ctx, ix, o.model, false)
	if err != nil {
		return err
	}
	stored, err := o.p.App.VectorsOf(ctx, ix, m, o.model)
	if err != nil {
		return err
	}
	s.model, s.loader = stored.Identity, o.p.App.Loader(m, app.Loading{Provider: search.provider, OneShot: o.queries == ""})
	if o.queries != "" {
		s.loader.StartTextual()
		return s.answerAll(ctx)
	}
	return s.answerOne(ctx)
}
