package ocr_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

func open(t testing.TB) *ocr.Reader {
	t.Helper()
	if _, err := embed.StartRuntime(embed.RuntimeOptions{Options: ortlib.Options{Explicit: testkit.RuntimeLibrary(t)}}); err != nil {
		t.Fatal(err)
	}
	r, err := ocr.Open(models.BuiltinText())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func load(t testing.TB, path string) *decode.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Decode(data, h.Meta(bytes.NewReader(data)).Orientation, ocr.MinShort)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// stored returns a picture that is stored in the given orientation.
func stored(t *testing.T, columns, rows, orientation int, row func(y int, rgb []byte)) *decode.Image {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, columns, rows))
	rgb := make([]byte, 3*columns)
	for y := range rows {
		row(y, rgb)
		for x := range columns {
			img.SetRGBA(x, y, color.RGBA{rgb[3*x], rgb[3*x+1], rgb[3*x+2], 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	h, err := decode.ReadHeader(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Decode(b.Bytes(), orientation, 0)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	word   = regexp.MustCompile(`[\p{L}\p{N}]+(?:[.,/:\-][\p{L}\p{N}]+)*`)
	folder = cases.Fold()
)

func words(text string) (list []string) {
	for _, w := range word.FindAllString(folder.String(norm.NFKC.String(text)), -1) {
		if len([]rune(w)) >= 2 {
			list = append(list, w)
		}
	}
	return list
}

// plain returns a text without accents and spaces.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, norm.NFD.String(folder.String(norm.NFKC.String(text))))
}

// TestWords reads the team's pictures and compares with what is written there: pages, screenshots, faint and curved text, turned text, Chinese.
func TestWords(t *testing.T) {
	dir := testkit.Shared(t, "cases", "text")
	truth, err := os.Open(filepath.Join(dir, "truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer truth.Close()
	r := open(t)
	all, exact, contained := 0, 0, 0
	for lines := bufio.NewScanner(truth); lines.Scan(); {
		var want struct{ File, Kind, Text string }
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got, err := r.Read(load(t, filepath.Join(dir, want.File)))
		if err != nil {
			t.Fatalf("%s: %v", want.File, err)
		}
		var text strings.Builder
		for _, l := range got {
			text.WriteString(l.Text + "\n")
		}
		left := make(map[string]int)
		for _, w := range words(text.String()) {
			left[w]++
		}
		n, e, c := 0, 0, 0
		for _, w := range words(want.Text) {
			n++
			if left[w] > 0 {
				left[w]--
				e++
			}
			if strings.Contains(plain(text.String()), plain(w)) {
				c++
			}
		}
		t.Logf("%s: %d words, %d exactly, %d contained", want.File, n, e, c)
		all, exact, contained = all+n, exact+e, contained+c
	}
	t.Logf("%d words: %.3f exactly, %.3f contained", all, float64(exact)/float64(all), float64(contained)/float64(all))
	if float64(contained) < .95*float64(all) || float64(exact) < .86*float64(all) {
		t.Errorf("of %d words %d were found exactly and %d as a part of the text", all, exact, contained)
	}
}

// TestFalseText checks that few photos get text: of the team's photos, only some show writing.
func TestFalseText(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Shared(t, "photos", "images"), "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	r := open(t)
	with, of := 0, 0
	for i := 0; i < len(files); i += 2 {
		lines, err := r.Read(load(t, files[i]))
		if err != nil {
			t.Fatal(err)
		}
		if of++; len(lines) > 0 {
			with++
			t.Logf("%s: %+v", filepath.Base(files[i]), lines)
		}
	}
	if 50*with > of {
		t.Errorf("%d of %d photos have text", with, of)
	}
}

// TestTurns reads a picture as it is stored, and as cameras store it turned.
func TestTurns(t *testing.T) {
	dir := testkit.Shared(t, "cases", "text")
	r := open(t)
	m := load(t, filepath.Join(dir, "page_02.jpg"))
	want, err := r.Read(m)
	if err != nil || len(want) < 5 {
		t.Fatalf("%d lines, %v", len(want), err)
	}
	w, h := m.Columns, m.Rows
	pix := make([][]byte, h)
	for y := range pix {
		pix[y] = make([]byte, 3*w)
		m.Row(y, pix[y])
	}
	// at returns where pixel x, y of the stored picture comes from, by EXIF's definition of each orientation.
	for orientation, at := range map[int]func(x, y int) (int, int){
		2: func(x, y int) (int, int) { return w - 1 - x, y }, 3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y }, 5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return w - 1 - y, x }, 7: func(x, y int) (int, int) { return w - 1 - y, h - 1 - x },
		8: func(x, y int) (int, int) { return y, h - 1 - x },
	} {
		columns, rows := w, h
		if orientation >= 5 {
			columns, rows = h, w
		}
		turned := stored(t, columns, rows, orientation, func(y int, rgb []byte) {
			for x := range columns {
				fromX, fromY := at(x, y)
				copy(rgb[3*x:3*x+3], pix[fromY][3*fromX:])
			}
		})
		got, err := r.Read(turned)
		if err != nil || len(got) != len(want) {
			t.Errorf("orientation %d: %d lines, want %d, %v", orientation, len(got), len(want), err)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("orientation %d: line %d is %+v, want %+v", orientation, i, got[i], want[i])
			}
		}
	}
}

// TestNothing reads pictures without text, of any size.
func TestNothing(t *testing.T) {
	r := open(t)
	for _, size := range [][2]int{{1, 1}, {1, 3000}, {3000, 1}, {640, 480}} {
		blank := stored(t, size[0], size[1], 1, func(_ int, rgb []byte) {
			for i := range rgb {
				rgb[i] = 200
			}
		})
		if lines, err := r.Read(blank); err != nil || len(lines) > 0 {
			t.Errorf("%v: %v, %v", size, lines, err)
		}
	}
}

func TestDamagedModel(t *testing.T) {
	open(t)
	good, err := models.BuiltinText().Read()
	if err != nil {
		t.Fatal(err)
	}
	stored := func(detector, recogniser []byte) models.TextModel {
		dir := t.TempDir()
		for name, data := range map[string][]byte{
			models.TextDetectorFile: detector, models.TextRecogniserFile: recogniser, models.TextConfigFile: []byte("PostProcess: {character_dict: [a, b]}"),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return models.OpenTextDir("text", dir)
	}
	for name, m := range map[string]models.TextModel{"detector": stored(good.Detector[:1000], good.Recogniser), "recogniser": stored(good.Detector, nil)} {
		if r, err := ocr.Open(m); !errors.Is(err, ocr.ErrModel) {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	r, err := ocr.Open(stored(good.Detector, good.Recogniser))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Check(); !errors.Is(err, ocr.ErrModel) {
		t.Errorf("a list of characters for another model, checked: %v", err)
	}
	if err := open(t).Check(); err != nil {
		t.Errorf("the built-in model: %v", err)
	}
	if _, err := r.Read(load(t, filepath.Join(testkit.Shared(t, "cases", "text"), "page_02.jpg"))); !errors.Is(err, ocr.ErrModel) {
		t.Errorf("a list of characters for another model: %v", err)
	}
}

func BenchmarkRead(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join(testkit.Shared(b, "photos", "images"), "*.jpg"))
	r := open(b)
	m := load(b, files[0])
	for b.Loop() {
		if _, err := r.Read(m); err != nil {
			b.Fatal(err)
		}
	}
}
