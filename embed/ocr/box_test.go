package ocr

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSmallestBox finds turned rectangles again from points in them.
func TestSmallestBox(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		angle := r.Float64() * 2 * math.Pi
		want := Box{Point{100 * r.Float64(), 100 * r.Float64()}, Point{math.Cos(angle), math.Sin(angle)}, 10 + 90*r.Float64(), 1 + 8*r.Float64()}
		at := func(x, y float64) Point {
			across := want.across()
			return Point{want.Center.X + x*want.Length/2*want.Along.X + y*want.Height/2*across.X, want.Center.Y + x*want.Length/2*want.Along.Y + y*want.Height/2*across.Y}
		}
		points := []Point{at(-1, -1), at(1, -1), at(-1, 1), at(1, 1)}
		for range 30 {
			points = append(points, at(2*r.Float64()-1, 2*r.Float64()-1))
		}
		got := smallestBox(points).readable()
		want = want.readable()
		if math.Hypot(got.Center.X-want.Center.X, got.Center.Y-want.Center.Y) > 1e-6 || math.Abs(got.Length-want.Length) > 1e-6 || math.Abs(got.Height-want.Height) > 1e-6 ||
			math.Hypot(got.Along.X-want.Along.X, got.Along.Y-want.Along.Y) > 1e-6 {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
}

// TestReadable checks which way text runs: to the right, or upwards in a box that is clearly higher than wide.
func TestReadable(t *testing.T) {
	for _, c := range []struct{ b, want Box }{
		{Box{Along: Point{-1, 0}, Length: 50, Height: 10}, Box{Along: Point{1, 0}, Length: 50, Height: 10}},
		{Box{Along: Point{0, 1}, Length: 10, Height: 50}, Box{Along: Point{1, 0}, Length: 50, Height: 10}},
		{Box{Along: Point{0, 1}, Length: 50, Height: 10}, Box{Along: Point{0, -1}, Length: 50, Height: 10}},
		{Box{Along: Point{1, 0}, Length: 10, Height: 12}, Box{Along: Point{1, 0}, Length: 10, Height: 12}},
	} {
		got := c.b.readable()
		if math.Hypot(got.Along.X-c.want.Along.X, got.Along.Y-c.want.Along.Y) > 1e-9 || got.Length != c.want.Length || got.Height != c.want.Height {
			t.Errorf("%+v: %+v, want %+v", c.b, got, c.want)
		}
	}
}

func TestReadingOrder(t *testing.T) {
	boxes := []Box{
		{Center: Point{90, 12}, Height: 10}, {Center: Point{50, 60}, Height: 10}, {Center: Point{10, 10}, Height: 10}, {Center: Point{10, 33}, Height: 10}, {Center: Point{50, 9}, Height: 10},
	}
	inReadingOrder(boxes)
	for i, want := range []Point{{10, 10}, {50, 9}, {90, 12}, {10, 33}, {50, 60}} {
		if boxes[i].Center != want {
			t.Errorf("%d: %v, want %v", i, boxes[i].Center, want)
		}
	}
}

// TestFindBoxes finds two regions, one of them slanted, and nothing in noise.
func TestFindBoxes(t *testing.T) {
	const w, h = 100, 60
	p := make([]float32, w*h)
	for x := 10; x < 60; x++ {
		for y := range 6 {
			p[(10+y)*w+x] = .9
			p[(30+y+x/4)*w+x] = .9
		}
	}
	p[50*w+90], p[2*w+2] = .9, .9 // single pixels
	for y := range 6 {            // a faint region
		for x := range 20 {
			p[(2+y)*w+75+x] = .25
		}
	}
	boxes := findBoxes(p, w, h)
	if len(boxes) != 2 {
		t.Fatalf("%+v", boxes)
	}
	if b := boxes[0]; math.Abs(b.Center.X-35) > .5 || math.Abs(b.Center.Y-13) > .5 || b.Length < 50 || b.Height < 6 || b.Along != (Point{1, 0}) {
		t.Errorf("%+v", b)
	}
	if b := boxes[1]; math.Abs(math.Atan2(b.Along.Y, b.Along.X)-math.Atan(.25)) > .05 {
		t.Errorf("slanted: %+v", b)
	}
}
