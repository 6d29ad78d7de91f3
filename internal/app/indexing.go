package app

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// Indexing says how to bring an index up to date.
type Indexing struct {
	// Paths are absolute; none: all roots of the index.
	Paths []string
	// Exclude, OneFileSystem, Prune, NoPairs, KeepPreviews, UseMTime, RetryFailed, Reread, Jobs, MaxPixels and DryRun are as in index.Request.
	Exclude       []string
	OneFileSystem bool
	Prune         bool
	NoPairs       bool
	KeepPreviews  bool
	UseMTime      bool
	RetryFailed   bool
	Reread        func(store.Place) bool
	Jobs          int
	MaxPixels     int64
	DryRun        bool
	// OCR is when text is read, as in store.SettingOCR, which it changes; "" is the index's setting.
	OCR string
	// MaxMemory limits the memory of the process, in bytes; 0: MemoryLimit.
	MaxMemory int64
	// For stops the run after this time; 0: never.
	For time.Duration
	// Model is the model to use, the zero value the index's.
	Model    ModelChoice
	Provider provider.Name
	// Vision lends the vision tower; nil: the run loads it, and frees it at its end.
	Vision func(m Model) (*embed.Loader, error)
	// Start returns the callbacks of the run, which is about to start, and is called once.
	Start func() index.Events
	// Stop stops the run in an orderly way when it is closed; nil: never.
	Stop <-chan struct{}
}

// Indexed is what a run of the pipeline did.
type Indexed struct {
	index.Summary

	Model Model
	// TextModel is the name of the text model; "" if no text is read.
	TextModel string
	Provider  embed.Provider
	// Conclude does what follows a run: it compares new pictures with the labels, chooses the model for searches, and prepares those. It is called once the
	// caller has reported the run.
	Conclude func(context.Context) error
}

// RunIndex runs the pipeline once. The caller holds the index's lock, unless it is a dry run.
func (a *App) RunIndex(ctx context.Context, ix store.Store, o Indexing) (done Indexed, err error) {
	r := &indexing{App: a, Indexing: o, ix: ix}
	if r.chosen, err = a.ChooseModel(ctx, ix, o.Model, true); err != nil {
		return done, err
	}
	if err := r.findTower(); err != nil {
		return done, err
	}
	if r.stored, err = r.prepare(ctx); err != nil {
		return done, err
	}
	text, freeText, err := r.texts(ctx)
	if err != nil {
		return done, err
	}
	defer freeText()
	room, err := r.reserve()
	if err != nil {
		return done, err
	}
	at, err := a.Index()
	if err != nil {
		return done, err
	}
	if !o.DryRun && r.loader.WantsEarlyStart() {
		r.loader.StartVisual()
	}
	var lockRoots func(context.Context, []store.RootID) (store.Lock, error)
	if at.InDatabase() {
		lockRoots = func(ctx context.Context, roots []store.RootID) (store.Lock, error) { return ix.Lock(ctx, roots...) }
	}
	events := o.Start()
	begin := time.Now()
	done = Indexed{Model: r.chosen, Conclude: r.conclude}
	done.Summary, err = index.Run(ctx, ix, index.Request{
		Paths: o.Paths, Exclude: o.Exclude, OneFileSystem: o.OneFileSystem, Prune: o.Prune, NoPairs: o.NoPairs, KeepPreviews: o.KeepPreviews, UseMTime: o.UseMTime,
		RetryFailed: o.RetryFailed, Reread: o.Reread, Jobs: o.Jobs, MaxPixels: o.MaxPixels, MaxBytes: room, For: o.For, DryRun: o.DryRun, Journal: at.Journal(), LockRoots: lockRoots,
		Model: r.stored, Reader: pictures.Reader{Spec: r.chosen.Spec, Previews: o.KeepPreviews, Texts: text != nil && text.Inline}, Text: text,
		Provider: func() string { return r.loader.Provider().Name },
		Start:    r.loader.StartVisual, Load: func(ctx context.Context) (index.Embedder, error) { return r.loader.Visual(ctx) }, On: events,
	}, o.Stop)
	done.Elapsed = time.Since(begin)
	done.Provider = r.loader.Provider()
	if text != nil {
		done.TextModel = text.Name
	}
	r.sum = done.Summary
	return done, err
}

// indexing is one run of the pipeline.
type indexing struct {
	*App
	Indexing

	ix     store.Store
	chosen Model
	stored store.Model // as the index has it
	loader *embed.Loader
	sum    index.Summary
}

// findTower sets the loader of the vision tower.
func (r *indexing) findTower() (err error) {
	if r.Vision == nil {
		r.loader = r.Loader(r.chosen, Loading{Provider: r.Provider})
		return nil
	}
	r.loader, err = r.Vision(r.chosen)
	return err
}

// isOwn reports whether the run has loaded the vision tower, and so decides when to free it.
func (r *indexing) isOwn() bool { return r.Vision == nil }

// prepare checks that the model can be used as requested, and returns the model as the index has it. Unless it is a dry run, it adds the
// model to the index.
func (r *indexing) prepare(ctx context.Context) (store.Model, error) {
	if err := r.loader.CheckAsked(); err != nil {
		return store.Model{}, err
	}
	if !r.DryRun {
		if err := r.loader.Prepare(); err != nil {
			return store.Model{}, err
		}
		return r.register(ctx)
	}
	all, err := r.ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	if known, ok := all.ByIdentity(r.chosen.Identity); ok {
		return known, nil
	}
	return r.chosen.Stored(), nil
}

// reserve returns the memory for files and decoded pictures, in bytes, and sets the limit of the garbage collector.
func (r *indexing) reserve() (int64, error) {
	size := r.loader.VisualBytes
	if r.DryRun { // it does not make the int8 copy, which is smaller
		size = r.loader.FullVisualBytes
	}
	tower, err := size()
	if err != nil {
		return 0, err
	}
	limit := MemoryLimit(r.MaxMemory)
	room, heap := DecodeLimit(limit, tower)
	r.Logf("memory limit %d MB, of which %d MB for pictures", limit>>20, room>>20)
	debug.SetMemoryLimit(heap)
	return room, nil
}

// conclude does what follows a run that is not dry.
func (r *indexing) conclude(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if labelled, err := r.ix.LabelNew(ctx); err != nil {
		return err
	} else if labelled > 0 {
		r.Logf("compared %d new pictures with the labels", labelled)
	}
	if err := r.settleModel(ctx); err != nil {
		return err
	}
	if r.isOwn() && r.sum.Embedded > 0 && r.sum.Stopped == index.NotStopped {
		r.loader.Close() // a crash after this is not the accelerator's fault
		r.PrepareOneShot(ctx, r.loader, MemoryLimit(r.MaxMemory))
	}
	return nil
}
