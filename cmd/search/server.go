package search

import (
	"context"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/relay"
)

// connect connects to a server that has the model in memory, if one answers beside the index. Many queries are embedded in batches, whose rounding differs; a
// list of files may need the model for pictures that are not in the index; another provider than the automatic one is a reason to use that one.
func (s *session) connect(ctx context.Context) {
	if s.noServer || s.queries != "" || s.from != "" || s.provider != provider.Auto {
		return
	}
	at, err := s.p.App.Index()
	if err != nil {
		return
	}
	path := at.Base()
	mine, err := relay.NewIdentity(cli.VersionText(), string(s.provider), path)
	if err == nil {
		s.server, err = relay.Dial(ctx, path, mine)
	}
	if err != nil {
		s.p.Logf("not using a server: %v", err)
	}
}

// find answers a request: by the server, or else by the engine of this process. After a failure the server is not asked again.
func (s *session) find(ctx context.Context, r query.Request) (*query.Response, error) {
	if s.server != nil {
		answer, err := s.server.Search(ctx, r)
		if err == nil {
			s.p.Logf("answered by the server")
			return answer, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.p.Logf("the server failed: %v; searching here", err)
		s.leaveServer()
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s.engine.Search(ctx, r)
}

func (s *session) leaveServer() {
	if s.server != nil {
		s.server.Close()
		s.server = nil
	}
}
