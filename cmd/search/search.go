// Package search is the command that finds photos: it turns the command line into a request, passes it to the engine, and prints the answer.
// It must not know how pictures are found.
package search

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
)

// options are the flags and arguments as given; search holds their meaning.
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
	noServer       bool
	model          app.ModelChoice
	provider       cli.ProviderFlags
	lang           cli.LanguageFlag

	images, addImages, subtractImages []string
	add, subtract, like, prompts      []string
	explain                           bool
	minScore                          string
	confident                         bool
	noTextRank                        bool
	exact                             bool
	from                              string
	fromNul                           bool
	filters                           cli.FilterFlags
	sort                              string
	copyTo, linkTo                    string
	noTwins                           bool
	preview, html                     string
	view                              bool
	args                              int                    // the number of words
	given                             func(flag string) bool // on the command line, not in the configuration
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "search [QUERY...]",
		Short: "Find photos by what is in them",
		Long: `Find the photos that best match a text or a picture. Each line is one picture, followed by the number of its copies.

The score is the cosine similarity between query and picture; scores of different models cannot be compared. If the model is
calibrated, as the built-in one is (see ` + "`imgsearch models calibrate`" + `), and the query is a single text, search says on stderr
when nothing looks like the query. On a terminal it also says when the hits may not match, and a bar shows how many hits with
such a score usually match. --confident prints only hits that reach the model's threshold and whose files exist.

A query may have several terms: "search beach --add 0.5:sunset --subtract people". To weight an added or
subtracted term, put a number and a colon before it; the default is 1. In QUERY itself, a number and a colon are
plain text. The vectors of the terms are multiplied by their weights and added. --image and --like find
pictures that look like a given one; if that picture is in the index, no model is needed.

The text in the photos counts too, once ` + "`imgsearch index`" + ` has read it: photos whose text contains every word of the query of at least
three letters are ranked by that as well. They keep their score, even a low one, and show the line. --text finds photos by their text alone.

If ` + "`imgsearch serve`" + ` runs on this index, as the same user, it answers the query with the model that it has in memory.

Filters restrict the search. Without a query, search lists the pictures that match the filters, newest first. --sort date or
--sort path alone lists all pictures.

FORMATS
  table   rank, score and path, human-readable (default)
  paths   one path per line
  tsv     rank, score, path, width, height, time taken; --fields selects other columns, named as in JSON
  json    one object (docs/json.md)
  jsonl   one hit per line
  template=TEXT   a Go template for each hit: {{.Rank}} {{.Score}} {{.Relative}} {{.Path}} {{.Also}} {{.Width}} {{.Height}} {{.TakenAt}} {{.Missing}},
          and {{.ID}} {{.Format}} {{.Bytes}} {{.TakenFrom}} {{.Camera}} {{.Lens}} {{.Rating}} {{join .Keywords ", "}} {{.Place}} {{.Twins}} {{.Text}} {{join .People ", "}} {{.PlaceName}} {{.Description}}
Control characters in a name are escaped with backslashes; -0 prints the bytes unchanged, and so does {{raw .Path}} in a template.
Pictures whose files are missing are marked in table and json, and omitted elsewhere unless you use --include-missing.

EXIT STATUS
  0   done, hits or not
  1   failed
  2   usage error
  3   done, but a hit could not be copied or linked
  5   with --confident, no hit reaches the threshold
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  12  the model or the runtime library is missing or damaged
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch search dog on beach
  imgsearch search --top 50 -0 "birthday cake" | xargs -0 -I{} cp {} ~/cakes
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
				return cli.Usage("use only one of them", "a query and --queries cannot be combined")
			}
			return o.run(c.Context())
		},
	}
	o.addFlags(c.Flags())
	c.SetFlagErrorFunc(o.flagError)
	return c
}

func (o *options) addFlags(f *pflag.FlagSet) {
	f.IntVarP(&o.top, "top", "n", 10, "find at most `N` pictures")
	f.StringVar(&o.format, "format", "", "output `FORMAT`: table, paths, tsv, json, jsonl or template=TEXT")
	f.StringSliceVar(&o.fields, "fields", nil, "columns of --format tsv: `NAMES` as in JSON, such as rank,score,path,camera,keywords")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte (also --null-output)")
	cli.Alias(f, "null", "null-output")
	f.BoolVar(&o.allPaths, "all-paths", false, "print every file of a picture, not only the first")
	f.BoolVar(&o.includeMissing, "include-missing", false, "include pictures whose files are missing, in every format")
	f.StringArrayVar(&o.images, "image", nil, "find pictures that look like `FILE`, in any supported format (may be repeated)")
	f.StringArrayVar(&o.like, "like", nil, "find pictures that look like the indexed picture `PATH` (or the one whose id starts with PATH), without that picture itself (may be repeated)")
	f.StringArrayVar(&o.add, "add", nil, "add a `TERM` to the query: words, or weight:words (may be repeated)")
	f.StringArrayVar(&o.subtract, "subtract", nil, "subtract a `TERM` from the query (may be repeated)")
	f.StringArrayVar(&o.addImages, "add-image", nil, "add a picture to the query: `FILE`, or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.subtractImages, "subtract-image", nil, "subtract a picture from the query: `FILE`, or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.prompts, "prompt", nil, "put the words into `TEMPLATE`, such as \"a photo of {}\" (may be repeated; the vectors are averaged)")
	f.StringVar(&o.minScore, "min-score", "", "omit hits that score less than `COSINE`")
	f.BoolVar(&o.confident, "confident", false, "print only hits that reach the model's threshold; exit with status 5 if there are none")
	f.BoolVar(&o.noTextRank, "no-ocr-rank", false, "rank the hits of a query by what the photos show alone, not by the text in them too")
	f.BoolVar(&o.exact, "exact", false, "compare all vectors, even in a database with so many that searches may miss some of the best hits (an index in a file always does)")
	o.lang.Add(f)
	f.BoolVar(&o.explain, "explain", false, "show what each term contributes to each hit")
	f.StringVar(&o.from, "from", "", "search only the files listed in `FILE`, one path per line (- is standard input)")
	f.BoolVar(&o.fromNul, "from-null", false, "paths in --from end with a NUL byte, as from find -print0 (also --null-input)")
	cli.Alias(f, "from-null", "null-input")
	f.StringVar(&o.sort, "sort", "", "sort hits by `ORDER`: score, date (newest first) or path; with a query, the best --top hits are chosen before sorting (default: score; without a query, date)")
	f.IntVar(&o.offset, "offset", 0, "skip the first `N` hits; with a query, the N best")
	f.StringVar(&o.copyTo, "copy-to", "", "copy the hits into `DIR`, numbered by rank, with their raw or HEIC twins and sidecars; existing files are never overwritten")
	f.StringVar(&o.linkTo, "link-to", "", "create symbolic links to the hits in `DIR`, like --copy-to")
	f.BoolVar(&o.noTwins, "no-twins", false, "copy or link only the photos, without their raw or HEIC twins and sidecars")
	f.Var(&optionalValue{to: &o.preview, flags: f}, "preview", "draw a grid of thumbnails with `PROTOCOL`: auto, kitty, iterm2, sixel, blocks or none (auto draws none if the output is not a terminal)")
	f.Lookup("preview").NoOptDefVal = "auto"
	f.StringVar(&o.html, "html", "", "also write the hits to `FILE`, as a self-contained page with thumbnails (- is standard output, instead of the table)")
	f.BoolVar(&o.paths, "paths", false, "with --html, show full paths and link to the files; by default the page has only names, or paths below its own folder")
	f.IntVar(&o.embedSize, "embed-size", 0, "with --html, embed photos of at most `PIXELS` on the longer side (default: thumbnails)")
	f.BoolVar(&o.view, "open", false, "open the hits (at most 10), or with --html the page, in the default application")
	o.filters.Add(f)
	f.StringVar(&o.queries, "queries", "", "answer the queries in `FILE` (- is standard input), one per line, as JSON lines")
	f.BoolVar(&o.noServer, "no-server", false, "load the model here, even if a server on this index (imgsearch serve) has it in memory")
	cli.ModelFlags(f, &o.model)
	o.provider.Add(f)
}

func (o *options) run(ctx context.Context) error {
	search, err := o.check()
	if err != nil {
		return err
	}
	o.tellOfFile()
	s := &session{search: search}
	defer s.close()
	s.connect(ctx)
	if s.server == nil {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	if err := s.resolve(ctx); err != nil {
		return err
	}
	if known, err := s.answerKnown(ctx); err != nil || known {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	m, err := o.p.App.ChooseModel(ctx, s.ix, o.model, false)
	if err != nil {
		return err
	}
	stored, err := o.p.App.VectorsOf(ctx, s.ix, m, o.model)
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
