package jpeg

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pixels returns a picture's rows as RGB.
func pixels(p *Picture) []byte {
	w, h := p.Size()
	out := make([]byte, 3*w*h)
	for y := range h {
		p.Row(y, out[3*w*y:3*w*(y+1)])
	}
	return out
}

// difference compares a picture's pixels with an image of the same size.
func difference(t testing.TB, p *Picture, want image.Image) (worst int, mean float64) {
	t.Helper()
	w, h := p.Size()
	if want.Bounds().Dx() != w || want.Bounds().Dy() != h {
		t.Fatalf("%d x %d pixels, want %v", w, h, want.Bounds())
	}
	got := pixels(p)
	sum := 0
	for y := range h {
		for x := range w {
			c := color.NRGBAModel.Convert(want.At(want.Bounds().Min.X+x, want.Bounds().Min.Y+y)).(color.NRGBA)
			for i, v := range []uint8{c.R, c.G, c.B} {
				d := int(got[3*(y*w+x)+i]) - int(v)
				worst = max(worst, d, -d)
				sum += max(d, -d)
			}
		}
	}
	return worst, float64(sum) / float64(len(got))
}

// TestPixels compares every kind of file at full size with libjpeg-turbo's pixels (testdata/make.py).
func TestPixels(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.png"))
	if err != nil || len(files) < 20 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".png")
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			want, err := png.Decode(f)
			if err != nil {
				t.Fatal(err)
			}
			data := read(t, name+".jpg")
			p, err := Decode(data, 0)
			if err != nil {
				t.Fatal(err)
			}
			if p.Damaged {
				t.Error("damaged")
			}
			limit := 0 // the same arithmetic
			switch name {
			case "odd", "410", "411", "mixed":
				limit = 12 // libjpeg interpolates some ratios with other steps
			}
			worst, mean := difference(t, p, want)
			t.Logf("worst %d, mean %.3f", worst, mean)
			if worst > limit {
				t.Errorf("pixels differ by %d at worst, %.3f on average; want at most %d", worst, mean, limit)
			}
			h, err := ReadHeader(bytes.NewReader(data))
			if err != nil || h.Width != p.Width || h.Height != p.Height || h.Progressive != strings.Contains(name, "progressive") {
				t.Errorf("header %+v, %v", h, err)
			}
		})
	}
}

// TestScaled checks that the luma of a picture at 4/8, 2/8 and 1/8 matches the averages of the full-size picture.
func TestScaled(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.png"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".png")
		if name == "extended" { // quality 3: the picture has no smooth parts left to compare
			continue
		}
		data := read(t, name+".jpg")
		full, err := Decode(data, 0)
		if err != nil {
			t.Fatal(err)
		}
		fw, _ := full.Size()
		all := pixels(full)
		for _, c := range []struct{ minShort, scale int }{{45, 8}, {23, 8}, {22, 4}, {12, 4}, {11, 2}, {6, 2}, {5, 1}, {1, 1}} {
			p, err := Decode(data, c.minShort)
			if err != nil {
				t.Fatal(err)
			}
			w, h := p.Size()
			if p.Scale != c.scale || w != (full.Width*c.scale+7)/8 || h != (full.Height*c.scale+7)/8 {
				t.Fatalf("%s, at least %d: scale %d, %d x %d", name, c.minShort, p.Scale, w, h)
			}
			got := pixels(p)
			n := 8 / c.scale
			sum, count := 0, 0
			for y := range h - 1 { // whole pixels only
				for x := range w - 1 {
					mean := 0
					for i := range n * n {
						mean += luma(all[3*((y*n+i/n)*fw+x*n+i%n):])
					}
					d := luma(got[3*(y*w+x):]) - mean/(n*n)
					sum += max(d, -d)
					count++
				}
			}
			if mean := float64(sum) / float64(count); mean > 9 { // sharp edges stay sharper than with averaging
				t.Errorf("%s at %d/8 differs from the averages by %.2f", name, c.scale, mean)
			}
		}
	}
}

func luma(rgb []byte) int { return (299*int(rgb[0]) + 587*int(rgb[1]) + 114*int(rgb[2])) / 1000 }

// TestSpaces checks that the colour space follows from Adobe's marker, JFIF and the components' names.
func TestSpaces(t *testing.T) {
	for name, want := range map[string]Space{"420.jpg": YCbCr, "rgb.jpg": RGB, "gray.jpg": Gray, "cmyk.jpg": CMYK} {
		p, err := Decode(read(t, name), 0)
		if err != nil || p.Space != want {
			t.Errorf("%s: space %d, %v; want %d", name, p.Space, err, want)
		}
	}
	// PIL writes CMYK with Adobe's transform 0; 2 makes the same data YCCK.
	data := read(t, "cmyk.jpg")
	at := bytes.Index(data, []byte("Adobe")) + 11
	data[at] = 2
	p, err := Decode(data, 0)
	if err != nil || p.Space != YCCK {
		t.Fatalf("%+v, %v", p, err)
	}
	std, err := stdjpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if worst, mean := difference(t, p, std); mean > 2 {
		t.Errorf("YCCK differs from the standard library by %d at worst, %.2f on average", worst, mean)
	}
}

// TestStandardLibrary checks that at full size the pixels are the standard library's, except for the rounding of a different transform.
func TestStandardLibrary(t *testing.T) {
	for _, name := range []string{"444.jpg", "gray.jpg", "grayprogressive.jpg", "progressive444.jpg", "high.jpg"} {
		data := read(t, name)
		std, err := stdjpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		p, err := Decode(data, 0)
		if err != nil {
			t.Fatal(err)
		}
		if worst, mean := difference(t, p, std); worst > 3 || mean > 1 {
			t.Errorf("%s differs by %d at worst, %.3f on average", name, worst, mean)
		}
	}
}

// BenchmarkDecode compares scales with the standard library, on a photo-like picture of 12 MP.
func BenchmarkDecode(b *testing.B) {
	data := photo(b)
	for name, minShort := range map[string]int{"full": 0, "min448": 448, "min224": 224} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data, minShort); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("image/jpeg", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// photo returns a JPEG of 4032 x 3024 with the detail and noise of a camera's.
func photo(b *testing.B) []byte {
	b.Helper()
	small, err := Decode(read(b, "high.jpg"), 0)
	if err != nil {
		b.Fatal(err)
	}
	w, _ := small.Size()
	src := pixels(small)
	img := image.NewRGBA(image.Rect(0, 0, 4032, 3024))
	state := uint32(1)
	for y := range 3024 {
		for x := range 4032 {
			state = state*1664525 + 1013904223
			noise := int(state>>28) - 8
			at := 3 * (y/68*w + x/67)
			for c := range 3 {
				img.Pix[img.PixOffset(x, y)+c] = uint8(min(max(int(src[at+c])+noise, 0), 255))
			}
			img.Pix[img.PixOffset(x, y)+3] = 255
		}
	}
	var out bytes.Buffer
	if err := stdjpeg.Encode(&out, img, &stdjpeg.Options{Quality: 92}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
