package scan

import (
	"strings"
	"testing"
)

// TestExports checks the names by which Google Takeout's JSON belongs to pictures.
func TestExports(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, c := range []struct {
		picture, json string
		want          bool
	}{
		{"IMG_1.jpg", "IMG_1.jpg.json", true},
		{"img_1.JPG", "IMG_1.jpg.json", true},
		{"IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json", true},
		{"IMG_1.jpg", "IMG_1.jpg.supplemental-meta.json", true},
		{"IMG_1.jpg", "IMG_1.jpg.s.json", true},
		{"IMG_1(2).jpg", "IMG_1.jpg(2).json", true},
		{"IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json", true},
		{"photo (1).jpg", "photo (1).jpg.json", true},
		{"IMG_1(2).jpg", "IMG_1(2).jpg.supplemental-metadata.json", true},
		{"IMG_1(2).jpg", "IMG_1(2).jpg.suppl.json", true},
		{"IMG_1(2)(3).jpg", "IMG_1(2).jpg(3).json", true},
		{"IMG_1(2)-edited.jpg", "IMG_1(2).jpg.json", true},
		{long[:41] + ".jpg", long[:41] + ".jpg..json", true},
		{long + "(1).jpg", long[:46] + ".json", true},
		{"IMG_1-edited.jpg", "IMG_1.jpg.json", true},
		{"IMG_1-edited(1).jpg", "IMG_1.jpg.supplemental-metadata(1).json", true},
		{"IMG_1-bearbeitet.jpg", "IMG_1.jpg.json", true},
		{long + ".jpg", long[:46] + ".json", true},
		{long[:40] + ".jpg", (long[:40] + ".jpg.supplemental-metadata")[:46] + ".json", true},
		{"ünïcödé" + long + ".jpg", "ünïcödé" + long[:39] + ".json", true},
		{"IMG_1.jpg", "IMG_12.jpg.json", false},
		{"IMG_1.jpg", "IMG_1.json", false},
		{"IMG_1.jpg", "IMG_1.jpg(2).json", false},
		{"IMG_1(2).jpg", "IMG_1.jpg.json", false},
		{"IMG_1.jpg", "IMG_1.jpg.supplemental-metadataX.json", false},
		{"edited.jpg", ".jpg.json", false},
	} {
		if _, ok := NewExports([]File{{Name: c.json}}).Of(c.picture); ok != c.want {
			t.Errorf("%s and %s: %v", c.picture, c.json, ok)
		}
	}
	both := NewExports([]File{{Name: "IMG_1.jpg.json"}, {Name: "IMG_1-edited.jpg.json"}, {Name: "Metadata.json"}})
	if f, ok := both.Of("IMG_1-edited.jpg"); !ok || f.Name != "IMG_1-edited.jpg.json" {
		t.Errorf("an edited picture with its own file: %+v", f)
	}
	if f, ok := both.Album(); !ok || f.Name != "Metadata.json" {
		t.Errorf("album: %+v, %v", f, ok)
	}
	if _, ok := Exports(nil).Of("IMG_1.jpg"); ok {
		t.Error("a file is found where there is none")
	}
}
