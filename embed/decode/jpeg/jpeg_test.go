package jpeg

import (
	"bytes"
	"errors"
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

// difference is that of a picture's pixels to an image of its size.
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
				limit = 12 // libjpeg interpolates some ratios in other steps
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

// TestScaled: the luma of a picture at 4/8, 2/8, 1/8 is that of the full one, averaged.
func TestScaled(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.png"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".png")
		if name == "extended" { // quality 3: what is left has no smooth parts to compare
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
			if mean := float64(sum) / float64(count); mean > 9 { // sharp edges are kept sharper than by averaging
				t.Errorf("%s at %d/8 differs from the averages by %.2f", name, c.scale, mean)
			}
		}
	}
}

func luma(rgb []byte) int { return (299*int(rgb[0]) + 587*int(rgb[1]) + 114*int(rgb[2])) / 1000 }

func TestRefuses(t *testing.T) {
	whole := read(t, "420.jpg")
	frame := bytes.Index(whole, []byte{0xff, sof0})
	with := func(at int, b ...byte) []byte {
		data := bytes.Clone(whole)
		copy(data[at:], b)
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		is   error
		says string
	}{
		"arithmetic":        {read(t, "arithmetic.jpg"), ErrUnsupported, "arithmetic"},
		"12 bits":           {with(frame+4, 12), ErrUnsupported, "12 bits"},
		"lossless":          {with(frame+1, 0xc3), ErrUnsupported, "lossless"},
		"hierarchical":      {with(frame+1, 0xc5), ErrUnsupported, "hierarchical"},
		"height comes late": {with(frame+5, 0, 0), ErrUnsupported, "DNL"},
		"no width":          {with(frame+7, 0, 0), ErrFormat, "frame"},
		"two components":    {with(frame+9, 2), ErrUnsupported, "2 components"},
		"sampling of 5":     {with(frame+11, 0x55), ErrFormat, "sampling"},
		"huge":              {with(frame+5, 0xff, 0xff, 0xff, 0xff), ErrFormat, "65535 x 65535"},
		"header only":       {whole[:frame+12], ErrFormat, ""},
		"no scan":           {append(bytes.Clone(whole[:bytes.Index(whole, []byte{0xff, sos})]), 0xff, eoi), ErrFormat, "0 %"},
		"text":              {[]byte("once upon a time"), ErrFormat, "no JPEG"},
		"nothing":           {nil, ErrFormat, ""},
	} {
		p, err := Decode(c.data, 0)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %v that says %q", name, p, err, c.is, c.says)
		}
	}
}

// TestDamaged: what is there of a damaged file is used, if it is half the picture, and equals the whole file's pixels.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"420.jpg", "444.jpg", "gray.jpg", "cmyk.jpg", "restart.jpg"} {
		whole := read(t, name)
		full, err := Decode(whole, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := pixels(full)
		scan := bytes.LastIndex(whole, []byte{0xff, sos}) + 12
		used := 0
		for cut := scan; cut < len(whole)-2; cut++ {
			p, err := Decode(whole[:cut], 0)
			if err != nil {
				if !errors.Is(err, ErrFormat) {
					t.Fatalf("%s cut at %d: %v", name, cut, err)
				}
				continue
			}
			used++
			if !p.Damaged || 3*p.Rows < p.Height || p.Rows > p.Height {
				// The last block's bits may all be there without the last bytes.
				if !p.Damaged && cut > len(whole)-8 {
					continue
				}
				t.Fatalf("%s cut at %d: damaged %v, %d rows of %d", name, cut, p.Damaged, p.Rows, p.Height)
			}
			got := pixels(p)
			rows := max(p.Rows-9, 1) // the last rows are interpolated with what is missing
			w, _ := p.Size()
			if !bytes.Equal(got[:3*w*rows], want[:3*w*rows]) {
				t.Fatalf("%s cut at %d: other pixels in the rows that are there", name, cut)
			}
		}
		if used < (len(whole)-scan)/4 {
			t.Errorf("%s: only %d of %d cuts could be used", name, used, len(whole)-scan)
		}
	}
}

// TestRestarts: where there are restart markers, damage costs its interval only.
func TestRestarts(t *testing.T) {
	whole := read(t, "restart.jpg")
	full, err := Decode(whole, 0)
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.Index(whole, []byte{0xff, rst0 + 1})
	third := bytes.Index(whole, []byte{0xff, rst0 + 2})
	if second < 0 || third < 0 {
		t.Fatal("no restart markers")
	}
	missing := append(bytes.Clone(whole[:second]), whole[third:]...)
	p, err := Decode(missing, 0)
	if err != nil || !p.Damaged || p.Rows != p.Height {
		t.Fatalf("%+v, %v", p, err)
	}
	// Of 4 x 3 MCUs the third interval of three holds the last two of the second row and the first of the third.
	a, b := pixels(full), pixels(p)
	w, h := p.Size()
	if last := 3 * (w*(h-1) + 20); !bytes.Equal(a[:3*w*14], b[:3*w*14]) || !bytes.Equal(a[last:], b[last:]) {
		t.Error("the first and last rows are other ones")
	}
}

// TestOddities: what cameras and programs write besides is read.
func TestOddities(t *testing.T) {
	whole := read(t, "420.jpg")
	full, err := Decode(whole, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := pixels(full)
	second := bytes.Index(whole, []byte{0xff, dht})
	insert := func(b ...byte) []byte { return append(append(bytes.Clone(whole[:second]), b...), whole[second:]...) }
	tables := bytes.Index(whole, []byte{0xff, dqt})
	wide := []byte{0xff, dqt, 0, 2 + 129, 0x10}
	for _, v := range whole[tables+5 : tables+5+64] {
		wide = append(wide, 0, v)
	}
	for name, data := range map[string][]byte{
		"fill bytes":              insert(0xff, 0xff, 0xff),
		"junk between segments":   insert(1, 2, 3, 0xff, 0, 7),
		"a stray restart":         insert(0xff, rst0),
		"16-bit quantisation":     append(append(bytes.Clone(whole[:tables]), wide...), whole[tables+2+2+65:]...),
		"no end marker":           whole[:len(whole)-2],
		"another picture behind":  append(bytes.Clone(whole), whole...),
		"a comment, a long APP13": insert(append([]byte{0xff, 0xfe, 0, 4, 'h', 'i', 0xff, 0xed, 0xff, 0xff}, make([]byte, 0xffff-2)...)...),
	} {
		p, err := Decode(data, 0)
		if err != nil || p.Damaged || !bytes.Equal(pixels(p), want) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestSpaces: what the components mean follows from Adobe's marker, JFIF and their names.
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

// TestStandardLibrary: at full size the pixels are the standard library's, but for the rounding of another transform.
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

// FuzzDecode: any bytes are decoded or refused, at every scale, without a panic, in the memory that Memory says; and
// where the standard library decodes them too, the size is the same.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.jpg"))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)*3/4])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err == nil && (h.Width*h.Height > 1<<22 || h.Memory(0) > 1<<27) {
			t.Skip("large")
		}
		for _, minShort := range []int{0, 16, 1} {
			p, err := Decode(data, minShort)
			if err != nil {
				if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrUnsupported) {
					t.Fatalf("error of another kind: %v", err)
				}
				continue
			}
			if p.Rows < 1 || p.Rows > p.Height {
				t.Fatalf("%d rows of %d", p.Rows, p.Height)
			}
			if h.Width != p.Width || h.Height != p.Height {
				t.Fatalf("%d x %d, the header says %d x %d", p.Width, p.Height, h.Width, h.Height)
			}
			var got int64
			for _, pl := range p.planes {
				got += int64(len(pl.pix))
			}
			if got > h.Memory(minShort) {
				t.Fatalf("%d bytes of planes, %d were announced", got, h.Memory(minShort))
			}
			pixels(p)
			if minShort != 0 || p.Damaged || p.Space != YCbCr && p.Space != Gray {
				continue
			}
			std, err := stdjpeg.Decode(bytes.NewReader(data))
			if err != nil {
				continue
			}
			if std.Bounds().Dx() != p.Width || std.Bounds().Dy() != p.Height {
				t.Fatalf("%d x %d, the standard library says %v", p.Width, p.Height, std.Bounds())
			}
		}
	})
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

// photo is a picture of 4032 x 3024 with the detail and the noise of a camera's.
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

// TestManyScans: a file of endless scans of nothing is not walked to its end.
func TestManyScans(t *testing.T) {
	whole := read(t, "grayprogressive.jpg")
	last := bytes.LastIndex(whole, []byte{0xff, sos})
	scan := whole[last : len(whole)-2]
	many := bytes.Clone(whole[:last])
	for range maxScans + 100 {
		many = append(many, scan...)
	}
	p, err := Decode(append(many, 0xff, eoi), 0)
	if err != nil || !p.Damaged {
		t.Errorf("%+v, %v; want a damaged picture", p, err)
	}
}
