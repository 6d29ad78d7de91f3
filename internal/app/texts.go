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
	mode := r.OCR
	if mode == "" {
		if mode, err = r.ix.Setting(ctx, store.SettingOCR); err != nil {
			return nil, free, err
		}
	} else if !r.DryRun {
		if err := r.ix.SetSetting(ctx, store.SettingOCR, mode); err != nil {
			return nil, free, err
		}
	}
	if mode == store.OCROff {
		if r.OCR == store.OCROff && !r.DryRun {
			err = r.dropTexts(ctx)
		}
		return nil, free, err
	}
	name, err := r.ix.Setting(ctx, store.SettingTextModel)
	if err != nil {
		return nil, free, err
	}
	m, err := r.TextModel(name)
	if err != nil {
		return nil, free, err
	}
	l := &textLoader{app: r.App, model: m}
	text = &index.TextRequest{
		Model: m.Identity, Name: m.Name, Inline: mode == store.OCROn, Reader: pictures.Reader{Texts: true}, Least: pictures.TextSide,
		AtOnce: TextsAtOnce(MemoryLimit(r.MaxMemory)), Load: l.load,
	}
	if r.isOwn() {
		text.Begin = func() {
			r.loader.Close() // in the same order as when all loaders are freed
			r.loader.FreeVisual()
		}
	}
	return text, l.free, nil
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
