package preprocess_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

func open(t testing.TB, path string) *decode.Image {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	img, err := h.Decode(data, h.Meta(bytes.NewReader(data)).Orientation, 0)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img
}

// TestReferencePixels compares with open_clip's image_transform: within 1 of 255 where the format is lossless,
// within 2 on average where the JPEG or WebP decoders differ.
func TestReferencePixels(t *testing.T) {
	dir := testkit.Shared(t, "reference", "preprocess")
	inputs, err := filepath.Glob(filepath.Join(dir, "inputs", "*"))
	if err != nil || len(inputs) == 0 {
		t.Fatal("no inputs", err)
	}
	for _, kind := range []string{"shortest-bicubic", "squash-bicubic", "squash-bilinear", "longest-bicubic"} {
		mode, filter, _ := strings.Cut(kind, "-")
		c := preprocess.Config{Height: 96, Width: 96, Mode: preprocess.Mode(mode), Filter: preprocess.Filter(filter)}
		for _, input := range inputs {
			name := filepath.Base(input)
			t.Run(kind+"/"+name, func(t *testing.T) {
				got := c.Pixels(open(t, input))
				f, err := os.Open(filepath.Join(dir, kind, name+".png"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				want, err := png.Decode(f)
				if err != nil {
					t.Fatal(err)
				}
				worst, mean := difference(got, want)
				lossy := strings.HasSuffix(name, ".jpg") || name == "p.webp"
				t.Logf("worst %d, mean %.3f", worst, mean)
				if !lossy && worst > 1 || lossy && mean > 2 {
					t.Errorf("pixels differ by %d at worst, %.3f on average", worst, mean)
				}
			})
		}
	}
}

func difference(got []byte, want image.Image) (worst int, mean float64) {
	size := want.Bounds().Size()
	sum := 0
	for y := range size.Y {
		for x := range size.X {
			c := color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			for i, v := range []uint8{c.R, c.G, c.B} {
				d := int(got[3*(y*size.X+x)+i]) - int(v)
				d = max(d, -d)
				worst = max(worst, d)
				sum += d
			}
		}
	}
	return worst, float64(sum) / float64(3*size.X*size.Y)
}
