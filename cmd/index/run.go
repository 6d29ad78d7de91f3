package index

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

// indexing is one run of the pipeline, with its preparation and what follows it.
type indexing struct {
	*options
	settings

	limit time.Duration // of this run; 0 means none
	// tells reports whether to print the summary of the run.
	tells func(index.Summary) bool
}

func always(index.Summary) bool { return true }

func (r *indexing) run(ctx context.Context, ix store.Store, paths []string) error {
	m, err := r.p.App.ChooseModel(ctx, ix, r.model, true)
	if err != nil {
		return err
	}
	loader := r.p.App.Loader(m, app.Loading{Provider: r.settings.provider})
	stored, err := r.prepare(ctx, ix, m, loader)
	if err != nil {
		return err
	}
	text, freeText, err := r.texts(ctx, ix)
	if err != nil {
		return err
	}
	defer freeText()
	if text != nil {
		text.Begin = func() {
			loader.Close() // in the same order as when all loaders are freed
			loader.FreeVisual()
		}
	}
	room, err := r.reserve(loader)
	if err != nil {
		return err
	}
	at, err := r.p.App.Index()
	if err != nil {
		return err
	}
	if !r.dryRun && loader.WantsEarlyStart() {
		loader.StartVisual()
	}
	progress := cli.NewProgress(r.p, r.progress)
	events, end := progress.Start()
	endLog := func() {}
	events.Began = func(run store.RunID, roots []string) { endLog = r.logRun(run, roots) }
	defer func() { endLog() }()
	r.p.Orderly()
	begin := time.Now()
	sum, err := index.Run(ctx, ix, index.Request{
		Paths: paths, Exclude: r.exclude, OneFileSystem: r.oneFileSystem, Prune: r.prune, NoPairs: r.noPairs, KeepPreviews: r.keepPreviews, UseMTime: r.useMTime,
		RetryFailed: r.retryFailed, Jobs: r.jobs, MaxPixels: r.maxPixels, MaxBytes: room, For: r.limit, DryRun: r.dryRun, Journal: at.Journal(),
		Model: stored, Reader: pictures.Reader{Spec: m.Spec, Previews: r.keepPreviews, Texts: text != nil && text.Inline}, Text: text, Provider: func() string { return loader.Provider().Name },
		Start: loader.StartVisual, Load: func(ctx context.Context) (index.Embedder, error) { return loader.Visual(ctx) }, On: events,
	}, r.p.Stop())
	end()
	freeText()
	sum.Elapsed = time.Since(begin)
	if err != nil {
		return err
	}
	if r.tells(sum) {
		if err := r.print(sum, m, textModel(text), loader.Provider()); err != nil {
			return err
		}
	}
	if !r.dryRun {
		if err := r.conclude(ctx, ix, stored, sum); err != nil {
			return err
		}
	}
	if sum.Embedded > 0 && sum.Stopped == index.NotStopped {
		loader.Close() // a crash after this is not the accelerator's fault
		r.p.App.PrepareOneShot(ctx, loader, app.MemoryLimit(r.memory))
	}
	return ending(sum)
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

// prepare checks that the model can be used as requested, and returns the model as the index has it. Unless it is a dry run, it adds the
// model to the index.
func (r *indexing) prepare(ctx context.Context, ix store.Store, m app.Model, loader *embed.Loader) (store.Model, error) {
	if err := loader.CheckAsked(); err != nil {
		return store.Model{}, err
	}
	if !r.dryRun {
		if err := loader.Prepare(); err != nil {
			return store.Model{}, err
		}
		return r.register(ctx, ix, m)
	}
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	if known, ok := all.ByIdentity(m.Identity); ok {
		return known, nil
	}
	return m.Stored(), nil
}

// reserve returns the memory for files and decoded pictures, in bytes, and sets the limit of the garbage collector.
func (r *indexing) reserve(loader *embed.Loader) (int64, error) {
	size := loader.VisualBytes
	if r.dryRun { // it does not make the int8 copy, which is smaller
		size = loader.FullVisualBytes
	}
	tower, err := size()
	if err != nil {
		return 0, err
	}
	limit := app.MemoryLimit(r.memory)
	room, heap := app.DecodeLimit(limit, tower)
	r.p.Logf("memory limit %d MB, of which %d MB for pictures", limit>>20, room>>20)
	debug.SetMemoryLimit(heap)
	return room, nil
}

// conclude sets the model's role, and suggests a search if these are the first photos in the index.
func (r *indexing) conclude(ctx context.Context, ix store.Store, used store.Model, sum index.Summary) error {
	ctx = context.WithoutCancel(ctx)
	if labelled, err := ix.LabelNew(ctx); err != nil {
		return err
	} else if labelled > 0 {
		r.p.Logf("compared %d new pictures with the labels", labelled)
	}
	if err := r.settleModel(ctx, ix, used); err != nil {
		return err
	}
	if sum.Added == 0 || sum.Stopped != index.NotStopped || r.p.JSON {
		return nil
	}
	n, err := ix.Totals(ctx)
	if err == nil && n.Files == sum.Added {
		r.p.Notef("search them with `imgsearch search \"dog on beach\"`")
	}
	return err
}
