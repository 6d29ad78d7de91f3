package app

import (
	"context"
	"sync"

	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// TextsDeleted is the notice that the texts of pictures were deleted, as asked.
type TextsDeleted struct{ Pictures int }

// texts returns how the run reads texts, nil if it does not, and a function that frees the text model. It stores OCR in the index; off deletes
// the texts.
func (r *indexing) texts(ctx context.Context) (text *index.TextRequest, free func(), err error) {
	free = func() {}
	mode, err := r.chooseOCR(ctx)
	if err != nil || mode == store.OCROff {
		return nil, free, err
	}
	m, err := r.textModelOf(ctx, r.ix)
	if err != nil {
		return nil, free, err
	}
	l := &textLoader{app: r.App, model: m}
	text = m.request(mode, TextsAtOnce(MemoryLimit(r.MaxMemory)))
	text.Load = l.load
	if r.isOwn() {
		text.Begin = func() {
			r.loader.Close() // in the same order as when all loaders are freed
			r.loader.FreeVisual()
		}
	}
	return text, l.free, nil
}

// textModelOf returns the text model of an index.
func (a *App) textModelOf(ctx context.Context, ix store.Store) (TextModel, error) {
	name, err := ix.Setting(ctx, store.SettingTextModel)
	if err != nil {
		return TextModel{}, err
	}
	return a.TextModel(name)
}

// request returns how the model's texts are read, without Load.
func (m TextModel) request(mode string, atOnce int) *index.TextRequest {
	return &index.TextRequest{
		Model: m.Identity, Name: m.Name, Inline: mode == store.OCROn, Reader: pictures.Reader{Texts: true}, Least: pictures.TextSide, AtOnce: atOnce,
	}
}

// chooseOCR stores OCR in the index, and returns when text is read. Off deletes the texts.
func (r *indexing) chooseOCR(ctx context.Context) (mode string, err error) {
	if r.OCR == "" {
		return r.ix.Setting(ctx, store.SettingOCR)
	}
	if r.DryRun {
		return r.OCR, nil
	}
	if err := r.ix.SetSetting(ctx, store.SettingOCR, r.OCR); err != nil {
		return "", err
	}
	if r.OCR == store.OCROff {
		err = r.dropTexts(ctx)
	}
	return r.OCR, err
}

// dropTexts deletes the texts.
func (r *indexing) dropTexts(ctx context.Context) error {
	c, err := r.ix.TextCoverage(ctx, "")
	if err != nil {
		return err
	}
	if err := r.ix.DropTexts(ctx); err != nil {
		return err
	}
	if c.Read > 0 {
		r.Notify(TextsDeleted{c.WithText})
	}
	return nil
}

// textLoader loads a text model at most once.
type textLoader struct {
	app   *App
	model TextModel

	mu     sync.Mutex
	reader *ocr.Reader
	err    error
}

func (l *textLoader) load(context.Context) (index.TextReader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader == nil && l.err == nil {
		l.app.Logf("loading text model %s", l.model.Name)
		l.reader, l.err = l.app.LoadText(l.model.TextModel)
	}
	if l.err != nil {
		return nil, l.err
	}
	return pictures.TextReader{Reader: l.reader}, nil
}

func (l *textLoader) free() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reader != nil {
		l.app.FreeText(l.reader)
		l.reader = nil
	}
}
