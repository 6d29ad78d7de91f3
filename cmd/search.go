package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/tokenize"
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
}

func newSearchCommand(app *App) *cobra.Command {
	o := searchOptions{app: app}
	c := &cobra.Command{
		Use:   "search QUERY...",
		Short: "Find photos by what is in them",
		Long: `Find the photos that fit a text best. One line is one picture; its copies are counted behind it.

The score is the cosine similarity between text and picture; it is good for comparing hits of one search.

FORMATS
  table   rank, score and path, for people (default)
  paths   one path a line
  tsv     rank, score, path, width, height, time taken
  json    one object (docs/json.md)
  jsonl   one hit a line
In paths and tsv, control characters in a name are escaped with backslashes; -0 prints the bytes as they are.
Pictures whose files are gone are marked in table and json, and left out elsewhere unless --include-missing.

EXIT STATUS
  0   done, hits or not
  1   failed
  2   wrong usage
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  12  the model or the runtime library is missing or damaged
  13  the index has no vectors of this model
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch search dog on beach
  imgsearch search --top 50 -0 "birthday cake" | xargs -0 cp -t ~/cakes
  imgsearch search --queries - < queries.txt > answers.jsonl`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.query = strings.Join(args, " ")
			if len(args) > 0 && o.queries != "" {
				return usageError("give one of them", "a query and --queries")
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.IntVarP(&o.top, "top", "n", 10, "how many pictures to find")
	f.StringArrayVar(&o.under, "under", nil, "only pictures in `DIR` and below (may be repeated)")
	f.StringVar(&o.format, "format", "", "`table`, paths, tsv, json or jsonl")
	f.BoolVarP(&o.nul, "null", "0", false, "print raw paths, each ended by a NUL byte")
	f.BoolVar(&o.allPaths, "all-paths", false, "print every file of a picture, not only the first")
	f.BoolVar(&o.includeMissing, "include-missing", false, "print pictures whose files are gone in every format")
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
	switch o.format {
	case "table", "paths", "tsv", "json", "jsonl":
	default:
		return usageError("give table, paths, tsv, json or jsonl", "--format %q", o.format)
	}
	if !utf8.ValidString(o.query) {
		return usageError("write it in UTF-8", "the query is not UTF-8")
	}
	if o.queries == "" && tokenize.Clean(o.query, false) == "" {
		return usageError("say what to look for: `imgsearch search dog on beach`", "an empty query")
	}
	if o.top < 1 {
		return usageError("give a number of 1 or more", "--top %d", o.top)
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
	s.loader.StartTextual()
	if err := s.open(ctx, stored, have, all); err != nil {
		return err
	}
	if o.queries != "" {
		return s.answerAll(ctx)
	}
	return s.answerOne(ctx)
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
}

// open prepares to search a model's vectors.
func (s *session) open(ctx context.Context, used sqlite.Model, have, all int) (err error) {
	s.used = used
	if err := s.tellCoverage(ctx, s.store, used, have, all); err != nil {
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
	if err := s.searcher.Refresh(ctx, s.existingUnder()); err != nil {
		return err
	}
	tower, err := s.loader.Textual(ctx)
	if err != nil {
		return err
	}
	vectors, err := tower.Embed([]string{s.query})
	if err != nil {
		return err
	}
	if err := s.answer(ctx, vectors[0], begin); err != nil {
		return err
	}
	s.close() // so that remembering, which writes, is the last to close the index and leaves no log
	s.remember(ctx, vectors[0])
	return nil
}

// singleGCPercent keeps the heap small in a process that answers once and ends: measured, 4 MB less and no time more.
const singleGCPercent = 50

func (s *session) answer(ctx context.Context, vector []float32, begin time.Time) error {
	hits, err := s.search(ctx, vector)
	if err != nil {
		return err
	}
	return s.print(s.app.streams.Out, answer{query: s.query, hits: hits, elapsed: time.Since(begin), indexed: s.searcher.Len()})
}

func (s *session) search(ctx context.Context, query []float32) ([]index.Hit, error) {
	drop := !s.includeMissing && (s.format == "paths" || s.format == "tsv") && s.queries == ""
	return s.searcher.Search(ctx, query, index.SearchOptions{Top: s.top, Under: s.existingUnder(), DropMissing: drop, Once: s.queries == ""})
}

// existingUnder resolves --under as roots are stored: as given, and where a link leads.
func (s *session) existingUnder() []string {
	if s.under == nil {
		return nil
	}
	dirs := append([]string(nil), s.under...)
	for _, dir := range s.under {
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
