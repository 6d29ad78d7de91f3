package jpeg_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
)

func arithmeticFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "arithmetic", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pixelsOf returns all pixels of a picture.
func pixelsOf(t *testing.T, data []byte, minShort int) (*jpeg.Picture, []byte) {
	t.Helper()
	p, err := jpeg.Decode(data, minShort)
	if err != nil {
		t.Fatal(err)
	}
	w, h := p.Size()
	pix := make([]byte, 3*w*h)
	for y := range h {
		p.Row(y, pix[3*y*w:])
	}
	return p, pix
}

// TestArithmetic compares with the same coefficients in Huffman coding: libjpeg-turbo's jpegtran made the files of one of our pictures,
// with -arithmetic, -progressive and -restart.
func TestArithmetic(t *testing.T) {
	plain := arithmeticFile(t, "plain.jpg")
	for _, name := range []string{"sequential.jpg", "progressive.jpg", "restarts.jpg", "progressive_restarts.jpg"} {
		data := arithmeticFile(t, name)
		for _, minShort := range []int{0, 30, 15, 7} {
			_, want := pixelsOf(t, plain, minShort)
			if p, got := pixelsOf(t, data, minShort); p.Damaged || !bytes.Equal(got, want) {
				t.Errorf("%s, at least %d: damaged %v", name, minShort, p.Damaged)
			}
		}
		// A beginning is an error or damaged, unless only what follows the last bits is missing, or the last scans.
		for n := range len(data) - 4 {
			if p, err := jpeg.Decode(data[:n], 0); err == nil && !p.Damaged && !strings.HasPrefix(name, "progressive") {
				t.Errorf("%s: the first %d of %d bytes count as whole", name, n, len(data))
			}
		}
	}
}
