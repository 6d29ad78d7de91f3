package server

import (
	"context"

	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// workShared works on the sessions of a shared index while no worker that sees the same roots is running.
func (s *Server) workShared(ctx context.Context) error {
	w, err := s.shared.NewWorker(ctx, app.WorkerOptions{
		Provider: s.Indexing.Provider, Jobs: s.Indexing.Jobs, MaxMemory: s.Indexing.MaxMemory, Version: s.Version, Reserve: true, Log: s.Log, Vision: s.resident.Vision,
		Words: words.Worker{Door: s.door},
	})
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // it only fails to release the worker's number, which the end of the process does
	return w.Run(ctx, s.closing)
}
