package ocr

import (
	"math"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
)

// rgb is a picture of three bytes a pixel, upright.
type rgb struct {
	width, height int
	pix           []byte
}

// upright returns the pixels of a decoded picture, turned as its orientation says.
func upright(img *decode.Image) rgb {
	w, h := preprocess.Upright(img.Columns, img.Rows, img.Orientation)
	m := rgb{w, h, make([]byte, 3*w*h)}
	first, across, down := preprocess.Steps(img.Columns, img.Rows, img.Orientation)
	row := make([]byte, 3*img.Columns)
	for y := range img.Rows {
		img.Row(y, row)
		at := first + y*down
		for x := range img.Columns {
			copy(m.pix[3*at:3*at+3], row[3*x:3*x+3])
			at += across
		}
	}
	return m
}

// half returns the picture at half its size.
func (m rgb) half() rgb {
	out := rgb{width: max(1, m.width/2), height: max(1, m.height/2)}
	out.pix = make([]byte, 3*out.width*out.height)
	for y := range out.height {
		a, b := m.row(2*y), m.row(min(2*y+1, m.height-1))
		dst := out.row(y)
		for x := range out.width {
			l, r := 6*x, min(6*x+3, 3*m.width-3)
			for c := range 3 {
				dst[3*x+c] = byte((int(a[l+c]) + int(a[r+c]) + int(b[l+c]) + int(b[r+c]) + 2) / 4)
			}
		}
	}
	return out
}

func (m rgb) row(y int) []byte { return m.pix[3*y*m.width:][:3*m.width] }

// Bytes returns the memory that Read needs for a picture of n pixels, in addition to the memory of the picture and of the model: a copy with three
// bytes per pixel, and its halves.
func Bytes(pixels int64) int64 { return 4 * pixels }

// pyramid holds a picture and its halves, made when they are needed.
type pyramid struct{ levels []rgb }

func newPyramid(img *decode.Image) *pyramid { return &pyramid{[]rgb{upright(img)}} }

func (p *pyramid) size() (width, height int) { return p.levels[0].width, p.levels[0].height }

// level returns the smallest picture in which samples that lie step pixels of the full picture apart are still at least one pixel apart, and its scale.
func (p *pyramid) level(step float64) (m rgb, scale float64) {
	const most = 6
	n := 0
	for ; step >= 2 && n < most; step /= 2 {
		n++
	}
	for len(p.levels) <= n {
		p.levels = append(p.levels, p.levels[len(p.levels)-1].half())
	}
	return p.levels[n], float64(p.levels[n].width) / float64(p.levels[0].width)
}

// normalisation maps samples of 0 to 255 to (v/255 - mean) / deviation, for red, green and blue.
type normalisation struct{ scale, shift [3]float32 }

func newNormalisation(mean, deviation [3]float32) (n normalisation) {
	for i := range 3 {
		n.scale[i], n.shift[i] = 1/(255*deviation[i]), -mean[i]/deviation[i]
	}
	return n
}

// sample writes a turned rectangle of the picture as width x height values, interpolated bilinearly: planes of blue, green and red, as
// the models were trained, in rows of stride values. corner is the rectangle's upper left corner, right and down are its sides.
func (p *pyramid) sample(corner, right, down Point, width, height, stride int, dst []float32, n normalisation) {
	stepX := Point{right.X / float64(width), right.Y / float64(width)}
	stepY := Point{down.X / float64(height), down.Y / float64(height)}
	m, scale := p.level(max(math.Hypot(stepX.X, stepX.Y), math.Hypot(stepY.X, stepY.Y)))
	plane := stride * height
	dx, dy := float32(stepX.X*scale), float32(stepX.Y*scale)
	lastX, lastY := float32(m.width-1), float32(m.height-1)
	for y := range height {
		// The centre of the first sample, relative to the centre of the picture's first pixel.
		fy := float64(y) + .5
		sx := float32((corner.X+stepX.X/2+stepY.X*fy)*scale - .5)
		sy := float32((corner.Y+stepX.Y/2+stepY.Y*fy)*scale - .5)
		blue, green, red := dst[y*stride:][:width], dst[plane+y*stride:][:width], dst[2*plane+y*stride:][:width]
		for x := range width {
			u, v := min(max(sx, 0), lastX), min(max(sy, 0), lastY)
			sx, sy = sx+dx, sy+dy
			x0, y0 := int(u), int(v)
			ax, ay := u-float32(x0), v-float32(y0)
			at, nextX, nextY := 3*(y0*m.width+x0), 3, 3*m.width
			if x0 == m.width-1 {
				nextX = 0
			}
			if y0 == m.height-1 {
				nextY = 0
			}
			a, b := m.pix[at:at+nextX+3], m.pix[at+nextY:at+nextY+nextX+3]
			mix := func(c int) float32 {
				above := float32(a[c]) + ax*(float32(a[nextX+c])-float32(a[c]))
				below := float32(b[c]) + ax*(float32(b[nextX+c])-float32(b[c]))
				return (above+ay*(below-above))*n.scale[c] + n.shift[c]
			}
			red[x], green[x], blue[x] = mix(0), mix(1), mix(2)
		}
	}
}
