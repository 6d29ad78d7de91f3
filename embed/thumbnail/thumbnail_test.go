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

// TestTurned compares a picture with itself turned by its orientation.
func TestTurned(t *testing.T) {
	jpg, err := testkit.Encode("a.jpg", testkit.Picture(3, 40, 20))
	if err != nil {
		t.Fatal(err)
	}
	stored, err := read(jpg, thumbnail.Preview)
	if err != nil {
		t.Fatal(err)
	}
	turned, err := read(testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(3, "")), thumbnail.Preview)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 20 {
		for x := range 40 {
			if a, b := stored.RGBAAt(x, y), turned.RGBAAt(39-x, 19-y); a != b {
				t.Fatalf("at %d, %d: %v and %v", x, y, a, b)
			}
		}
	}
}
