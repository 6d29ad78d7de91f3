package cmd

import (
	"cmp"
	"context"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

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
		if err := s.app.tellCoverage(ctx, s.store, used, have, all); err != nil {
			return err
		}
		s.told = true
	}
	if err := s.readListed(ctx); err != nil {
		return err
	}
	s.searcher, err = index.NewSearcher(ctx, s.store, used, s.filter)
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
	if err := s.searcher.Refresh(ctx); err != nil {
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
	return s.show(ctx, a)
}

// show prints an answer, and does with its hits what else is asked for.
func (s *session) show(ctx context.Context, a answer) (err error) {
	if a.thumbnails, err = s.drawn(ctx, a.hits); err != nil {
		return err
	}
	if err := s.print(s.app.streams.Out, a); err != nil {
		return err
	}
	if err := s.writeHTML(ctx, a); err != nil {
		return err
	}
	if err := s.openHits(a.hits); err != nil {
		return err
	}
	return s.collectHits(a.hits)
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
	if s.searcher, err = index.NewSearcher(ctx, s.store, used, s.filter); err != nil {
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
	return s.show(ctx, a)
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
		Top: top, Offset: offset, Exclude: exclude, MinScore: s.minScore, DropMissing: drop, Once: s.queries == "",
	}
}

func (s *session) search(ctx context.Context, query []float32) ([]index.Hit, error) {
	return s.searcher.Search(ctx, query, s.options())
}

// openQueries opens the list of queries.
func (s *session) openQueries() (*os.File, error) {
	f, err := os.Open(s.queries)
	if err != nil {
		return nil, usageError("give a file with one query a line, or -", "--queries: %w", err)
	}
	return f, nil
}
