package places

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

// TestVersion checks that the version is that of the data, and their size, which is part of the program's.
func TestVersion(t *testing.T) {
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:8]); got != Version || len(data) > 3<<20 {
		t.Errorf("version %s, %d bytes", got, len(data))
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		lat, lon float64
		want     string
	}{
		{48.8584, 2.2945, "Paris, Ile-de-France, FR"},
		{48.1147, -1.6794, "Rennes, Brittany, FR"},
		{-33.8568, 151.2153, "Sydney, New South Wales, AU"},
		{64.1466, -21.9426, "Reykjavík, Capital Region, IS"},
		{-16.45, 179.3, "Labasa, Northern, FJ"},
		{51.4779, -0.0015, "London, England, GB"},
		{40.7128, -74.0060, "New York City, New York, US"}, {35.6586, 139.7454, "Tokyo, JP"}, {52.5163, 13.3777, "Berlin, DE"},
		{0, -30, ""}, {90, 0, ""}, {-90, 180, ""}, {45, 200, ""}, {math.NaN(), 0, ""}, {30, -40, ""},
	} {
		p, ok := ByID(NearestID(c.lat, c.lon))
		if ok != (c.want != "") || ok && p.String() != c.want {
			t.Errorf("%v, %v: %q, want %q", c.lat, c.lon, p, c.want)
		}
	}
}

// TestNearestIsNearest compares with the distances to all places.
func TestNearestIsNearest(t *testing.T) {
	g := load()
	r := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 3000 {
		e := g.entries[r.IntN(len(g.entries))]
		at := store.Position{Latitude: math.Min(math.Max(float64(e.lat)+r.NormFloat64()*.3, -90), 90), Longitude: float64(e.lon) + r.NormFloat64()*.5}
		at.Longitude = math.Mod(at.Longitude+540, 360) - 180
		best, within := math.Inf(1), false
		edge := func(e entry) float64 {
			d := store.Metres(at, store.Position{Latitude: float64(e.lat), Longitude: float64(e.lon)})
			if d > MaxDistance {
				return math.Inf(1)
			}
			within = within || d < MaxDistance*.999
			return d - float64(e.radius)*rad*earthRadius
		}
		for _, e := range g.entries {
			if math.Abs(float64(e.lat)-at.Latitude) < .6 {
				best = min(best, edge(e))
			}
		}
		i := g.nearest(at.Latitude, at.Longitude)
		if i < 0 {
			if within {
				t.Errorf("%v: nothing, but a place is near", at)
			}
			continue
		}
		found++
		if d := edge(g.entries[i]); d > best+100 {
			t.Errorf("%v: %s is %.0f m away, another place %.0f m", at, g.place(i), d, best)
		}
	}
	if found < 2000 {
		t.Errorf("only %d positions are near a place", found)
	}
}

func TestFind(t *testing.T) {
	names := func(text string) (list []string) {
		ids, err := Find(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			p, _ := ByID(id)
			list = append(list, p.String())
		}
		return list
	}
	if got := names("paris"); !slices.Contains(got, "Paris, Ile-de-France, FR") || !slices.Contains(got, "Paris, Texas, US") {
		t.Errorf("paris: %v", got)
	}
	for text, want := range map[string]string{
		"Paris, FR": "Paris, Ile-de-France, FR", "PARIS, france": "Paris, Ile-de-France, FR", "München": "Munich, Bavaria, DE", "munchen": "Munich, Bavaria, DE",
		"Springfield, Illinois": "Springfield, Illinois, US", "Mailand": "Milan, Lombardy, IT",
	} {
		if got := names(text); !slices.Contains(got, want) || len(got) > 3 {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	for text, least := range map[string]int{"Brittany, FR": 10, "france": 500, "FR": 500, "Bavaria": 50, "usa": 1000, "Deutschland": 500, "UK": 500, "Netherlands": 100, "The Netherlands": 100,
		"Czech Republic": 50, "Ile de France, Frankreich": 50, "Türkiye": 200} {
		if got := names(text); len(got) < least {
			t.Errorf("%s: %d places", text, len(got))
		}
	}
	for _, text := range []string{"", ",", "paris,", "nosuchplace", "Paris, Bavaria", "|"} {
		if got := names(text); len(got) > 0 {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func BenchmarkNearest(b *testing.B) {
	g := load()
	r := rand.New(rand.NewPCG(1, 2))
	at := make([]store.Position, 4096)
	for i := range at {
		e := g.entries[r.IntN(len(g.entries))]
		at[i] = store.Position{Latitude: float64(e.lat) + r.NormFloat64()*.2, Longitude: float64(e.lon) + r.NormFloat64()*.2}
	}
	for i := 0; b.Loop(); i++ {
		NearestID(at[i%len(at)].Latitude, at[i%len(at)].Longitude)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load()
	}
}

// TestFindByString: every place is found by its own description, also those with commas in their names.
func TestFindByString(t *testing.T) {
	for i, e := range load().entries {
		p, ok := ByID(int(e.id))
		if !ok {
			t.Fatalf("no place %d", e.id)
		}
		if i%500 != 0 && strings.Count(p.String(), ",") <= 2 {
			continue
		}
		ids, err := Find(p.String())
		if err != nil || !slices.Contains(ids, int(e.id)) || len(ids) > 20 {
			t.Errorf("%s: %d places, %v", p, len(ids), err)
		}
	}
	for _, text := range []string{"", ",", "a,b,c,d,e,f,g,h", "Paris,,FR", "Washington, D.C."} {
		if ids, err := Find(text); err != nil || len(ids) > 0 != (text == "Washington, D.C.") {
			t.Errorf("%q: %v, %v", text, ids, err)
		}
	}
}
