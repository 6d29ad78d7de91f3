package gallery_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/internal/gallery"
)

func TestFileURL(t *testing.T) {
	for path, want := range map[string]string{
		"/p/a b?#%.jpg":     "file:///p/a%20b%3F%23%25.jpg",
		"C:/p/ä.jpg":        "file:///C:/p/%C3%A4.jpg",
		"//nas/photos/a.jp": "file://nas/photos/a.jp",
	} {
		if got := gallery.FileURL(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
