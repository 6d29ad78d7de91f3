package yuv_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/yuv"
)

// picture is a whole picture in planes, of random samples.
type picture struct {
	width, height, bits, subX, subY int
	gray                            bool
	samples                         [3][][]int
}

func newPicture(r *rand.Rand, width, height, bits, subX, subY int, gray bool) picture {
	p := picture{width: width, height: height, bits: bits, subX: subX, subY: subY, gray: gray}
	for i := range p.samples {
		w, h := width, height
		if i > 0 {
			w, h = (w+subX-1)/subX, (h+subY-1)/subY
		}
		p.samples[i] = make([][]int, h)
		for y := range h {
			p.samples[i][y] = make([]int, w)
			for x := range w {
				p.samples[i][y][x] = r.IntN(1 << bits)
			}
		}
	}
	return p
}

// tile cuts a tile out, with rubbish at the end of its rows. Beyond the picture there is rubbish too.
func (p picture) tile(left, top, width, height int) yuv.Frame {
	f := yuv.Frame{Width: width, Height: height, Bits: p.bits, SubX: p.subX, SubY: p.subY, Gray: p.gray}
	for i := range f.Planes {
		if p.gray && i > 0 {
			break
		}
		l, t, w, h := left, top, width, height
		if i > 0 {
			l, t, w, h = l/p.subX, t/p.subY, (w+p.subX-1)/p.subX, (h+p.subY-1)/p.subY
		}
		size := (p.bits + 7) / 8
		plane := yuv.Plane{Stride: w*size + 6}
		plane.Pix = make([]byte, plane.Stride*h)
		for y := range h {
			for x := range w {
				v := 1<<p.bits - 1
				if t+y < len(p.samples[i]) && l+x < len(p.samples[i][t+y]) {
					v = p.samples[i][t+y][l+x]
				}
				if size == 1 {
					plane.Pix[y*plane.Stride+x] = byte(v)
				} else {
					binary.LittleEndian.PutUint16(plane.Pix[y*plane.Stride+2*x:], uint16(v))
				}
			}
		}
		f.Planes[i] = plane
	}
	return f
}

// mean returns the mean of plane i over a block of the picture's pixels, counting the samples that lie in it.
func (p picture) mean(i, x, y, scale int) float64 {
	subX, subY := 1, 1
	if i > 0 {
		subX, subY = p.subX, p.subY
	}
	kx, ky := max(1, scale/subX), max(1, scale/subY)
	x, y = x*scale/subX, y*scale/subY
	var sum, n float64
	for dy := range ky {
		for dx := range kx {
			if y+dy < len(p.samples[i]) && x+dx < len(p.samples[i][y+dy]) {
				sum, n = sum+float64(p.samples[i][y+dy][x+dx]), n+1
			}
		}
	}
	return sum / n
}

// interpolated returns a chroma sample of the full picture, by a triangle between the centres of the samples.
func (p picture) interpolated(i, x, y int) float64 {
	at := func(x, y int) float64 {
		y = min(max(y, 0), len(p.samples[i])-1)
		return float64(p.samples[i][y][min(max(x, 0), len(p.samples[i][y])-1)])
	}
	fx, fy := (float64(x)+.5)/float64(p.subX)-.5, (float64(y)+.5)/float64(p.subY)-.5
	x0, y0 := int(math.Floor(fx)), int(math.Floor(fy))
	fx, fy = fx-float64(x0), fy-float64(y0)
	return (at(x0, y0)*(1-fx)+at(x0+1, y0)*fx)*(1-fy) + (at(x0, y0+1)*(1-fx)+at(x0+1, y0+1)*fx)*fy
}

// rgb is ITU-T H.273's conversion in plain form.
func (p picture) rgb(yy, cb, cr float64, kr, kb float64, full bool) [3]float64 {
	if p.gray {
		cb, cr = float64(int(1)<<(p.bits-1)), float64(int(1)<<(p.bits-1))
	}
	unit := float64(int(1) << (p.bits - 8))
	top := float64(int(1)<<p.bits - 1)
	l, u, v := yy/top, (cb-128*unit)/top, (cr-128*unit)/top
	if !full {
		l, u, v = (yy/unit-16)/219, (cb/unit-128)/224, (cr/unit-128)/224
	}
	r, b := l+2*(1-kr)*v, l+2*(1-kb)*u
	g := (l - kr*r - kb*b) / (1 - kr - kb)
	var out [3]float64
	for i, c := range []float64{r, g, b} {
		out[i] = min(max(255*c, 0), 255)
	}
	return out
}

// TestCanvas compares with means and conversions in double precision: sizes, tiles, samplings, depths, scales, ranges and matrices.
func TestCanvas(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	matrices := map[int][2]float64{1: {.2126, .0722}, 2: {.299, .114}, 5: {.299, .114}, 6: {.299, .114}, 9: {.2627, .0593}}
	for _, kind := range []struct {
		subX, subY int
		gray       bool
	}{{2, 2, false}, {2, 1, false}, {1, 1, false}, {1, 1, true}} {
		for _, bits := range []int{8, 10, 12} {
			for _, scale := range []int{1, 2, 4, 8} {
				for _, size := range [][4]int{{64, 48, 64, 48}, {61, 47, 61, 47}, {100, 70, 32, 16}, {33, 9, 16, 8}, {1, 1, 8, 8}} {
					for _, full := range []bool{true, false} {
						matrix := []int{1, 2, 5, 6, 9}[r.IntN(5)]
						p := newPicture(r, size[0], size[1], bits, kind.subX, kind.subY, kind.gray)
						name := fmt.Sprintf("%+v %d bits 1/%d %v matrix %d full %v", kind, bits, scale, size, matrix, full)
						c := yuv.NewCanvas(p.width, p.height, scale)
						for y := 0; y < p.height; y += size[3] {
							for x := 0; x < p.width; x += size[2] {
								if err := c.Add(x, y, p.tile(x, y, size[2], size[3])); err != nil {
									t.Fatalf("%s: %v", name, err)
								}
							}
						}
						got, err := c.RGB(yuv.Color{Matrix: matrix, Full: full})
						if err != nil {
							t.Fatal(err)
						}
						k := matrices[matrix]
						columns, rows := c.Size()
						for y := range rows {
							for x := range columns {
								cb, cr := p.mean(1, x, y, scale), p.mean(2, x, y, scale)
								if scale == 1 {
									cb, cr = p.interpolated(1, x, y), p.interpolated(2, x, y)
								}
								for i, want := range p.rgb(p.mean(0, x, y, scale), cb, cr, k[0], k[1], full) {
									if v := float64(got[3*(y*columns+x)+i]); math.Abs(v-want) > .75 {
										t.Fatalf("%s: pixel %d, %d, channel %d: %v, want %v", name, x, y, i, v, want)
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// TestBadTiles checks that tiles which do not fit are errors.
func TestBadTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	p := newPicture(r, 64, 64, 8, 2, 2, false)
	deep := newPicture(r, 64, 64, 10, 2, 2, false)
	gray := newPicture(r, 64, 64, 8, 1, 1, true)
	short := p.tile(0, 0, 32, 32)
	short.Planes[2].Pix = short.Planes[2].Pix[:100]
	none := p.tile(0, 0, 32, 32)
	none.Planes[1] = yuv.Plane{}
	for name, add := range map[string]func(c *yuv.Canvas) error{
		"short plane":   func(c *yuv.Canvas) error { return c.Add(0, 0, short) },
		"no plane":      func(c *yuv.Canvas) error { return c.Add(0, 0, none) },
		"another depth": func(c *yuv.Canvas) error { return c.Add(32, 0, deep.tile(0, 0, 32, 32)) },
		"grey":          func(c *yuv.Canvas) error { return c.Add(32, 0, gray.tile(0, 0, 32, 32)) },
		"odd place":     func(c *yuv.Canvas) error { return c.Add(3, 0, p.tile(0, 0, 32, 32)) },
		"before":        func(c *yuv.Canvas) error { return c.Add(-32, 0, p.tile(0, 0, 32, 32)) },
		"no size":       func(c *yuv.Canvas) error { return c.Add(0, 0, yuv.Frame{Bits: 8, SubX: 1, SubY: 1}) },
		"16 bits": func(c *yuv.Canvas) error {
			return c.Add(0, 0, yuv.Frame{Width: 8, Height: 8, Bits: 16, SubX: 1, SubY: 1})
		},
	} {
		c := yuv.NewCanvas(64, 64, 2)
		if err := c.Add(0, 0, p.tile(0, 0, 32, 32)); err != nil {
			t.Fatal(err)
		}
		if add(c) == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := yuv.NewCanvas(64, 64, 1)
	if err := c.Add(0, 0, p.tile(0, 0, 64, 64)); err != nil {
		t.Fatal(err)
	}
	for _, matrix := range []int{0, 8, 10, 14} { // RGB, YCgCo, constant luminance, ICtCp
		if _, err := c.RGB(yuv.Color{Matrix: matrix}); err == nil {
			t.Errorf("matrix %d: no error", matrix)
		}
	}
}

// BenchmarkTile reduces a tile of an iPhone's photo.
func BenchmarkTile(b *testing.B) {
	p := newPicture(rand.New(rand.NewPCG(5, 6)), 512, 512, 8, 2, 2, false)
	f := p.tile(0, 0, 512, 512)
	for _, scale := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprint(scale), func(b *testing.B) {
			c := yuv.NewCanvas(512, 512, scale)
			b.SetBytes(512 * 512)
			for b.Loop() {
				if err := c.Add(0, 0, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
