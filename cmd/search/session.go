package search

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/relay"
	"github.com/imgsearch/imgsearch/internal/words"
)

// session is the state that one or more queries share.
type session struct {
	*search

	// ix and engine are nil until open: a search that a server answers need not open the index.
	ix     store.Store
	engine *query.Engine
	// server answers searches; nil if there is none.
	server *relay.Client
	// loader loads the chosen model; nil if no model has been needed.
	loader *embed.Loader
	// model is the identity of the model to search; "" is the index's default.
	model  string
	filter store.Filter
	// listed are the files of --from, nil without --from; listedPaths are its paths.
	listed      *listed
	listedPaths []string
	reported    bool // whether the notices have been printed
	// common is the folder printed above the table, to which its paths are relative; "" if there is none.
	common string
}

// open opens the index for reading, unless it is open.
func (s *session) open(ctx context.Context) (err error) {
	if s.ix != nil {
		return nil
	}
	ix, err := s.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	s.ix, s.engine = ix, app.Engine(ix, func() *embed.Loader { return s.loader })
	return nil
}

// close closes the index, which was opened only for reading.
func (s *session) close() {
	s.leaveServer()
	if s.ix != nil {
		_ = s.ix.Close()
	}
}

// resolve sets the filter, whose folders are looked up in the index.
func (s *session) resolve(ctx context.Context) (err error) {
	if s.search.filter.Dirs != nil || len(s.search.filter.NotDirs) > 0 {
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	s.filter, err = s.search.filter.In(ctx, s.engine)
	return err
}

// answerKnown answers a listing, or a query whose vectors are cached, without loading a model. known is whether it did.
func (s *session) answerKnown(ctx context.Context) (known bool, err error) {
	if s.queries != "" || s.options.model != (app.ModelChoice{}) && len(s.terms) > 0 {
		return false, nil
	}
	err = s.answerOne(ctx)
	if errors.Is(err, query.ErrNoEncoder) || errors.Is(err, query.ErrNoModel) {
		return false, nil
	}
	if err == nil && len(s.terms) > 0 && s.server == nil {
		s.p.Logf("the query's vector is cached: no model was loaded")
	}
	return true, err
}

// request returns the request for a query.
func (s *session) request() query.Request {
	r := query.Request{
		Terms: s.asked(), Filter: s.filter, Order: store.Order(s.sort), Limit: s.top, Offset: s.offset, MinScore: s.minScore, Confident: s.confident,
		Explain: s.explain, NoTextRank: s.noTextRank, Exact: s.exact,
		Model: s.model, Language: s.language, OneShot: s.queries == "",
	}
	if !s.includeMissing && (s.format == "paths" || s.format == "tsv" || s.confident) && s.queries == "" {
		r.Missing = query.DropMissing
	}
	if s.listed != nil {
		r.Among = &query.Among{Pictures: s.listed.paths}
		for _, o := range s.listed.others {
			r.Among.Others = append(r.Among.Others, o.Other)
		}
	}
	return r
}

// singleGCPercent keeps the heap small in a process that answers one query: measured, 4 MB less in the same time.
const singleGCPercent = 50

func (s *session) answerOne(ctx context.Context) error {
	begin := time.Now()
	debug.SetGCPercent(singleGCPercent)
	if err := s.findLike(ctx); err != nil {
		return err
	}
	if err := s.readListed(ctx); err != nil {
		return err
	}
	if len(s.terms) > 0 {
		if err := s.embedOthers(ctx); err != nil {
			return err
		}
	}
	r, err := s.find(ctx, s.request())
	if errors.Is(err, query.ErrNoVerdict) && !s.given("confident") { // a configured --confident applies only to calibrated models
		s.confident = false
		r, err = s.find(ctx, s.request())
	}
	if err != nil {
		return err
	}
	a := answer{Response: r, query: query.Title(s.asked()), listing: len(s.terms) == 0}
	s.report(r)
	a.elapsed = time.Since(begin)
	if err := s.show(ctx, a); err != nil {
		return err
	}
	s.remember(ctx, r)
	if !s.isAnswered(a) {
		return cli.Quiet(words.NothingFits)
	}
	return nil
}

// report prints the notices of an answer, only once for many queries.
func (s *session) report(r *query.Response) {
	if !s.reported {
		for _, n := range r.Notices {
			s.p.Notify(n)
		}
		s.lang.NoteUnused(s.p, r.Model.Name)
	}
	s.reported = true
}

// remember stores the vectors of new texts, and the copy of the text tower that makes the next query faster. Both only save
// time.
func (s *session) remember(ctx context.Context, r *query.Response) {
	if !r.Asked() {
		return
	}
	if err := s.engine.Remember(ctx, r); err != nil {
		s.p.Logf("could not cache the query's vector: %v", err)
	}
	s.close()
	s.loader.Close() // a crash after this is not the accelerator's fault
	s.p.App.PrepareOneShot(ctx, s.loader, app.MemoryLimit(0))
}

// show prints an answer, then writes, opens, copies or links its hits as requested.
func (s *session) show(ctx context.Context, a answer) (err error) {
	if a.tiles, err = s.tiles(ctx, a.Hits); err != nil {
		return err
	}
	s.tellVerdict(a)
	if s.page != stdout {
		if err := s.print(s.p.Out, a); err != nil {
			return err
		}
	}
	if err := s.tellEmpty(ctx, a); err != nil {
		return err
	}
	if err := s.writeHTML(ctx, a); err != nil {
		return err
	}
	if err := s.openHits(a.Hits); err != nil {
		return err
	}
	return s.collectHits(ctx, a.Hits)
}

// openQueries opens the file of --queries.
func (s *session) openQueries() (*os.File, error) {
	f, err := os.Open(s.queries)
	if err != nil {
		return nil, cli.Usage("use a file with one query per line, or - for standard input", "--queries: %w", err)
	}
	return f, nil
}
