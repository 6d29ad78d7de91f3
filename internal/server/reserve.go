package server

import (
	"context"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/words"
)

// workShared works on the sessions of a shared index for as long as no worker does that sees the same roots.
func (s *Server) workShared(ctx context.Context) error {
	w, err := s.shared.NewWorker(ctx, app.WorkerOptions{
		Provider: s.Indexing.Provider, Jobs: s.Indexing.Jobs, MaxMemory: s.Indexing.MaxMemory, Version: s.Version, Reserve: true, Log: s.Log, Vision: s.resident.Vision,
		Path: words.Path, IsLasting: words.IsLasting, Fault: func(err error) jobs.Fault { return words.Fault(err, s.door) },
		Notice: func(n index.Notice) string { return english.OneLine(words.Notice(n, s.door).Sentence) },
	})
	if err != nil {
		return err
	}
	defer w.Close() //nolint:errcheck // another process of this machine can only have another number
	return w.Run(ctx, s.closing)
}
