package index

import (
	"context"
	"slices"
	"sync"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// checkOCR rejects an unknown value of --ocr.
func (o *options) checkOCR() error {
	if o.ocr != "" && !slices.Contains([]string{store.OCRAuto, store.OCROn, store.OCROff}, o.ocr) {
		return cli.Usage("use auto, on or off", "invalid value for --ocr: %q", o.ocr)
	}
	return nil
}

// texts returns how the run reads texts, nil if it does not, and a function that frees the text model. It stores --ocr in the index; off deletes
// the texts.
func (r *indexing) texts(ctx context.Context, ix store.Store) (text *index.TextRequest, free func(), err error) {
	free = func() {}
	mode := r.ocr
	if mode == "" {
		if mode, err = ix.Setting(ctx, store.SettingOCR); err != nil {
			return nil, free, err
		}
	} else if !r.dryRun {
		if err := ix.SetSetting(ctx, store.SettingOCR, mode); err != nil {
			return nil, free, err
		}
	}
	if mode == store.OCROff {
		if r.ocr == store.OCROff && !r.dryRun {
			err = r.dropTexts(ctx, ix)
		}
		return nil, free, err
	}
	name, err := ix.Setting(ctx, store.SettingTextModel)
	if err != nil {
		return nil, free, err
	}
	m, err := r.p.App.TextModel(name)
	if err != nil {
		return nil, free, err
	}
	l := &textLoader{app: r.p.App, model: m}
	return &index.TextRequest{
		Model: m.Identity, Name: m.Name, Inline: mode == store.OCROn, Reader: pictures.Reader{Texts: true}, Least: pictures.TextSide,
		AtOnce: app.TextsAtOnce(app.MemoryLimit(r.memory)), Load: l.load,
	}, l.free, nil
}

// dropTexts deletes the texts, and reports how many there were.
func (r *indexing) dropTexts(ctx context.Context, ix store.Store) error {
	c, err := ix.TextCoverage(ctx, "")
	if err != nil {
		return err
	}
	if err := ix.DropTexts(ctx); err != nil {
		return err
	}
	if c.Read > 0 {
		r.p.Notef("deleted the texts of %s", english.Count(c.WithText, "picture"))
	}
	return nil
}

// textModel returns the name of the model of a request; "" if there is none.
func textModel(text *index.TextRequest) string {
	if text == nil {
		return ""
	}
	return text.Name
}

// textLoader loads a text model at most once.
type textLoader struct {
	app   *app.App
	model app.TextModel

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
