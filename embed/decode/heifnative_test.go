package decode

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/native"
)

// sample reads a file from a module's folder in the module cache.
func sample(t testing.TB, module, file string) []byte {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Skipf("no module cache to read samples from: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// upright returns a picture's pixels, turned upright.
func upright(m *Image) (pix []byte, width, height int) {
	w, h := m.Columns, m.Rows
	width, height = w, h
	if m.Orientation >= 5 {
		width, height = h, w
	}
	pix, row := make([]byte, 3*w*h), make([]byte, 3*w)
	for y := range h {
		m.Row(y, row)
		for x := range w {
			at := map[int][2]int{1: {x, y}, 2: {w - 1 - x, y}, 3: {w - 1 - x, h - 1 - y}, 4: {x, h - 1 - y}, 5: {y, x}, 6: {h - 1 - y, x}, 7: {h - 1 - y, w - 1 - x}, 8: {y, w - 1 - x}}[m.Orientation]
			copy(pix[3*(at[1]*width+at[0]):], row[3*x:3*x+3])
		}
	}
	return pix, width, height
}

// reduce returns the means of scale x scale pixels.
func reduce(pix []byte, width, height, scale int) []byte {
	var out []byte
	for y := 0; y < height; y += scale {
		for x := 0; x < width; x += scale {
			for c := range 3 {
				sum, n := 0, 0
				for dy := range min(scale, height-y) {
					for dx := range min(scale, width-x) {
						sum, n = sum+int(pix[3*((y+dy)*width+x+dx)+c]), n+1
					}
				}
				out = append(out, byte((sum+n/2)/n))
			}
		}
	}
	return out
}

func psnr(a, b []byte) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return 0
	}
	sum := 0.
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255/(sum/float64(len(a))+1e-9))
}

// TestSystemLibraries compares each of the system's libraries with the bundled decoder, at full size and reduced.
func TestSystemLibraries(t *testing.T) {
	all := Libraries()
	for _, c := range []struct {
		module, file string
		least        float64 // in dB
	}{
		{"github.com/gen2brain/heic", "gray.heic", 40}, {"github.com/gen2brain/heic", "test8.heic", 36}, {"github.com/gen2brain/heic", "test12.heic", 36},
		{"github.com/gen2brain/heic", "test.heic", 36}, {"github.com/gen2brain/avif", "test8.avif", 40}, {"github.com/gen2brain/avif", "test10.avif", 40},
		{"github.com/bep/imagemeta", "images/bep/sunrise.avif", 40}, {"github.com/gen2brain/jpegxl", "test8.jxl", 45},
		{"github.com/gen2brain/jpegxl", "test16.jxl", 45}, {"github.com/gen2brain/jpegxl", "test.jxl", 45},
	} {
		data := sample(t, c.module, c.file)
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		codec, ok := h.codec.(systemCodec)
		if !ok {
			t.Fatalf("%s: %T", c.file, h.codec)
		}
		bundled, err := codec.fixedCodec.decode(data, 1, 0)
		if err != nil {
			t.Fatalf("%s: %v", c.file, err)
		}
		want, width, height := upright(bundled)
		for _, name := range codec.libraries {
			if _, err := all[name].Version(); err != nil {
				t.Logf("%s: %v", name, err)
				continue
			}
			for _, minShort := range []int{0, 224, 64} {
				p, err := all[name].Decode(native.Job{Library: name, MinShort: minShort, MaxPixels: h.Pixels(), Data: data})
				if err != nil {
					t.Errorf("%s with %s: %v", c.file, name, err)
					continue
				}
				m := imageOf(p)
				got, _, _ := upright(m)
				if m.Width*m.Height != width*height || psnr(got, reduce(want, width, height, p.Scale)) < c.least {
					t.Errorf("%s with %s, at least %d: %d x %d at 1/%d, %.1f dB", c.file, name, minShort, m.Width, m.Height, p.Scale, psnr(got, reduce(want, width, height, p.Scale)))
				}
			}
		}
	}
}

// TestSystemLibrariesTurn compares pictures with all turns and mirrors, and a clean aperture, which libavcodec leaves to the others.
func TestSystemLibrariesTurn(t *testing.T) {
	data := sample(t, "github.com/gen2brain/heic", "test8.heic")
	m, _, err := readHEIFMeta(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	tiles, err := readHEIFTiles(data)
	if err != nil || len(tiles.tiles) != 1 {
		t.Fatalf("%+v, %v", tiles, err)
	}
	var config testProp
	for _, p := range m.propertiesOf(m.primaryID) {
		if p.kind == "hvcC" {
			config = testProp{kind: p.kind, data: p.data, essential: true}
		}
	}
	all := Libraries()
	for turn := range 12 {
		props := []testProp{config, sizeProp(tiles.width, tiles.height), {kind: "irot", data: []byte{byte(turn % 4)}, essential: true}}
		if turn >= 4 {
			props = append(props, testProp{kind: "imir", data: []byte{byte(turn / 8)}, essential: true})
		}
		file := buildHEIF([]testItem{{1, "hvc1", tiles.tiles[0], props}}, nil)
		h, err := ReadHeader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		codec, ok := h.codec.(systemCodec)
		if !ok {
			t.Fatalf("%T", h.codec)
		}
		bundled, err := codec.fixedCodec.decode(file, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		want, width, height := upright(bundled)
		for _, name := range codec.libraries {
			if _, err := all[name].Version(); err != nil {
				t.Logf("%s: %v", name, err)
				continue
			}
			p, err := all[name].Decode(native.Job{Library: name, MinShort: 0, MaxPixels: h.Pixels(), Data: file})
			if err != nil {
				t.Errorf("%d, %s: %v", turn, name, err)
				continue
			}
			got, w, h := upright(imageOf(p))
			if db := psnr(got, want); w != width || h != height || db < 36 {
				t.Errorf("rotation %d, mirror %d with %s: %.1f dB", turn%4, turn/4-1, name, db)
			}
		}
	}
}

// TestChain checks that a file that one library refuses is decoded by the next one, and a library that crashes costs nothing.
func TestChain(t *testing.T) {
	data := sample(t, "github.com/gen2brain/heic", "test8.heic")
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	codec, ok := h.codec.(systemCodec)
	if !ok {
		t.Fatalf("%T", h.codec)
	}
	for _, libraries := range [][]string{nil, {"none"}, {"crashes"}, {"crashes", "none", libHEIF}, {libavcodec}, {libavcodecAV1}} {
		codec.libraries = libraries
		m, err := codec.decode(data, 1, 0)
		if err != nil || m.Width != 512 || m.Height != 512 {
			t.Errorf("%v: %+v, %v", libraries, m, err)
		}
	}
}

// BenchmarkChild measures what a child process costs: the same picture in this process, and in a child.
func BenchmarkChild(b *testing.B) {
	data := sample(b, "github.com/bep/imagemeta", "images/iphone.heic")
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	job := native.Job{Library: libavcodec, MinShort: 448, MaxPixels: h.Pixels(), Data: data}
	if _, err := children.Version(libavcodec); err != nil {
		b.Skip(err)
	}
	for name, decode := range map[string]func(native.Job) (native.Picture, error){"here": Libraries()[libavcodec].Decode, "child": children.Decode} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := decode(job); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			children.Close()
			children.Use(os.Args[0], native.Command)
			if _, err := children.Version(libavcodec); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestLyingSize decodes an AVIF of 12,000 x 12,000 pixels whose container says 64 x 64: no decoder may take the memory that it would need. FFmpeg's
// libaom made the picture, a red area.
func TestLyingSize(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "lying_size.avif"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil || h.Width != 64 || h.Height != 64 {
		t.Fatalf("%d x %d, %v", h.Width, h.Height, err)
	}
	if m, err := h.Decode(data, 1, 0); err == nil {
		t.Errorf("%d x %d pixels were decoded", m.Width, m.Height)
	}
	other := sample(t, "github.com/gen2brain/avif", "test8.avif")
	if h, err = ReadHeader(bytes.NewReader(other)); err != nil {
		t.Fatal(err)
	}
	if m, err := h.Decode(other, 1, 0); err != nil || m.Width != 512 {
		t.Errorf("the next picture: %+v, %v", m, err)
	}
}
