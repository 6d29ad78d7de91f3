package pictures

import (
	"errors"
	"math"

	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// TextSide is the short side, in pixels, at which pictures are decoded for their text.
const TextSide = ocr.MinShort

// TextReader reads the text in pictures that a Reader with Texts has decoded.
type TextReader struct{ *ocr.Reader }

var errForeign = errors.New("the picture was not decoded by this program")

// cornerSteps is the number of steps in which corners are stored: a quarter of a pixel in a picture of 2,500.
const cornerSteps = 10_000

// ReadText returns the lines of text in a picture.
func (t TextReader) ReadText(p index.Picture) ([]store.TextLine, error) {
	pic, ok := p.(picture)
	if !ok {
		return nil, errForeign
	}
	found, err := t.Read(pic.Image)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	width, height := preprocess.Upright(pic.Columns, pic.Rows, pic.Orientation)
	share := func(at float64, side int) float64 {
		return math.Round(min(max(at/float64(side), 0), 1)*cornerSteps) / cornerSteps
	}
	lines := make([]store.TextLine, len(found))
	for i, l := range found {
		lines[i] = store.TextLine{Text: l.Text, Score: math.Round(float64(l.Score)*1000) / 1000}
		for k, c := range l.Box.Corners() {
			lines[i].Corners[k] = store.Corner{X: share(c.X, width), Y: share(c.Y, height)}
		}
	}
	return lines, nil
}
