package original

import "math"

// How a JPEG and another picture of its size hang together.
type rounding int

const (
	// unknown: there are too few coefficients that tell.
	unknown rounding = iota
	// unrelated: the JPEG's coefficients are not those of the other picture.
	unrelated
	// roundedFrom: they are those of the other one, rounded: it was made of that.
	roundedFrom
	// source: those of the other lie where the JPEG's lie: that was made of it, and rounded more finely.
	source
)

const (
	// tellingSteps is how much coarser a step must be than the other picture's, and than noise, for its coefficients to tell.
	tellingSteps = 1.5
	noiseStep    = 2
	// enoughTelling is how many coefficients must tell.
	enoughTelling = 150
	// betweenRounded lies between the root mean square of what rounding takes away, 1/sqrt(12) of a step, and that of a difference
	// from what a step of two thirds leaves, 2/3 of it.
	betweenRounded = 0.24
	// mostOutside is the share of the coefficients that may be further away than half a step.
	mostOutside = 0.05
	// outside is half a step, and outsideNoise what decoding to bytes adds, in levels.
	outside      = 0.5
	outsideNoise = 1
)

// roundingOf tells whether a JPEG was made of another picture of its size, whose own steps are finer (nil: it is no JPEG). A coefficient
// that was rounded to a step lies anywhere within half a step of what it was, and one that was made of a rounded one lies near it.
// Coefficients that were rounded to zero tell nothing: they were near it.
func roundingOf(j, other *picture, finer []float64) rounding {
	var telling, far, squares float64
	its := other.coefficients()
	for n, mine := range j.coefficients() {
		for i := 1; i < len(mine); i++ {
			step := j.steps[i]
			if step < noiseStep || finer != nil && step < tellingSteps*finer[i] {
				continue
			}
			rounded := math.Round(mine[i]/step) * step
			if rounded == 0 {
				continue
			}
			d := math.Abs(its[n][i] - rounded)
			telling++
			if d > outside*step+outsideNoise {
				far++
			}
			squares += min(d/step*(d/step), 1)
		}
	}
	rms := math.Sqrt(squares / telling)
	switch {
	case telling < enoughTelling:
		return unknown
	case rms < betweenRounded:
		return source
	case far/telling <= mostOutside:
		return roundedFrom
	}
	return unrelated
}

// fineEnergy is the energy in the highest frequencies of the blocks.
func (p *picture) fineEnergy() (e float64) {
	const high = 6
	for _, b := range p.coefficients() {
		for i, v := range b {
			if max(i/8, i%8) >= high {
				e += v * v
			}
		}
	}
	return e
}

// coefficients are those of the picture's blocks in its tiles, the same of pictures of one size.
func (p *picture) coefficients() []block {
	if p.blocks == nil {
		eachTile(p.luma.w, p.luma.h, maxTiles, func(x, y, w, h int) {
			for v := y; v < y+h; v += 8 {
				for u := x; u < x+w; u += 8 {
					var b block
					for i := range b {
						b[i] = float64(p.luma.pix[(v+i/8)*p.luma.w+u+i%8])
					}
					b.transform()
					p.blocks = append(p.blocks, b)
				}
			}
		})
	}
	return p.blocks
}

// tileSide and maxTiles bound what of a picture is looked at: tiles spread over all of it, or all of a small one.
const (
	tileSide = 64
	maxTiles = 36
)

// eachTile calls do with the corners of at most so many tiles of a plane, which lie on JPEG's grid.
func eachTile(w, h, most int, do func(x, y, w, h int)) {
	columns, rows := (w+tileSide-1)/tileSide, (h+tileSide-1)/tileSide
	across := min(columns, int(math.Sqrt(float64(most))))
	down := min(rows, int(math.Sqrt(float64(most))))
	for j := range down {
		for i := range across {
			x, y := (2*i+1)*columns/(2*across)*tileSide, (2*j+1)*rows/(2*down)*tileSide
			if wide, high := min(tileSide, (w-x)/8*8), min(tileSide, (h-y)/8*8); wide > 0 && high > 0 {
				do(x, y, wide, high)
			}
		}
	}
}

// block is 8 x 8 pixels, or their coefficients.
type block [64]float64

// cosines are those of the discrete cosine transform of 8 points (T.81, A.3.3), which is orthonormal as it stands there.
var cosines = func() (c [8][8]float64) {
	for u := range 8 {
		scale := 0.5
		if u == 0 {
			scale = math.Sqrt(1.0 / 8)
		}
		for x := range 8 {
			c[u][x] = scale * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16)
		}
	}
	return c
}()

// transform makes coefficients of pixels.
func (b *block) transform() {
	var half block
	for y := range 8 {
		for u := range 8 {
			var s float64
			for x := range 8 {
				s += cosines[u][x] * b[8*y+x]
			}
			half[8*y+u] = s
		}
	}
	for v := range 8 {
		for u := range 8 {
			var s float64
			for y := range 8 {
				s += cosines[v][y] * half[8*y+u]
			}
			b[8*v+u] = s
		}
	}
}
