// Package server answers the engine's questions over HTTP: searches, pictures, facets, and indexing sessions in the background. It must not know the command
// line, how pictures are found, or how folders are indexed.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Options say how to serve.
type Options struct {
	App *app.App
	// Version is the program's.
	Version string
	// Door names actions on the command line. The server names those that it offers itself.
	Door words.Door
	// Models are the models to load besides the index's.
	Models []app.ModelChoice
	// Language is that of texts for which a request names none.
	Language string
	// Indexing says how sessions index. Its Paths, For, Stop, Start, RetryFailed, Reread and Vision are ignored.
	Indexing app.Indexing
	// Allow are the folders that may be indexed besides those in the index, absolute.
	Allow []string
	// ReadOnly switches sessions off, and writes nothing beside the photos' index.
	ReadOnly bool
	// Watch submits a session when something has changed, Every in regular intervals; 0: never.
	Watch bool
	Every time.Duration
	// Token is the secret that every request must know; "": none.
	Token string
	// Secure says that the connection is encrypted, so that cookies are only sent over such ones.
	Secure bool
	// Hosts are the names under which the server may be asked, besides localhost and addresses.
	Hosts []string
	// Metrics adds /metrics.
	Metrics bool
	// MCP adds /mcp, tools for agents.
	MCP bool
	// Log receives a record for each request.
	Log *slog.Logger
}

// Server serves one index.
type Server struct {
	Options

	live     *app.Live
	resident *app.Resident
	queue    jobs.Sessions // nil if sessions are off
	shared   *app.Shared   // nil if the index is in a file
	memory   memoryIndex
	thumbs   *thumbCache
	remember chan remembered
	metrics  *metrics
	limits   limits
	forced   forced // of the one worker
	guesses  guesses
	handler  http.Handler
	started  time.Time
	ready    atomic.Bool
	hadIndex atomic.Bool // there was an index since the server has started
	hadModel atomic.Bool // likewise, and it had a model
	// closing is closed when the server begins to end: streams that would last end then.
	closing chan struct{}
	// deadline is when everything that ends with the server must have ended.
	deadline time.Time
	// background are the goroutines that must end before the index is closed.
	background sync.WaitGroup
}

// New returns a server that is not ready yet.
func New(o Options) (*Server, error) {
	s := &Server{Options: o, started: time.Now(), closing: make(chan struct{}), remember: make(chan remembered, rememberAhead)}
	s.resident = o.App.NewResident(o.Indexing.Provider)
	var err error
	if s.live, err = o.App.Live(s.resident.Engine); err != nil {
		return nil, err
	}
	s.limits = newLimits(runtime.GOMAXPROCS(0))
	s.thumbs = newThumbCache(o.App.CacheDirs())
	if o.Metrics {
		s.metrics = newMetrics(s)
	}
	s.handler = s.newHandler()
	return s, nil
}

// Handler answers requests.
func (s *Server) Handler() http.Handler { return s.handler }

// Prepare loads and tests the model, and opens the sessions. The server is ready when it returns without an error.
func (s *Server) Prepare(ctx context.Context) error {
	if err := s.loadModels(ctx); err != nil {
		return err
	}
	if !s.ReadOnly {
		at, err := s.App.Index()
		if err != nil {
			return err
		}
		if err := s.openQueue(ctx, at); err != nil {
			return err
		}
	}
	s.ready.Store(true)
	return nil
}

// openQueue opens the sessions of an index, whose folder may not exist yet.
func (s *Server) openQueue(ctx context.Context, at app.Index) error {
	if at.InDatabase() {
		shared, err := s.App.OpenShared(ctx)
		if err != nil {
			return err
		}
		s.shared, s.queue = shared, app.SharedSessions{Shared: shared, Indexing: s.Indexing}
		return nil
	}
	q, kept, err := at.Sessions(ctx)
	if err != nil {
		return err
	}
	if kept != "" {
		s.App.Notify(app.SessionsDamaged{Kept: kept})
	}
	s.queue = q
	return nil
}

// Serve answers connections until stop is closed, then ends in an orderly way: requests are finished, and the session that runs stops at a commit. Prepare
// must have succeeded, or be about to.
func (s *Server) Serve(ctx context.Context, listeners []net.Listener, stop <-chan struct{}) error {
	hs := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- hs.Serve(l) }()
	}
	var err error
	select {
	case <-stop:
	case <-ctx.Done():
	case err = <-failed:
	}
	s.End()
	ending, cancel := context.WithDeadline(context.WithoutCancel(ctx), s.deadline)
	defer cancel()
	if shutErr := hs.Shutdown(ending); shutErr != nil {
		_ = hs.Close() // whoever is still connected does not read
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

// End lets everything end that would last. Serve calls it.
func (s *Server) End() {
	s.deadline = time.Now().Add(endTime)
	close(s.closing)
}

// Close waits for what runs in the background, which ends when Serve does, and closes the index.
func (s *Server) Close() {
	ended := make(chan struct{})
	go func() {
		s.background.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Until(s.deadline)):
	}
	for waiting := true; waiting; { // what came after the last time that texts were stored
		select {
		case r := <-s.remember:
			r.done()
		default:
			waiting = false
		}
	}
	if s.queue != nil {
		if err := s.queue.Close(); err != nil {
			s.App.Logf("close the sessions: %v", err)
		}
	}
	s.live.Close()
	s.memory.close()
}

// Start starts what runs in the background until Serve ends. ctx is for work that ends at once when it is cancelled.
func (s *Server) Start(ctx context.Context) {
	s.background.Go(s.rememberQueries)
	s.background.Go(func() { s.followModel(ctx) })
	if s.queue == nil {
		return
	}
	s.answerBeside(ctx) // the queue's lock shows that no other server does
	s.background.Go(func() { s.workOnSessions(ctx) })
	s.background.Go(func() { s.keepFresh(ctx) })
}

const (
	headerTime = 10 * time.Second
	idleTime   = 2 * time.Minute
	maxHeader  = 32 << 10
	// endTime is how long requests and sessions have to end. Service managers kill a process that takes much longer than 10 s.
	endTime = 8 * time.Second
)

// Use returns the index and its engine, or an empty index if there is none yet. The caller calls done when it no longer uses them.
func (s *Server) Use(ctx context.Context) (ix store.Store, engine *query.Engine, done func(), err error) {
	ix, engine, done, err = s.live.Use(ctx)
	if err == nil {
		s.hadIndex.Store(true)
		made, err := s.isMade(ctx, ix)
		switch {
		case err != nil:
			done()
			return nil, nil, nil, err
		case made:
			return ix, engine, done, nil
		}
		done()
		return s.useEmpty(ctx)
	}
	if !errors.Is(err, store.ErrNoIndex) {
		return nil, nil, nil, err
	}
	if s.hadIndex.Load() { // do not answer as if there were no photos
		return nil, nil, nil, err
	}
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		return nil, nil, nil, lost
	}
	return s.useEmpty(ctx)
}

// isMade reports whether an index has got a model. The first run that makes an index adds it a moment after the index exists.
func (s *Server) isMade(ctx context.Context, ix store.Store) (bool, error) {
	if s.hadModel.Load() {
		return true, nil
	}
	all, err := ix.Models(ctx)
	if err != nil {
		return false, err
	}
	if len(all) > 0 {
		s.hadModel.Store(true)
		return true, nil
	}
	totals, err := ix.Totals(ctx)
	return totals.Pictures > 0, err
}

// useEmpty is Use of the empty index.
func (s *Server) useEmpty(ctx context.Context) (ix store.Store, engine *query.Engine, done func(), err error) {
	ix, err = s.memory.open(ctx, s.resident.First())
	if err != nil {
		return nil, nil, nil, err
	}
	return ix, s.resident.Engine(ix), func() {}, nil
}

// memoryIndex is an empty index with a model, which answers until there is a real one.
type memoryIndex struct {
	mu sync.Mutex
	ix store.Store
}

func (m *memoryIndex) open(ctx context.Context, of app.Model) (store.Store, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ix != nil {
		return m.ix, nil
	}
	ix, err := app.InMemory(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	if _, err := ix.PutModel(context.WithoutCancel(ctx), of.Stored()); err != nil {
		ix.Close()
		return nil, fmt.Errorf("make an empty index: %w", err)
	}
	m.ix = ix
	return ix, nil
}

func (m *memoryIndex) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ix != nil {
		m.ix.Close()
	}
}
