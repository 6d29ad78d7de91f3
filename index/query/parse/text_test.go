package parse

import (
	"reflect"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

func bound(x float64) *float64 { return &x }

func filters() map[string]store.Filter {
	return map[string]store.Filter{
		"": {},
		`under=a1:2023/07 under=b2: name="a \"b\" *.jpg" name=*\u00e4 format=jpeg keyword="new york"`: {
			Under: []store.Folder{{Root: "a1", Dir: "2023/07"}, {Root: "b2"}}, Names: []string{`a "b" *.jpg`, `*\u00e4`}, Formats: []string{"jpeg"}, Keywords: []string{"new york"},
		},
		`after=2023-01-01T00:00:00 before=2023-07-14T18:30:05 camera="canon r5" camera=nikon lens=50mm near=48.858,-2.294 radius=1500m rating=-1..3 width=..640`: {
			Taken: store.Period{From: "2023-01-01T00:00:00", To: "2023-07-14T18:30:05"}, Cameras: []store.Words{{"canon", "r5"}, {"nikon"}}, Lenses: []store.Words{{"50mm"}},
			Near: &store.Circle{Centre: store.Position{Latitude: 48.858, Longitude: -2.294}, Radius: 1500}, Rating: store.Range{Min: bound(-1), Max: bound(3)}, Width: store.Range{Max: bound(640)},
		},
		`height=1.. pixels=400..1200000 orientation=square not="rating=4..5 not=\"keyword=sea\"" not=format=png`: {
			Height: store.Range{Min: bound(1)}, Pixels: store.Range{Min: bound(400), Max: bound(1_200_000)}, Shape: store.Square,
			Not: []store.Filter{{Rating: store.Range{Min: bound(4), Max: bound(5)}, Not: []store.Filter{{Keywords: []string{"sea"}}}}, {Formats: []string{"png"}}},
		},
		"id=none under=none format=none": {Pictures: []store.PictureID{}, Under: []store.Folder{}, Formats: []string{}},
	}
}

// TestText: parsing a filter's text form returns the same filter.
func TestText(t *testing.T) {
	for text, f := range filters() {
		got := f.String()
		if read, err := Text(got); err != nil || !reflect.DeepEqual(read, f) {
			t.Errorf("%s: %+v, want %+v (%v)", got, read, f, err)
		}
		if read, err := Text(text); text != "" && (err != nil || read.String() != got) && text[0] != 'u' {
			t.Errorf("%s: %s, want %s (%v)", text, read, got, err)
		}
	}
	id := store.Filter{Pictures: []store.PictureID{{1, 2, 3}}}
	if read, err := Text(id.String()); err != nil || !reflect.DeepEqual(read, id) {
		t.Errorf("%+v, %v", read, err)
	}
	for _, text := range []string{"x=1", "name", `name="a`, "id=12", "near=1", "rating=9", "pixels=x", "not=x", "orientation=round"} {
		if f, err := Text(text); err == nil {
			t.Errorf("%q is read as %+v", text, f)
		}
	}
	deep := store.Filter{}
	for range 2 * maxNesting {
		deep = store.Filter{Not: []store.Filter{deep}}
	}
	if _, err := Text(deep.String()); err == nil {
		t.Error("filters in filters without end are read")
	}
}

// FuzzText: every filter that Text parses has a text form that parses to the same filter.
func FuzzText(f *testing.F) {
	for text, filter := range filters() {
		f.Add(text)
		f.Add(filter.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := Text(text)
		if err != nil {
			return
		}
		second, err := Text(first.String())
		if err != nil || second.String() != first.String() {
			t.Fatalf("%q: %q, %q (%v)", text, first, second, err)
		}
	})
}
