package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/relay"
	"github.com/imgsearch/imgsearch/internal/socket"
)

// answerBeside answers the searches of the command line at the socket beside the index, until the server ends. Without it, they load the model themselves.
func (s *Server) answerBeside(ctx context.Context) {
	path, err := relay.Path(s.live.Base())
	if err != nil {
		s.App.Logf("no socket beside the index: %v", err)
		return
	}
	l, err := socket.Listen(ctx, path)
	if err != nil {
		s.Log.Warn(fmt.Sprintf("cannot listen at %s: %v; `imgsearch search` loads the model itself", path, err))
		return
	}
	mine := func() (relay.Identity, error) {
		return relay.NewIdentity(s.Version, string(s.Indexing.Provider), s.live.Base())
	}
	hs := &http.Server{
		Handler: s.logged(relay.Handler(mine, s.searchBeside)), ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), BaseContext: func(net.Listener) context.Context { return ctx },
	}
	s.background.Go(func() { _ = hs.Serve(l) }) // it ends when the server does
	s.background.Go(func() {
		<-s.closing
		ending, cancel := context.WithDeadline(context.WithoutCancel(ctx), s.deadline)
		defer cancel()
		if hs.Shutdown(ending) != nil {
			_ = hs.Close()
		}
	})
}

// errNotHere means that the asking process must search itself.
var errNotHere = errors.New("the server does not answer this")

// searchBeside answers the request of another process of this user.
func (s *Server) searchBeside(ctx context.Context, r query.Request) (*query.Response, error) {
	leave, ok := s.limits.searches.enterNow() // the other process need not wait
	if !ok {
		return nil, errNotHere
	}
	defer leave()
	_, engine, done, err := s.live.UseNow(ctx)
	if err != nil {
		return nil, err
	}
	decodes := false
	for _, t := range r.Terms {
		p, isFile := t.Picture.(*pictures.Term)
		if !isFile {
			continue
		}
		decodes = true
		if file, err := p.File(); err != nil || file.DecodeBytes(s.resident.First().Spec) > s.mostDecoded() {
			done()
			return nil, errNotHere
		}
	}
	found, err := s.find(ctx, engine, r, decodes)
	if err != nil {
		done()
		return nil, err
	}
	s.rememberLater(engine, done, found)
	return found, nil
}
