package cmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

type searchOptions struct {
	app            *App
	query          string
	queries        string
	top            int
	under          []string
	format         string
	nul            bool
	allPaths       bool
	includeMissing bool
	model          askedModel
	provider       askedProvider

	images, addImages, subtractImages []string
	add, subtract, like, prompts      []string
	explain                           bool
	minScore                          *float64
	minScoreText                      string
	from                              string
	filters                           filterFlags
	sort                              string
	copyTo, linkTo                    string
	offset                            int
	flags                             *pflag.FlagSet

	terms    []queryTerm
	filter   sqlite.Filter
	template *template.Template // of --format template=...; else nil
}

func newSearchCommand(app *App) *cobra.Command {
	o := searchOptions{app: app}
	c := &cobra.Command{
		Use:   "search [QUERY...]",
		Short: "Find photos by what is in them",
		Long: `Find the photos that fit a text or a picture best. One line is one picture; its copies are counted behind it.

The score is the cosine similarity between query and picture; it is good for comparing hits of one search. On a terminal a
percentage behind it says where it lies between the mean of all pictures that were searched and the best one.

A query may have several terms: "search beach --add 0.5:sunset --subtract people". The weight of an added or subtracted term is
a number and a colon before it, 1 without; the query's own words are literal text. The query's direction is the sum of the terms' unit vectors times their weights. --image and --like
ask for what looks like a picture; one that the index has needs no model.

Filters narrow what is searched; without a query they list, the newest first.

FORMATS
  table   rank, score and path, for people (default)
  paths   one path a line
  tsv     rank, score, path, width, height, time taken
  json    one object (docs/json.md)
  jsonl   one hit a line
  template=TEXT   a Go template a hit: {{.Rank}} {{.Score}} {{.Path}} {{.Also}} {{.Width}} {{.Height}} {{.TakenAt}} {{.Missing}}
In paths and tsv, control characters in a name are escaped with backslashes; -0 prints the bytes as they are.
Pictures whose files are gone are marked in table and json, and left out elsewhere unless --include-missing.

EXIT STATUS
  0   done, hits or not
  1   failed
  2   wrong usage
  3   done, but a hit could not be copied or linked
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  12  the model or the runtime library is missing or damaged
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch search dog on beach
  imgsearch search --top 50 -0 "birthday cake" | xargs -0 cp -t ~/cakes
  imgsearch search --queries - < queries.txt > answers.jsonl
  imgsearch search --image ~/Desktop/found.jpg --subtract people
  imgsearch search --after 2023-06 --before 2023-09 --camera canon beach
  find ~/Pictures -mtime -7 | imgsearch search --from - dog`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.query = strings.Join(args, " ")
			o.flags = c.Flags()
			if len(args) > 0 && o.queries != "" {
				return usageError("give one of them", "a query and --queries")
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.IntVarP(&o.top, "top", "n", 10, "how many pictures to find")
	f.StringArrayVar(&o.under, "under", nil, "only pictures in `DIR` and below (may be repeated)")
	f.StringVar(&o.format, "format", "", "`table`, paths, tsv, json, jsonl or template=TEXT")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte")
	f.BoolVar(&o.allPaths, "all-paths", false, "print every file of a picture, not only the first")
	f.BoolVar(&o.includeMissing, "include-missing", false, "print pictures whose files are gone in every format")
	f.StringArrayVar(&o.images, "image", nil, "what looks like the picture `FILE`, of any format that is read (may be repeated)")
	f.StringArrayVar(&o.like, "like", nil, "what looks like the indexed picture `PATH`, itself left out (may be repeated)")
	f.StringArrayVar(&o.add, "add", nil, "add a `TERM` to the query: words, or weight:words (may be repeated)")
	f.StringArrayVar(&o.subtract, "subtract", nil, "subtract a `TERM` from the query (may be repeated)")
	f.StringArrayVar(&o.addImages, "add-image", nil, "add a picture, `FILE` or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.subtractImages, "subtract-image", nil, "subtract a picture, `FILE` or weight:FILE (may be repeated)")
	f.StringArrayVar(&o.prompts, "prompt", nil, "put the words into `TEMPLATE`, as in \"a photo of {}\"; several are averaged (may be repeated)")
	f.StringVar(&o.minScoreText, "min-score", "", "leave out what scores less than `COSINE`")
	f.BoolVar(&o.explain, "explain", false, "show what each term contributes to each hit")
	f.StringVar(&o.from, "from", "", "search the files listed in `FILE` only, one path a line (- is the standard input)")
	f.StringVar(&o.sort, "sort", "", "print the hits by `score`, date (the newest first) or path (default: score; without a query, date)")
	f.IntVar(&o.offset, "offset", 0, "leave out the first `N` hits")
	f.StringVar(&o.copyTo, "copy-to", "", "copy the hits into `DIR`, numbered by rank; nothing there is overwritten")
	f.StringVar(&o.linkTo, "link-to", "", "link to the hits in `DIR`, numbered by rank")
	o.filters.add(f)
	f.StringVar(&o.queries, "queries", "", "answer the queries in `FILE` (- is the standard input), one a line, as JSON lines")
	modelFlags(f, &o.model)
	o.provider.flags(f)
	return c
}

func (o *searchOptions) check() error {
	if o.app.json {
		if o.format != "" && o.format != "json" && o.format != "jsonl" {
			return usageError("give one of them", "--json and --format %s", o.format)
		}
		if o.format == "" {
			o.format = "json"
		}
	}
	if o.nul {
		if o.format != "" && o.format != "paths" {
			return usageError("-0 prints paths", "-0 and --format %s", o.format)
		}
		o.format = "paths"
	}
	if o.queries != "" && o.format != "" && o.format != "json" && o.format != "jsonl" {
		return usageError("--queries answers with JSON lines", "--queries and --format %s", o.format)
	}
	if o.format == "" {
		o.format = "table"
	}
	if text, ok := strings.CutPrefix(o.format, "template="); ok {
		if err := o.readTemplate(text); err != nil {
			return err
		}
		o.format = "template"
	}
	switch o.format {
	case "table", "paths", "tsv", "json", "jsonl":
	case "template":
		if o.template == nil {
			return usageError("give the template: --format template='{{.Path}}'", "--format template without one")
		}
	default:
		return usageError("give table, paths, tsv, json, jsonl or template=...", "--format %q", o.format)
	}
	if !utf8.ValidString(o.query) {
		return usageError("write it in UTF-8", "the query is not UTF-8")
	}
	if err := o.checkQuery(); err != nil {
		return err
	}
	if o.top < 1 {
		return usageError("give a number of 1 or more", "--top %d", o.top)
	}
	if o.offset < 0 {
		return usageError("give a number of 0 or more", "--offset %d", o.offset)
	}
	const most = 1 << 30 // so that sums of them are numbers
	o.top, o.offset = min(o.top, most), min(o.offset, most)
	if o.minScoreText != "" {
		v, err := strconv.ParseFloat(o.minScoreText, 64)
		if err != nil || !(v >= -1 && v <= 1) {
			return usageError("give a cosine similarity, -1 to 1", "--min-score %q", o.minScoreText)
		}
		o.minScore = &v
	}
	if err := o.checkFrom(); err != nil {
		return err
	}
	if err := o.checkCollect(); err != nil {
		return err
	}
	for i, dir := range o.under {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		o.under[i] = abs
	}
	if o.queries != "" && o.queries != "-" {
		if info, err := os.Stat(o.queries); err != nil || info.IsDir() {
			return usageError("give a file with one query a line, or -", "--queries %s is not a file that is there", escapePath(o.queries))
		}
	}
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	return o.model.check(o.app)
}

func (o *searchOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	store, err := o.app.openReadOnly(ctx)
	if err != nil {
		return err
	}
	s := &session{searchOptions: o, store: store}
	defer s.close()
	s.filter.Query = o.filter
	s.filter.Under = s.existingUnder()
	if len(o.terms) == 0 && o.queries == "" {
		return s.list(ctx)
	}
	if known, err := s.openRemembered(ctx); err != nil || known {
		return err
	}
	m, err := o.app.chooseModel(ctx, store, o.model, false)
	if err != nil {
		return err
	}
	stored, have, all, err := o.vectorsOf(ctx, store, m)
	if err != nil {
		return err
	}
	s.loader = o.app.loader(m, o.queries == "")
	if err := s.recall(ctx, stored); err != nil {
		return err
	}
	textual, visual := s.wants()
	if textual || o.queries != "" {
		s.loader.StartTextual()
	}
	if visual {
		s.loader.StartVisual()
	}
	if err := s.open(ctx, stored, have, all); err != nil {
		return err
	}
	if o.queries != "" {
		return s.answerAll(ctx)
	}
	return s.answerOne(ctx)
}

// checkQuery reads the terms and the filters, and refuses a search for nothing.
func (o *searchOptions) checkQuery() (err error) {
	if o.terms, err = o.readTerms(); err != nil {
		return err
	}
	if o.filter, err = o.filters.parse(time.Now()); err != nil {
		return err
	}
	filtered := !o.filter.IsAll() || o.under != nil || o.from != ""
	switch {
	case o.queries != "" && len(o.terms) > 0:
		return usageError("the lines are the queries", "--queries with terms of a query")
	case o.queries != "" && (len(o.prompts) > 0 || o.explain):
		return usageError("they belong to a single query", "--queries with --prompt or --explain")
	case len(o.prompts) > 0 && !slices.ContainsFunc(o.terms, func(t queryTerm) bool { return t.kind == textTerm }):
		return usageError("give the words that go into it", "--prompt without a text")
	case o.queries == "" && len(o.terms) == 0 && (!filtered || o.query != "" || o.flags.NArg() > 0):
		return usageError("say what to look for: `imgsearch search dog on beach`", "an empty query")
	}
	if len(o.terms) == 0 && o.queries == "" {
		if o.sort == "score" || o.minScore != nil || o.explain {
			return usageError("give a query, or leave it out", "a score without a query")
		}
	}
	switch o.sort {
	case "", "score", "date", "path":
		return nil
	}
	return usageError("give score, date or path", "--sort %q", o.sort)
}

// vectorsOf finds the model in the index, and how many pictures of all have its vectors. An index that nothing was
// embedded into answers with no hits.
func (o *searchOptions) vectorsOf(ctx context.Context, store *sqlite.Store, m model) (stored sqlite.Model, have, all int, err error) {
	stored, ok, err := store.ModelByIdentity(ctx, m.identity)
	if err != nil {
		return stored, 0, 0, err
	}
	if ok {
		if have, all, err = store.Coverage(ctx, stored.ID); err != nil || have > 0 || all == 0 {
			return stored, have, all, err
		}
	}
	for _, identity := range m.spec.EarlierIdentities(m.precision) {
		earlier, ok, err := store.ModelByIdentity(ctx, identity)
		if err != nil {
			return stored, 0, 0, err
		}
		if !ok {
			continue
		}
		if have, all, err = store.Coverage(ctx, earlier.ID); err != nil || have > 0 {
			o.app.notef("vectors that an earlier version of imgsearch made answer; `imgsearch index` makes new ones")
			return earlier, have, all, err
		}
	}
	give := "imgsearch index"
	if o.model != (askedModel{}) {
		give += o.model.flags()
	}
	return stored, have, all, &codedError{
		code: exitNoVectors, err: fmt.Errorf("the index has no vectors of model %s", modelTitle(m.stored())),
		hint: fmt.Sprintf("make them with `%s`", give),
	}
}

// tellCoverage says that another model is to answer, once it has all vectors.
func (o *searchOptions) tellCoverage(ctx context.Context, store *sqlite.Store, used sqlite.Model, mine, all int) error {
	wanted, ok, err := store.WantedModel(ctx)
	if err != nil {
		return err
	}
	if !ok || wanted.Identity == used.Identity {
		if mine < all {
			o.app.notef("model %s has the vectors of %d of %d pictures only: `imgsearch index --model %s` makes the rest", modelTitle(used), mine, all, useArgs(used))
		}
		return nil
	}
	have, _, err := store.Coverage(ctx, wanted.ID)
	if err != nil {
		return err
	}
	o.app.notef("model %s answers (%d of %d pictures); %s has %d of %d: `imgsearch index` goes on", modelTitle(used), mine, all, modelTitle(wanted), have, all)
	return nil
}

// session is what one or many queries share.
type session struct {
	*searchOptions
	store    *sqlite.Store
	loader   *embed.Loader
	searcher *index.Searcher
	used     sqlite.Model
	filter   index.Filter
	// listed are the files of --from, nil without; listedPaths are what stood there.
	listed      *listed
	listedPaths []string
	told        bool    // how many pictures have vectors
	norm        float64 // of the sum of the terms
}

// open prepares to search a model's vectors.
func (s *session) open(ctx context.Context, used sqlite.Model, have, all int) (err error) {
	s.used = used
	if !s.told {
		if err := s.tellCoverage(ctx, s.store, used, have, all); err != nil {
			return err
		}
		s.told = true
	}
	if err := s.readListed(ctx); err != nil {
		return err
	}
	s.searcher, err = index.NewSearcher(ctx, s.store, used)
	return err
}

// close gives back what was opened; it only read.
func (s *session) close() {
	if s.searcher != nil {
		_ = s.searcher.Close()
		s.searcher = nil
	}
	_ = s.store.Close()
}

func (s *session) answerOne(ctx context.Context) error {
	begin := time.Now()
	debug.SetGCPercent(singleGCPercent)
	// While the tower is loaded, what there is to search is looked at.
	if err := s.searcher.Refresh(ctx, s.filter); err != nil {
		return err
	}
	asked := s.unknownTexts()
	if err := s.embedTerms(ctx); err != nil {
		return err
	}
	if err := s.embedOthers(ctx); err != nil {
		return err
	}
	if err := s.answer(ctx, begin); err != nil {
		return err
	}
	s.close() // so that remembering, which writes, is the last to close the index and leaves no log
	s.remember(ctx, asked)
	return nil
}

// singleGCPercent keeps the heap small in a process that answers once and ends: measured, 4 MB less and no time more.
const singleGCPercent = 50

// answer combines the terms, whose vectors are all known, searches and prints.
func (s *session) answer(ctx context.Context, begin time.Time) error {
	vector, norm, err := combine(s.terms)
	if err != nil {
		return err
	}
	s.norm = norm
	hits, err := s.search(ctx, vector)
	if err != nil {
		return err
	}
	hits = s.withOthers(hits, vector)
	s.sortHits(hits)
	a := answer{query: title(s.terms), hits: hits, indexed: s.searcher.Len()}
	if s.explain {
		if err := s.explainHits(ctx, &a); err != nil {
			return err
		}
	}
	a.elapsed = time.Since(begin)
	if err := s.print(s.app.streams.Out, a); err != nil {
		return err
	}
	return s.collectHits(hits)
}

// explainHits finds what the terms contribute to the hits.
func (s *session) explainHits(ctx context.Context, a *answer) error {
	a.explained, a.explainedOthers = make(map[int64][]contribution), make(map[string][]contribution)
	for _, h := range a.hits {
		if h.Vector != nil {
			a.explainedOthers[h.Path] = contributions(s.terms, s.norm, h.Vector)
			continue
		}
		vector, err := index.ContentVector(ctx, s.store, s.used, h.ContentID)
		if err != nil {
			return err
		}
		if vector != nil {
			a.explained[h.ContentID] = contributions(s.terms, s.norm, vector)
		}
	}
	return nil
}

// sortHits puts the hits into the order in which they are printed.
func (s *session) sortHits(hits []index.Hit) {
	switch s.sort {
	case "date":
		slices.SortStableFunc(hits, func(a, b index.Hit) int {
			return cmp.Or(-cmp.Compare(a.TakenAt, b.TakenAt), cmp.Compare(a.Path, b.Path))
		})
	case "path":
		slices.SortStableFunc(hits, func(a, b index.Hit) int { return cmp.Compare(a.Path, b.Path) })
	}
}

// list answers without a query: what the filters select.
func (s *session) list(ctx context.Context) error {
	begin := time.Now()
	used, _, err := s.store.DefaultModel(ctx)
	if err != nil {
		return err
	}
	s.used = used
	if err := s.readListed(ctx); err != nil {
		return err
	}
	if s.searcher, err = index.NewSearcher(ctx, s.store, used); err != nil {
		return err
	}
	hits, err := s.searcher.List(ctx, s.options(), s.sort == "path")
	if err != nil {
		return err
	}
	if s.sort == "" {
		s.sort = "date"
	}
	others := 0
	if s.listed != nil && len(s.listed.others) > 0 {
		others = len(s.listed.others)
		for _, o := range s.listed.others {
			hits = append(hits, o.hit())
		}
		s.sortHits(hits)
		hits = s.page(hits)
	}
	a := answer{hits: hits, listing: true}
	if s.format == "json" || len(hits) == 0 {
		if a.indexed, err = s.searcher.Count(ctx); err != nil {
			return err
		}
		a.indexed += others
	}
	a.elapsed = time.Since(begin)
	if err := s.print(s.app.streams.Out, a); err != nil {
		return err
	}
	return s.collectHits(hits)
}

// options are how the index is searched.
func (s *session) options() index.SearchOptions {
	drop := !s.includeMissing && (s.format == "paths" || s.format == "tsv") && s.queries == ""
	exclude := make(map[int64]bool)
	for _, t := range s.terms {
		if t.kind == likeTerm {
			exclude[t.content] = true
		}
	}
	top, offset := s.top, s.offset
	if s.listed != nil && len(s.listed.others) > 0 { // they are merged with all that may be before them
		top, offset = top+offset, 0
	}
	return index.SearchOptions{
		Top: top, Offset: offset, Filter: s.filter, Exclude: exclude, MinScore: s.minScore, DropMissing: drop, Once: s.queries == "",
	}
}

func (s *session) search(ctx context.Context, query []float32) ([]index.Hit, error) {
	return s.searcher.Search(ctx, query, s.options())
}

// existingUnder resolves --under as roots are stored.
func (s *session) existingUnder() []string { return existing(s.under) }

// existing are folders as given, and where a link leads; nil stays nil.
func existing(under []string) []string {
	if under == nil {
		return nil
	}
	dirs := append([]string(nil), under...)
	for _, dir := range under {
		if target, err := filepath.EvalSymlinks(dir); err == nil && target != dir {
			dirs = append(dirs, target)
		}
	}
	return dirs
}

// openQueries opens the list of queries.
func (s *session) openQueries() (*os.File, error) {
	f, err := os.Open(s.queries)
	if err != nil {
		return nil, usageError("give a file with one query a line, or -", "--queries: %w", err)
	}
	return f, nil
}
