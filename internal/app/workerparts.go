package app

import (
	"context"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres/jobqueue"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// parts does the parts of sessions for a worker.
type parts struct{ *Worker }

var _ jobqueue.Handler = parts{}

// request returns what the pipeline needs for a session.
func (p parts) request(ctx context.Context, s jobqueue.Session, root store.Root, r *jobqueue.Report) (req index.Request, m workerModel, err error) {
	o, err := optionsOf(s)
	if err != nil {
		return req, m, err
	}
	if m, err = p.model(ctx, o.Model); err != nil {
		return req, m, err
	}
	text, err := p.text(ctx)
	if err != nil {
		return req, m, err
	}
	req = index.Request{
		Exclude: o.Exclude, OneFileSystem: o.OneFileSystem, Prune: o.Prune, NoPairs: o.NoPairs, KeepPreviews: o.KeepPreviews, UseMTime: o.UseMTime,
		RetryFailed: o.RetryFailed || s.Force, MaxPixels: o.MaxPixels, Jobs: p.o.Jobs, MaxBytes: p.room, Journal: p.Journal(), Model: m.stored,
		Reader: pictures.Reader{Spec: m.Spec, Previews: o.KeepPreviews, Texts: text != nil && text.Inline}, On: p.events(r, root),
	}
	if text != nil && text.Inline {
		req.Text = text
	}
	if s.Force {
		req.Reread = func(store.Place) bool { return true }
	}
	if r != nil {
		req.Committing = r.Committing
	}
	return req, m, nil
}

// text returns how texts are read; nil if they are not.
func (p parts) text(ctx context.Context) (*index.TextRequest, error) {
	mode, err := p.ix.Setting(ctx, store.SettingOCR)
	if err != nil || mode == store.OCROff {
		return nil, err
	}
	m, err := p.app.textModelOf(ctx, p.ix)
	if err != nil {
		return nil, err
	}
	text := m.request(mode, TextsAtOnce(MemoryLimit(p.o.MaxMemory)))
	text.Load = p.textLoader(m).load
	return text, nil
}

// tower lets a request compute vectors, until done is called.
func (p parts) tower(req *index.Request, m workerModel, r *jobqueue.Report) (done func(), err error) {
	if p.o.Embedder != nil {
		req.Load = func(context.Context) (index.Embedder, error) { return p.o.Embedder(m.Model), nil }
		return func() {}, nil
	}
	loader, done, err := p.vision(m.Model)
	if err != nil {
		return nil, err
	}
	req.Start = loader.StartVisual
	req.Load = func(ctx context.Context) (index.Embedder, error) {
		tower, err := loader.Visual(ctx)
		r.Computed(loader.Provider().Name)
		return tower, err
	}
	return done, nil
}

// events reports what happens to the log, and to the session unless r is nil.
func (w *Worker) events(r *jobqueue.Report, root store.Root) index.Events {
	warn := func(path, text string) string {
		line := w.o.Words.Path(path) + ": " + text
		w.o.Log.Warn(line, "path", path)
		return line
	}
	return index.Events{
		Failed: func(path string, err error) {
			reason := w.o.Words.Fault(err).Message
			warn(path, reason)
			r.Failed(relativeTo(root, path), reason)
		},
		Damaged: func(path string) { r.Noticed(warn(path, "partly unreadable; indexed the rest")) },
		Noticed: func(n index.Notice) {
			text := w.o.Words.Notice(n)
			w.o.Log.Warn(text)
			r.Noticed(text)
		},
	}
}

// Walk finds what is to be read.
func (p parts) Walk(ctx context.Context, s jobqueue.Session, root store.Root, d index.Division, stop <-chan struct{}) (index.Found, bool, error) {
	req, _, err := p.request(ctx, s, root, nil)
	if err != nil {
		return index.Found{}, false, err
	}
	return index.Find(ctx, p.ix, req, index.Part{Root: root, Start: s.Start}, d, stop)
}

// Read reads a batch.
func (p parts) Read(ctx context.Context, s jobqueue.Session, root store.Root, b index.Batch, foundHere bool, r *jobqueue.Report, stop <-chan struct{}) (index.Summary, index.Batch, error) {
	req, m, err := p.request(ctx, s, root, r)
	if err != nil {
		return index.Summary{}, index.Batch{}, err
	}
	done, err := p.tower(&req, m, r)
	if err != nil {
		return index.Summary{}, index.Batch{}, err
	}
	defer done()
	return index.Read(ctx, p.ix, req, root, b, foundHere, stop)
}

// Settle drops what is gone.
func (p parts) Settle(ctx context.Context, s jobqueue.Session, root store.Root, f index.Found, r *jobqueue.Report, stop <-chan struct{}) (index.Summary, error) {
	req, m, err := p.request(ctx, s, root, r)
	if err != nil {
		return index.Summary{}, err
	}
	done, err := p.tower(&req, m, r)
	if err != nil {
		return index.Summary{}, err
	}
	defer done()
	return index.Settle(ctx, p.ix, req, root, f, stop)
}

// Conclude does what follows a run.
func (p parts) Conclude(ctx context.Context, s jobqueue.Session, root store.Root, r *jobqueue.Report) error {
	req, m, err := p.request(ctx, s, root, r)
	if err != nil {
		return err
	}
	if err := index.PrepareSearch(ctx, p.ix, req); err != nil {
		return err
	}
	if _, err := p.ix.LabelNew(ctx); err != nil {
		return err
	}
	run := &indexing{App: p.app, ix: p.ix, chosen: m.Model, stored: m.stored}
	return run.settleModel(ctx)
}

// Texts returns the pictures whose texts are to be read.
func (p parts) Texts(ctx context.Context, s jobqueue.Session, root store.Root) ([]index.Batch, error) {
	text, err := p.text(ctx)
	if err != nil || text == nil {
		return nil, err
	}
	return index.TextsToRead(ctx, p.ix, text.Model, index.Part{Root: root, Start: s.Start}, textsInBatch)
}

// textsInBatch is the number of texts in a job: reading one takes up to half a second.
const textsInBatch = 100

// ReadTexts reads texts.
func (p parts) ReadTexts(ctx context.Context, s jobqueue.Session, root store.Root, b index.Batch, r *jobqueue.Report, stop <-chan struct{}) (index.Summary, error) {
	req, _, err := p.request(ctx, s, root, r)
	if err != nil {
		return index.Summary{}, err
	}
	if req.Text, err = p.text(ctx); err != nil {
		return index.Summary{}, err
	}
	if req.Text == nil { // it was switched off meanwhile
		return index.Summary{Complete: true}, nil
	}
	req.TextSuspects = p.crashes.Texts
	return index.ReadTexts(ctx, p.ix, req, root, b, stop)
}

// Fault describes an error to users.
func (p parts) Fault(err error) jobs.Fault { return p.o.Words.Fault(err) }

// IsLasting reports whether an error is that of the options of a session.
func (p parts) IsLasting(f jobs.Fault) bool { return p.o.Words.IsLasting(f) }
