package thumbnail_test

import (
	"bytes"
	"image"
	"testing"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

func read(file []byte, box thumbnail.Box) (*image.RGBA, error) {
	return thumbnail.Read(bytes.NewReader(file), int64(len(file)), box)
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		w, h        int
		orientation uint16
		box         thumbnail.Box
		wantW       int
		wantH       int
	}{
		{640, 480, 1, thumbnail.Box{Short: 120, Long: 1000}, 160, 120},
		{640, 480, 6, thumbnail.Box{Short: 120, Long: 1000}, 120, 160},
		{640, 80, 1, thumbnail.Box{Short: 120, Long: 160}, 160, 20},
		{64, 48, 1, thumbnail.Preview, 64, 48},
		{640, 480, 6, thumbnail.Box{Width: 600, Height: 160}, 120, 160},
		{640, 480, 1, thumbnail.Box{Width: 60, Height: 160}, 60, 45},
		{3000, 2, 1, thumbnail.Box{Short: 10, Long: 30}, 30, 1},
	} {
		data, err := testkit.Encode("a.jpg", testkit.Picture(1, c.w, c.h))
		if err != nil {
			t.Fatal(err)
		}
		img, err := read(testkit.InsertSegment(data, 0xe1, testkit.EXIF(c.orientation, "")), c.box)
		if err != nil {
			t.Fatal(err)
		}
		if size := img.Bounds().Size(); size.X != c.wantW || size.Y != c.wantH {
			t.Errorf("%+v: %v", c, size)
		}
		small, err := thumbnail.JPEG(img)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := read(small, c.box); err != nil || again.Bounds() != img.Bounds() {
			t.Errorf("%+v: read again %v, %v", c, again.Bounds(), err)
		}
	}
	if _, err := read([]byte("no picture"), thumbnail.Preview); err == nil {
		t.Error("a text is a picture")
	}
}

// TestTurned compares a picture with itself turned by each orientation, corner by corner: EXIF says where the stored first row and
// first column are.
func TestTurned(t *testing.T) {
	const w, h = 40, 20
	jpg, err := testkit.Encode("a.jpg", testkit.Picture(3, w, h))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := read(jpg, thumbnail.Preview)
	if err != nil {
		t.Fatal(err)
	}
	// Where a stored pixel x, y is when the picture is upright.
	for orientation, at := range map[uint16]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return h - 1 - y, x },
		7: func(x, y int) (int, int) { return h - 1 - y, w - 1 - x },
		8: func(x, y int) (int, int) { return y, w - 1 - x },
	} {
		turned, err := read(testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(orientation, "")), thumbnail.Preview)
		if err != nil {
			t.Fatal(err)
		}
		for y := range h {
			for x := range w {
				toX, toY := at(x, y)
				if a, b := stored.RGBAAt(x, y), turned.RGBAAt(toX, toY); a != b {
					t.Fatalf("orientation %d, at %d, %d: %v and %v", orientation, x, y, a, b)
				}
			}
		}
	}
}

// BenchmarkRead makes a thumbnail of a photo of 12 MP: for a page, and for the index.
func BenchmarkRead(b *testing.B) {
	jpg, err := testkit.Encode("a.jpg", testkit.Picture(1, 4032, 3024))
	if err != nil {
		b.Fatal(err)
	}
	turned := testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(6, ""))
	for name, box := range map[string]thumbnail.Box{"page": {Short: 320, Long: 1280}, "preview": thumbnail.Preview} {
		for kind, data := range map[string][]byte{"stored": jpg, "turned": turned} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				for b.Loop() {
					if _, err := read(data, box); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
