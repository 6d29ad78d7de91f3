// Package ocr finds and reads lines of text in pictures, with a detector and a recogniser of the PP-OCR family in ONNX Runtime. It must
// not know files, formats, or what the text is for.
package ocr

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/models"
)

// Line is a line of text.
type Line struct {
	Box  Box
	Text string
	// Score is the mean probability of the line's characters.
	Score float32
}

// MinShort is the short side, in pixels, at which a picture should at least be decoded. Measured on 54 pictures with 3,076 words: of the words
// that are found at full size, 98.5 % are found at 520.
const MinShort = 520

// The thresholds for what counts as text. A picture has text only if one of its lines is surely text. Of the team's 1,000 photos, 31 have a line of 3
// characters at 0.8, and 15 at 0.95, nearly all of them signs and prints; the words that are found in the team's pictures of text are the
// same (TestWords, TestFalseText).
const (
	leastScore      = .5
	leastSure       = .95
	leastCharacters = 3
	// A line below this score is read upside down too; the better one counts.
	doubtful = .8
	// flipMargin is by how much the line must be better upside down.
	flipMargin = .05
)

// Reader reads text. It is safe for concurrent use; each call uses one thread.
type Reader struct {
	detector, recogniser *ort.DynamicAdvancedSession
	characters           []string
}

// ErrModel means that a text model cannot be used.
var ErrModel = errors.New("the text model cannot be used")

// version goes up when Read's answers change with the same model.
const version = 1

// Identity returns the identity of a text model: what determines the lines that are read.
func Identity(m models.TextModel) string { return fmt.Sprintf("%s.%d", m.Digest(), version) }

// Open loads a text model. The native runtime must have been started. A model that cannot be used is ErrModel.
func Open(model models.TextModel) (*Reader, error) {
	m, err := model.Read()
	if errors.Is(err, models.ErrMissing) || errors.Is(err, models.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrModel, err)
	}
	if err != nil {
		return nil, err
	}
	r := &Reader{characters: slices.Concat([]string{""}, m.Characters, []string{" "})} // class 0 is the blank
	if r.detector, err = openGraph(m.Detector); err != nil {
		return nil, fmt.Errorf("%w: detector: %w", ErrModel, err)
	}
	if r.recogniser, err = openGraph(m.Recogniser); err != nil {
		r.Close()
		return nil, fmt.Errorf("%w: recogniser: %w", ErrModel, err)
	}
	return r, nil
}

// openGraph loads one of the model's graphs.
func openGraph(data []byte) (*ort.DynamicAdvancedSession, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer o.Destroy()
	// Pictures are read in parallel, by one thread each. Nearly every run has another shape, so an arena would keep the memory of the largest.
	for _, set := range []func() error{
		func() error { return o.SetIntraOpNumThreads(1) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.SetCpuMemArena(false) },
		func() error { return o.SetMemPattern(false) },
	} {
		if err := set(); err != nil {
			return nil, err
		}
	}
	return ort.NewDynamicAdvancedSessionWithONNXData(data, []string{"x"}, []string{"fetch_name_0"}, o)
}

// Close frees the model.
func (r *Reader) Close() {
	for _, s := range []*ort.DynamicAdvancedSession{r.detector, r.recogniser} {
		if s != nil {
			_ = s.Destroy()
		}
	}
}

// Read returns the lines of text in a picture, from top to bottom and from left to right. Boxes are in pixels of the decoded picture, upright.
func (r *Reader) Read(img *decode.Image) ([]Line, error) {
	p := newPyramid(img)
	boxes, err := r.detect(p)
	if err != nil || len(boxes) == 0 {
		return nil, err
	}
	lines, err := r.recognise(p, boxes)
	if err != nil {
		return nil, err
	}
	if err := r.readUpsideDown(p, lines); err != nil {
		return nil, err
	}
	return keep(lines), nil
}

// readUpsideDown reads doubtful lines once more, turned by half.
func (r *Reader) readUpsideDown(p *pyramid, lines []Line) error {
	var which []int
	var boxes []Box
	for i, l := range lines {
		if l.Score < doubtful {
			which, boxes = append(which, i), append(boxes, l.Box.flipped())
		}
	}
	again, err := r.recognise(p, boxes)
	for k, l := range again {
		if l.Score > lines[which[k]].Score+flipMargin {
			lines[which[k]] = l
		}
	}
	return err
}

// keep returns the lines that are text: none, unless at least one is surely text.
func keep(lines []Line) []Line {
	sure := false
	var kept []Line
	for _, l := range lines {
		l.Text = strings.TrimSpace(l.Text)
		if l.Score < leastScore || l.Text == "" {
			continue
		}
		kept = append(kept, l)
		sure = sure || l.Score >= leastSure && len([]rune(l.Text)) >= leastCharacters
	}
	if !sure {
		return nil
	}
	return kept
}

// Check runs both graphs on a blank picture, and returns ErrModel if they do not fit together.
func (r *Reader) Check() error {
	const side = 64
	p := &pyramid{[]rgb{{side, side, bytes.Repeat([]byte{255}, 3*side*side)}}}
	if _, err := r.detect(p); err != nil {
		return fmt.Errorf("%w: %w", ErrModel, err)
	}
	_, err := r.recognise(p, []Box{{Center: Point{side / 2, side / 2}, Along: Point{1, 0}, Length: side, Height: side / 2}})
	return err
}
