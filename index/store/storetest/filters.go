package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"

	"github.com/imgsearch/imgsearch/index/store"
)

// generated generates random records, and filters on the values in them.
type generated struct {
	r     *rand.Rand
	roots []store.RootID
	// places are the ids of the places that pictures have.
	places []int
}

var (
	cameras  = []string{"", "Canon EOS R5", "NIKON Z 6", "Ärger Fön 3000"}
	lenses   = []string{"", "EF 50mm f/1.8 STM", "RF 50mm F1.2L"}
	keywords = []string{"sea", "Family", "GRÖSSE", "straße", "a b", "fam[il]y"}
	people   = []string{"Anna Schmidt", "ÖZGÜR", "Bo", "Anna"}
	spots    = []store.Position{{Latitude: 48.8566, Longitude: 2.3522}, {Latitude: -33.8688, Longitude: 151.2093}}
	dirs     = []string{"", "2023", "2023/07", "2023x", "ä/ö"}
	names    = []string{"IMG_1.JPG", "img_2.jpg", "Über.jpeg", "a%b_c.png", "x\u212a.jp", "IMG_3.cr2"}
	formats  = []string{"jpeg", "png", "cr2"}
	lines    = []string{"No dogs", "ALLOWED", "Übergabe", "inv oice", "2023", "x", "Straße"}
	taken    = []string{"", "2023", "2023-07", "2023-07-14", "2023-07-14T18:30:00", "2023-07-14T18:30:00+02:00", "2022-12-31T23:59:59", "2024-01-01T00:00:00Z"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (g generated) metadata() store.Metadata {
	m := store.Metadata{TakenAt: pick(g.r, taken), Camera: pick(g.r, cameras), Lens: pick(g.r, lenses)}
	if g.r.IntN(2) == 0 {
		m.Position = &store.Position{Latitude: g.r.Float64()*180 - 90, Longitude: g.r.Float64()*360 - 180}
	}
	if g.r.IntN(3) == 0 {
		spot := pick(g.r, spots)
		m.Position = &spot
	}
	for range g.r.IntN(3) {
		if p := pick(g.r, people); !slices.Contains(m.People, p) {
			m.People = append(m.People, p)
		}
	}
	if len(m.People) > 0 && g.r.IntN(2) == 0 {
		m.Boxes = make([][4]float64, len(m.People))
		m.Boxes[0] = [4]float64{.25, .5, .125, .25}
	}
	m.Description = pick(g.r, []string{"", "", "On the beach\nwith \"friends\""})
	if g.r.IntN(2) == 0 {
		m.Rating, m.Rated = g.r.IntN(7)-1, true
	}
	for range g.r.IntN(3) {
		if k := pick(g.r, keywords); !slices.Contains(m.Keywords, k) {
			m.Keywords = append(m.Keywords, k)
		}
	}
	return m
}

func (g generated) bound(list ...float64) *float64 {
	if g.r.IntN(2) == 0 {
		return nil
	}
	v := pick(g.r, list)
	return &v
}

// filter returns a filter with one or more rules.
func (g generated) filter(depth int, all []store.PictureID) (f store.Filter) {
	for range 1 + g.r.IntN(3) {
		switch g.r.IntN(19) {
		case 0:
			f.Under = []store.Folder{}
			for range g.r.IntN(3) {
				f.Under = append(f.Under, store.Folder{Root: pick(g.r, g.roots), Dir: pick(g.r, dirs)})
			}
		case 1:
			f.Names = []string{pick(g.r, []string{"*.jpg", "img_*", "*.JPEG", "2023/**", "**/*.jpg", "*b_c.png", "ü*", "*k.jp", "*%*", "IMG_?.*", "{img_1,img_2}.jpg", "*"})}
			if g.r.IntN(2) == 0 {
				f.Names = append(f.Names, "über.jpeg")
			}
		case 2:
			f.Formats = []string{pick(g.r, formats), pick(g.r, formats)}
		case 3:
			f.Rating = store.Range{Min: g.bound(-1, 0, 1, 4), Max: g.bound(-1, 0, 3, 5)}
		case 4:
			f.Keywords = []string{pick(g.r, []string{"sea", "fam*", "größe", "STRASSE", "fam[il]y", "*"})}
		case 5:
			f.Taken = store.Period{From: pick(g.r, []string{"", "2023-01-01T00:00:00", "2023-07-14T00:00:00", "2023-07-14T18:30:00"}), To: pick(g.r, []string{"", "2023-08-01T00:00:00", "2024-01-01T00:00:00"})}
		case 6:
			f.Cameras = []store.Words{{"canon"}, {"fön", "3000"}}[:1+g.r.IntN(2)]
		case 7:
			f.Lenses = []store.Words{{"50mm", store.Fold(pick(g.r, []string{"STM", "ef", "nothing"}))}}
		case 8:
			f.Near = &store.Circle{Centre: store.Position{Latitude: g.r.Float64()*180 - 90, Longitude: g.r.Float64()*360 - 180}, Radius: pick(g.r, []float64{1e5, 3e6, 9e6})}
		case 9:
			f.Width = store.Range{Min: g.bound(10, 30), Max: g.bound(20, 40)}
		case 10:
			f.Height = store.Range{Min: g.bound(10, 30), Max: g.bound(20, 40)}
		case 11:
			f.Pixels = store.Range{Min: g.bound(400, 900), Max: g.bound(500, 1200)}
		case 12:
			f.Shape = pick(g.r, []store.Shape{store.Landscape, store.Portrait, store.Square})
		case 13:
			f.Pictures = []store.PictureID{}
			for range g.r.IntN(20) {
				f.Pictures = append(f.Pictures, pick(g.r, all))
			}
		case 14:
			f.Texts = []string{pick(g.r, []string{"dogs", "DOGSALLOWED", "uber", "invoice", "o", "23", "strasse", "not there"})}
			if g.r.IntN(3) == 0 {
				f.Texts = append(f.Texts, pick(g.r, []string{"s", "2023"}))
			}
		case 15:
			f.People = []string{pick(g.r, []string{"anna", "özgür", "OZGUR", "b*", "Anna Schmidt", "schmidt", "carl"})}
		case 16:
			f.Places = []store.PlaceName{{Name: "here", IDs: []int{pick(g.r, append(g.places, 1))}}}
			if g.r.IntN(3) == 0 {
				f.Places = append(f.Places, store.PlaceName{Name: "there", IDs: g.places})
			}
		case 17:
			f.Labels = []string{pick(g.r, []string{"beach", "DOG", "b*", "d?g", "nothing"})}
		case 18:
			if depth > 0 {
				f.Not = append(f.Not, g.filter(depth-1, all))
			}
		}
	}
	return f
}

// filters compares the pictures that the store selects with those that Match selects, on generated data.
func (s *suite) filters() {
	const pictures, tries = 120, 250
	g := generated{r: rand.New(rand.NewPCG(11, 12)), roots: []store.RootID{s.root("/p"), s.root("/q")}}
	var all []store.PictureID
	s.write(func(tx store.Tx) error {
		for i := range pictures {
			p := store.Picture{ID: id(fmt.Sprint(i)), Format: pick(g.r, formats), Width: 10 * (1 + g.r.IntN(4)), Height: 10 * (1 + g.r.IntN(4)), Orientation: 1}
			if err := tx.PutPicture(s.Context(), p); err != nil {
				return err
			}
			all = append(all, p.ID)
			if g.r.IntN(2) == 0 {
				t := text("m")
				for range g.r.IntN(4) {
					t.Lines = append(t.Lines, text("m", pick(g.r, lines)).Lines...)
				}
				if _, err := tx.PutText(s.Context(), p.ID, t); err != nil {
					return err
				}
			}
			for copies := range 1 + g.r.IntN(3) {
				f := file(pick(g.r, g.roots), pick(g.r, dirs), fmt.Sprintf("%d%d%s", i, copies, pick(g.r, names)), fmt.Sprint(i))
				if g.r.IntN(2) == 0 {
					f.Name = pick(g.r, names)
				}
				f.Format, f.IsTwin = p.Format, g.r.IntN(5) == 0
				if f.IsTwin {
					f.Format = "cr2"
				}
				f.Metadata, f.MTimeNS = g.metadata(), g.r.Int64N(5)
				if _, err := tx.PutFile(s.Context(), f); err != nil {
					return err
				}
			}
		}
		return nil
	})
	s.label(all)
	labels, err := s.store.Labels(s.Context(), all)
	s.must(err)
	records, err := s.store.Hits(s.Context(), all, store.Filter{})
	s.must(err)
	texts, err := s.store.Texts(s.Context(), all)
	s.must(err)
	for i, r := range records {
		equal(s, "derived", r.Metadata, store.Derive(r.Files))
		records[i].Text, records[i].Labels = texts[r.ID], labels[r.ID]
		if r.PlaceID != 0 && !slices.Contains(g.places, r.PlaceID) {
			g.places = append(g.places, r.PlaceID)
		}
	}
	if len(g.places) < len(spots) {
		s.Errorf("pictures in Paris and Sydney have the places %v", g.places)
	}
	selected := 0
	for range tries {
		f := g.filter(2, all)
		want := make(map[store.PictureID]bool)
		for _, r := range records {
			if f.Match(r) {
				want[r.ID] = true
			}
		}
		selected += len(want)
		for _, order := range []store.Order{store.ByDate, store.ByPath} {
			got, err := s.store.List(s.Context(), store.ListQuery{Filter: f, Order: order, Limit: 10_000})
			s.must(err)
			has := make(map[store.PictureID]bool)
			for _, p := range got {
				has[p] = true
			}
			if len(got) != len(has) || !reflect.DeepEqual(has, want) {
				s.Fatalf("%+v by %s: %d pictures (%d distinct), Match selects %d", f, order, len(got), len(has), len(want))
			}
		}
		n, err := s.store.Count(s.Context(), f)
		s.must(err)
		equal(s, "count", n, len(want))
		s.hitsOf(f, records)
		for _, by := range store.Facets {
			s.facetsOf(f, by, records)
		}
	}
	if selected < tries {
		s.Errorf("%d pictures were selected by %d filters: they ask about nothing", selected, tries)
	}
}

// hitsOf checks that hits have exactly the files that meet the filter's file rules.
func (s *suite) hitsOf(f store.Filter, records []store.Record) {
	s.Helper()
	ids := make([]store.PictureID, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	hits, err := s.store.Hits(s.Context(), ids, f)
	s.must(err)
	got := make(map[store.PictureID][]store.FileRecord)
	for _, h := range hits {
		got[h.ID] = h.Files
	}
	for _, r := range records {
		var want []store.FileRecord
		for _, file := range r.Files {
			if f.MatchFile(file) {
				want = append(want, file)
			}
		}
		if !reflect.DeepEqual(got[r.ID], want) {
			s.Fatalf("%+v: files %+v, want %+v", f, got[r.ID], want)
		}
	}
}

// facetsOf checks that facets count the values in the records of the pictures that Match selects.
func (s *suite) facetsOf(f store.Filter, by store.Facet, records []store.Record) {
	s.Helper()
	got, err := s.store.Facets(s.Context(), f, by)
	s.must(err)
	want := make(map[store.FacetCount]int)
	for _, r := range records {
		if !f.Match(r) {
			continue
		}
		for value := range facetValues(f, by, r) {
			want[value]++
		}
	}
	for i, c := range got {
		n := c.Pictures
		if c.Pictures = 0; want[c] != n {
			s.Fatalf("%+v by %s: %d pictures have %+v, want %d", f, by, n, c, want[c])
		}
		delete(want, c)
		if i > 0 && by == store.FacetCamera && c.Value != "" && got[i-1].Pictures < n {
			s.Fatalf("%+v by %s: not in order: %+v", f, by, got)
		}
	}
	if len(want) > 0 {
		s.Fatalf("%+v by %s: missing %+v", f, by, want)
	}
}

// facetValues returns the facet values of a picture.
func facetValues(f store.Filter, by store.Facet, r store.Record) map[store.FacetCount]bool {
	values := make(map[store.FacetCount]bool)
	add := func(v string) { values[store.FacetCount{Value: v}] = true }
	switch by {
	case store.FacetCamera:
		add(r.Camera)
	case store.FacetLens:
		add(r.Lens)
	case store.FacetYear:
		add(store.YearOf(r.TakenAt))
	case store.FacetMonth:
		add(store.MonthOf(r.TakenAt))
	case store.FacetLabel:
		for _, l := range r.Labels {
			add(l.Name)
		}
		if len(r.Labels) == 0 {
			add("")
		}
	case store.FacetPlace:
		if r.PlaceID == 0 {
			add("")
		} else {
			add(strconv.Itoa(r.PlaceID))
		}
	}
	for _, file := range r.Files {
		if !f.MatchFile(file) {
			continue
		}
		switch by {
		case store.FacetKeyword:
			for _, k := range file.Keywords {
				add(k)
			}
		case store.FacetPerson:
			for _, p := range file.People {
				add(p)
			}
		case store.FacetType:
			add(file.Format)
		case store.FacetRating:
			add(file.Stars())
		case store.FacetFolder:
			values[store.FacetCount{Folder: store.Folder{Root: file.Root, Dir: file.Dir}}] = true
		}
	}
	if (by == store.FacetKeyword || by == store.FacetPerson) && len(values) == 0 {
		add("")
	}
	return values
}
