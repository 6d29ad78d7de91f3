package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/internal/wire"
)

// statusAnswer is what `status --json` prints, with the state of the server.
type statusAnswer struct {
	wire.Status

	Server serverStatus `json:"server"`
}

type serverStatus struct {
	Version  string `json:"version"`
	UptimeS  int64  `json:"uptime_s"`
	Model    string `json:"model" doc:"The loaded model that answers if a request names none"`
	Provider string `json:"provider" doc:"Where its vision tower runs"`
	ReadOnly bool   `json:"read_only"`
}

func (s *Server) addStatus(api huma.API) {
	op := operation(http.MethodGet, apiPath+"/status", "status", "The state of the index and of the server", "")
	register(s, api, op, s.limits.lookups, func(ctx context.Context, in *struct {
		Failures bool `query:"failures" doc:"List the files that could not be read, and why"`
	},
	) (*jsonAnswer[statusAnswer], error) {
		status, err := s.status(ctx, in.Failures)
		return &jsonAnswer[statusAnswer]{status}, err
	})
}

func (s *Server) status(ctx context.Context, failures bool) (a statusAnswer, err error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return a, err
	}
	defer done()
	if a.Status, err = s.App.Status(ctx, ix, failures); err != nil {
		return a, err
	}
	if a.Index, err = s.App.IndexPath(); err != nil { // also if there is no index yet
		return a, err
	}
	m := s.resident.First()
	a.Server = serverStatus{s.Version, int64(time.Since(s.started).Seconds()), m.Spec.Model.Name, s.resident.Provider(), s.ReadOnly}
	return a, nil
}
