package app

import (
	"errors"
	"runtime"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/models"
)

// TextModel is a text model that has not been loaded.
type TextModel struct {
	models.TextModel

	// Identity is what determines the lines that it reads.
	Identity string
}

// TextModel returns a text model by its name; "" is the built-in one. It does not read the model's files.
func (a *App) TextModel(name string) (TextModel, error) {
	m, err := a.Models().OpenText(name)
	if errors.Is(err, models.ErrNotInstalled) {
		return TextModel{}, &NotInstalledError{name, err}
	}
	return TextModel{m, ocr.Identity(m)}, err
}

// LoadText loads a text model. The caller must close it.
func (a *App) LoadText(m models.TextModel) (*ocr.Reader, error) {
	if _, err := embed.StartRuntime(a.Runtime()); err != nil {
		return nil, err
	}
	return ocr.Open(m)
}

// textBytes is the memory that reading one text takes, measured with pages full of text, and textShare the part of the memory limit that all texts
// together may take.
const (
	textBytes = 64 << 20
	textShare = 4
)

// TextsAtOnce returns how many texts to read at once within a memory limit: one per processor, or fewer.
func TextsAtOnce(limit int64) int {
	return max(1, int(min(int64(runtime.GOMAXPROCS(0)), limit/textShare/textBytes)))
}

// FreeText frees a text model.
func (a *App) FreeText(r *ocr.Reader) {
	r.Close()
	embed.Trim()
}

// tryText tests a downloaded text model.
func (a *App) tryText(m models.TextModel) error {
	reader, err := a.LoadText(m)
	if err != nil {
		return err
	}
	defer reader.Close()
	return reader.Check()
}
