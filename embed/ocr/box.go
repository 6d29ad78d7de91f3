package ocr

import (
	"cmp"
	"math"
	"slices"
)

// Point is a place, in pixels.
type Point struct{ X, Y float64 }

// Box is a turned rectangle around a line of text: its centre, the unit vector along the text, and its length and height in pixels.
type Box struct {
	Center, Along  Point
	Length, Height float64
}

// across returns the unit vector from the top of the line to its bottom.
func (b Box) across() Point { return Point{-b.Along.Y, b.Along.X} }

// flipped returns the box of the same line upside down.
func (b Box) flipped() Box {
	b.Along = Point{-b.Along.X, -b.Along.Y}
	return b
}

// scaled returns the box in a picture that is larger by kx and ky.
func (b Box) scaled(kx, ky float64) Box {
	along, across := Point{b.Along.X * kx, b.Along.Y * ky}, Point{-b.Along.Y * kx, b.Along.X * ky}
	n := math.Hypot(along.X, along.Y)
	return Box{
		Center: Point{b.Center.X * kx, b.Center.Y * ky}, Along: Point{along.X / n, along.Y / n},
		Length: b.Length * n, Height: b.Height * math.Hypot(across.X, across.Y),
	}
}

// readable turns a box so that its text runs to the right, within 45 degrees. The text of a box that is clearly higher than wide runs upwards.
func (b Box) readable() Box {
	if math.Abs(b.Along.X) < math.Abs(b.Along.Y) {
		b = Box{b.Center, b.across(), b.Height, b.Length}
	}
	if b.Along.X < 0 {
		b = b.flipped()
	}
	const clearly = 1.5
	if b.Height >= clearly*b.Length {
		b = Box{b.Center, Point{b.Along.Y, -b.Along.X}, b.Height, b.Length}
	}
	return b
}

// smallestBox returns the rectangle of least area around points. One of its sides lies on one of their convex hull.
func smallestBox(points []Point) Box {
	hull := convexHull(points)
	var best Box
	least := math.Inf(1)
	for i, from := range hull {
		to := hull[(i+1)%len(hull)]
		n := math.Hypot(to.X-from.X, to.Y-from.Y)
		if n == 0 {
			continue
		}
		u := Point{(to.X - from.X) / n, (to.Y - from.Y) / n}
		left, right, top, bottom := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
		for _, p := range hull {
			x, y := p.X*u.X+p.Y*u.Y, p.Y*u.X-p.X*u.Y
			left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
		}
		if area := (right - left) * (bottom - top); area < least {
			least = area
			x, y := (left+right)/2, (top+bottom)/2
			best = Box{Center: Point{x*u.X - y*u.Y, x*u.Y + y*u.X}, Along: u, Length: right - left, Height: bottom - top}
		}
	}
	return best
}

// convexHull returns the corners of the convex hull in order (A. M. Andrew, "Another efficient algorithm for convex hulls in two dimensions", 1979).
// It sorts the points.
func convexHull(points []Point) []Point {
	slices.SortFunc(points, func(a, b Point) int { return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y)) })
	points = slices.Compact(points)
	if len(points) < 3 {
		return points
	}
	turnsLeft := func(a, b, c Point) bool { return (b.X-a.X)*(c.Y-a.Y)-(b.Y-a.Y)*(c.X-a.X) > 0 }
	var hull []Point
	for range 2 { // one chain from left to right, one back
		first := len(hull)
		for _, p := range points {
			for len(hull) >= first+2 && !turnsLeft(hull[len(hull)-2], hull[len(hull)-1], p) {
				hull = hull[:len(hull)-1]
			}
			hull = append(hull, p)
		}
		hull = hull[:len(hull)-1]
		slices.Reverse(points)
	}
	return hull
}

// inReadingOrder sorts boxes from top to bottom, and those side by side from left to right.
func inReadingOrder(boxes []Box) {
	slices.SortFunc(boxes, func(a, b Box) int { return cmp.Compare(a.Center.Y, b.Center.Y) })
	for i := 0; i < len(boxes); {
		j := i + 1
		for j < len(boxes) && boxes[j].Center.Y-boxes[i].Center.Y < min(boxes[i].Height, boxes[j].Height)/2 {
			j++
		}
		slices.SortFunc(boxes[i:j], func(a, b Box) int { return cmp.Compare(a.Center.X, b.Center.X) })
		i = j
	}
}

// Corners returns where the line's first character begins at the top, where its last one ends at the top, where that ends at the bottom, and where
// the first one begins at the bottom.
func (b Box) Corners() [4]Point {
	across := b.across()
	corner := func(along, down float64) Point {
		return Point{b.Center.X + along*b.Length/2*b.Along.X + down*b.Height/2*across.X, b.Center.Y + along*b.Length/2*b.Along.Y + down*b.Height/2*across.Y}
	}
	return [4]Point{corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)}
}
