package store

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestCircle checks distances, and that the box contains the whole circle.
func TestCircle(t *testing.T) {
	// Paris to London: 343.5 km (great circle between 48.8566 N 2.3522 E and 51.5074 N 0.1278 W).
	if d := Metres(Position{48.8566, 2.3522}, Position{51.5074, -0.1278}); math.Abs(d-343_500) > 1000 {
		t.Errorf("Paris to London: %.0f m", d)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		c := Circle{Position{r.Float64()*180 - 90, r.Float64()*360 - 180}, []float64{500, 10_000, 482_803, 9_000_000}[r.IntN(4)]}
		lat, lon := c.Centre.Latitude, c.Centre.Longitude
		// A place at a random distance and direction.
		at := c.Radius * r.Float64() * 1.2 / earthRadius
		dir := r.Float64() * 2 * math.Pi
		const rad = math.Pi / 180
		lat2 := math.Asin(math.Sin(lat*rad)*math.Cos(at) + math.Cos(lat*rad)*math.Sin(at)*math.Cos(dir))
		lon2 := lon*rad + math.Atan2(math.Sin(dir)*math.Sin(at)*math.Cos(lat*rad), math.Cos(at)-math.Sin(lat*rad)*math.Sin(lat2))
		lat2, lon2 = lat2/rad, wrap(lon2/rad)
		south, north, west, east := c.Box()
		inBox := lat2 >= south && lat2 <= north && (west <= east && lon2 >= west && lon2 <= east || west > east && (lon2 >= west || lon2 <= east))
		if there := (Position{lat2, lon2}); Metres(c.Centre, there) <= c.Radius*0.9999 && (!c.Holds(there) || !inBox) {
			t.Fatalf("%+v: %+v is near, in the box: %v (%v to %v, %v to %v)", c, there, inBox, south, north, west, east)
		}
	}
}

// TestPeriodsHoldShortDates: a date that is precise only to the year, month or day is in the periods that contain all of it.
func TestPeriodsHoldShortDates(t *testing.T) {
	year := Period{"2023-01-01T00:00:00", "2024-01-01T00:00:00"}
	july := Period{"2023-07-01T00:00:00", "2023-08-01T00:00:00"}
	for _, c := range []struct {
		period Period
		date   string
		want   bool
	}{
		{year, "2023", true}, {year, "2023-01", true}, {year, "2023-01-01", true}, {year, "2023-12-31T23:59:59+02:00", true}, {year, "2024", false},
		{year, "2024-01-01T00:00:00", false}, {year, "2022-12-31", false}, {year, "", false}, {july, "2023-07", true}, {july, "2023", false},
		{july, "2023-07-01T00:00:00Z", true}, {july, "2023-08-01T00:00:00+02:00", false}, {Period{}, "", true}, {Period{From: "2023-07-14T18:30:00"}, "2023-07-14T18:30:00", true},
	} {
		if got := c.period.Holds(c.date); got != c.want {
			t.Errorf("%v holds %q: %v", c.period, c.date, got)
		}
	}
}

// TestDerive: a picture's metadata does not depend on the order in which its files were read.
func TestDerive(t *testing.T) {
	file := func(name string, mtime int64, m Metadata) FileRecord {
		return FileRecord{File: File{Place: Place{Name: name}, Stat: Stat{MTimeNS: mtime}}, Metadata: m}
	}
	original := file("a.jpg", 10, Metadata{TakenAt: "2019-05-06T07:08:09", TakenSource: DateOriginal, Camera: "Acme", Position: &Position{1, 2}})
	stripped := file("b.jpg", 20, Metadata{})
	rated := file("c.jpg", 5, Metadata{TakenAt: "2020-01-01T00:00:00", OwnerMetadata: OwnerMetadata{Rating: 4, Rated: true}})
	older := file("d.jpg", 1, Metadata{TakenAt: "2021-01-01T00:00:00", Camera: "Other", OwnerMetadata: OwnerMetadata{Keywords: []string{"sea"}}})
	files := []FileRecord{original, stripped, rated, older}
	for round := range 24 {
		r := rand.New(rand.NewPCG(1, uint64(round)))
		r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		m := Derive(files)
		// original and older have three fields each; older has the earlier time, and only original has a position.
		if m.TakenAt != older.TakenAt || m.Camera != "Other" || m.Position == nil || m.Rating != 4 || len(m.Keywords) != 1 {
			t.Fatalf("%+v", m)
		}
	}
	if m := Derive([]FileRecord{stripped, original}); m.TakenAt != original.TakenAt || m.TakenSource != DateOriginal || m.Camera != "Acme" {
		t.Errorf("a copy that says nothing takes something away: %+v", m)
	}
}

// TestEveryRuleCounts: a filter with any single rule does not select everything, has a rule about files or pictures, and has a text form.
func TestEveryRuleCounts(t *testing.T) {
	one := 1.0
	values := map[reflect.Type]any{
		reflect.TypeFor[[]PictureID](): []PictureID{{1}}, reflect.TypeFor[[]Folder](): []Folder{{Root: "r", Dir: "d"}}, reflect.TypeFor[[]string](): []string{"x"},
		reflect.TypeFor[Range](): Range{Min: &one}, reflect.TypeFor[Period](): Period{From: "2023"}, reflect.TypeFor[[]Words](): []Words{{"x"}},
		reflect.TypeFor[[]PlaceName](): []PlaceName{{Name: "x", IDs: []int{1}}},
		reflect.TypeFor[*Circle]():     &Circle{Radius: 1}, reflect.TypeFor[Shape](): Square, reflect.TypeFor[[]Filter](): []Filter{{Shape: Square}},
	}
	for i := range reflect.TypeFor[Filter]().NumField() {
		field := reflect.TypeFor[Filter]().Field(i)
		value, ok := values[field.Type]
		if !ok {
			t.Errorf("%s: this test has no value of its type", field.Name)
			continue
		}
		var f Filter
		reflect.ValueOf(&f).Elem().Field(i).Set(reflect.ValueOf(value))
		if f.IsAll() || f.String() == "" || field.Name != "Not" && f.OfFiles() == f.OfPictures() {
			t.Errorf("%s: all %v, of files %v, of pictures %v, %q", field.Name, f.IsAll(), f.OfFiles(), f.OfPictures(), f.String())
		}
	}
}
