package index

import (
	"context"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// indexing is one run of the pipeline, with its progress and its summary.
type indexing struct {
	*options
	app.Indexing

	// tells reports whether to print the summary of the run.
	tells func(index.Summary) bool
}

func always(index.Summary) bool { return true }

func (r *indexing) run(ctx context.Context, ix store.Store) error {
	endProgress, endLog := func() {}, func() {}
	r.Stop = r.p.Stop()
	r.Start = func() index.Events {
		progress := cli.NewProgress(r.p, r.progress)
		var events index.Events
		events, endProgress = progress.Start()
		events.Began = func(run store.RunID, roots []string) { endLog = r.logRun(run, roots) }
		r.p.Orderly()
		return events
	}
	done, err := r.p.App.RunIndex(ctx, ix, r.Indexing)
	endProgress()
	defer func() { endLog() }()
	if err != nil {
		return err
	}
	if r.tells(done.Summary) {
		if err := r.print(done); err != nil {
			return err
		}
	}
	if !r.dryRun {
		if err := done.Conclude(ctx); err != nil {
			return err
		}
		if err := r.suggest(ctx, ix, done.Summary); err != nil {
			return err
		}
	}
	return ending(done.Summary)
}

// ending returns the error for the exit code of a run without a failure: interrupted, or files or folders that could not be read.
func ending(sum index.Summary) error {
	switch {
	case sum.Stopped == index.Interrupted:
		return cli.Quiet(words.Interrupted)
	case sum.Unreachable > 0:
		return cli.Quiet(words.Unreachable)
	case sum.Failed > 0:
		return cli.Quiet(words.Unreadable)
	}
	return nil
}

// suggest suggests a search if these are the first photos in the index.
func (r *indexing) suggest(ctx context.Context, ix store.Store, sum index.Summary) error {
	if sum.Added == 0 || sum.Stopped != index.NotStopped || r.p.JSON {
		return nil
	}
	n, err := ix.Totals(context.WithoutCancel(ctx))
	if err == nil && n.Files == sum.Added {
		r.p.Notef("search them with `imgsearch search \"dog on beach\"`")
	}
	return err
}
