// Command scenes paints landscapes, so that screenshots of the program need no real photos: scenes DIR.
package main

import (
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: scenes DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "scenes:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	names := map[string]func(*painter){"coast": coast, "ridge": ridges, "night": night, "snow": snow, "dunes": dunes}
	n := 0
	for _, kind := range []string{"coast", "ridge", "night", "coast", "snow", "dunes", "ridge", "coast"} {
		for range 4 {
			n++
			size := image.Pt(720, 480)
			switch n % 5 {
			case 0:
				size = image.Pt(480, 640)
			case 3:
				size = image.Pt(800, 400)
			}
			p := newPainter(uint64(n), size) //nolint:gosec // a count
			names[kind](p)
			folder := filepath.Join(dir, fmt.Sprint(2021+n%4))
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			if err := p.write(filepath.Join(folder, fmt.Sprintf("IMG_%04d.jpg", 4100+37*n))); err != nil {
				return err
			}
		}
	}
	return nil
}

// rgb is a colour; each component is 0 to 1.
type rgb [3]float64

func mix(a, b rgb, t float64) rgb {
	t = min(max(t, 0), 1)
	for i := range a {
		a[i] += (b[i] - a[i]) * t
	}
	return a
}

// painter holds a picture; positions are measured from the top left, in units of its height.
type painter struct {
	w, h   int
	pixels []rgb
	random *rand.Rand
	seed   uint64
}

func newPainter(seed uint64, size image.Point) *painter {
	return &painter{w: size.X, h: size.Y, pixels: make([]rgb, size.X*size.Y), random: rand.New(rand.NewPCG(seed, 1)), seed: seed} //nolint:gosec // pictures
}

func (p *painter) between(a, b float64) float64 { return a + (b-a)*p.random.Float64() }

// fill sets each pixel from its position and its previous colour.
func (p *painter) fill(c func(x, y float64, was rgb) rgb) {
	for j := range p.h {
		for i := range p.w {
			at := &p.pixels[j*p.w+i]
			*at = c(float64(i)/float64(p.h), float64(j)/float64(p.h), *at)
		}
	}
}

// aspect returns the width in units of the height.
func (p *painter) aspect() float64 { return float64(p.w) / float64(p.h) }

func (p *painter) write(path string) error {
	img := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	grain := rand.New(rand.NewPCG(p.seed, 2)) //nolint:gosec // pictures
	for i, c := range p.pixels {
		g := grain.NormFloat64() * 0.008
		eight := func(v float64) uint8 { return uint8(255*min(max(v+g, 0), 1) + 0.5) }
		img.SetRGBA(i%p.w, i/p.w, color.RGBA{eight(c[0]), eight(c[1]), eight(c[2]), 255})
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(f, img, &jpeg.Options{Quality: 88}); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// noise returns smooth value noise between 0 and 1; fractal sums octaves of it.
func (p *painter) noise(x, y float64) float64 {
	xi, yi := math.Floor(x), math.Floor(y)
	corner := func(a, b float64) float64 {
		h := uint64(int64(a))*0x9e3779b97f4a7c15 ^ uint64(int64(b))*0xc2b2ae3d27d4eb4f ^ p.seed*0x165667b19e3779f9 //nolint:gosec // a hash
		h ^= h >> 29
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 32
		return float64(h&0xffffff) / 0xffffff
	}
	ease := func(t float64) float64 { return t * t * (3 - 2*t) }
	u, v := ease(x-xi), ease(y-yi)
	top := corner(xi, yi)*(1-u) + corner(xi+1, yi)*u
	bottom := corner(xi, yi+1)*(1-u) + corner(xi+1, yi+1)*u
	return top*(1-v) + bottom*v
}

func (p *painter) fractal(x, y float64, octaves int) float64 {
	sum, size := 0.0, 0.5
	for range octaves {
		sum += size * p.noise(x, y)
		x, y, size = 2*x+17.3, 2*y+5.1, size/2
	}
	return sum
}
