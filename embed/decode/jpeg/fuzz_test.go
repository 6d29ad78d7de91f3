package jpeg

import (
	"bytes"
	"errors"
	stdjpeg "image/jpeg"
	"os"
	"path/filepath"
	"testing"
)

// FuzzDecode checks that any bytes are decoded or refused, at every scale, without a panic and within the memory that Memory
// returns, and that the size is the same if the standard library decodes them too.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.jpg"))
	arithmetic, _ := filepath.Glob(filepath.Join("testdata", "arithmetic", "*.jpg"))
	files = append(files, arithmetic...)
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
