package original

import (
	"math"
	"slices"
)

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
	its := other.coefficients(j.gridX, j.gridY)
	for n, mine := range j.coefficients(j.gridX, j.gridY) {
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

// highest is the least frequency of a block, in either direction, whose energy an enlarged picture has not.
const highest = 6

func (b *block) fineEnergy() (e float64) {
	for i, v := range b {
		if max(i/8, i%8) >= highest {
			e += v * v
		}
	}
	return e
}

// fineEnergy is the energy in the highest frequencies of all blocks, typicalFine that of a block with much of it, the upper quartile: a
// few with text among many do not count.
func (p *picture) fineEnergy() (e float64) {
	for _, b := range p.coefficients(p.gridX, p.gridY) {
		e += b.fineEnergy()
	}
	return e
}

func (p *picture) typicalFine() float64 {
	blocks := p.coefficients(p.gridX, p.gridY)
	if len(blocks) == 0 {
		return 0
	}
	energies := make([]float64, len(blocks))
	for i := range blocks {
		energies[i] = blocks[i].fineEnergy()
	}
	slices.Sort(energies)
	return energies[len(energies)*3/4]
}

// coefficients are those of the picture's blocks in its tiles, on a grid: the same of pictures of one size.
func (p *picture) coefficients(gridX, gridY int) []block {
	grid := [2]int{gridX, gridY}
	if p.blocks == nil {
		p.blocks = make(map[[2]int][]block)
	}
	if p.blocks[grid] == nil {
		eachTile(p.luma.w-gridX, p.luma.h-gridY, maxTiles, func(x, y, w, h int) {
			for v := y; v < y+h; v += 8 {
				for u := x; u < x+w; u += 8 {
					var b block
					for i := range b {
						b[i] = float64(p.luma.pix[(gridY+v+i/8)*p.luma.w+gridX+u+i%8])
					}
					b.transform()
					p.blocks[grid] = append(p.blocks[grid], b)
				}
			}
		})
	}
	return p.blocks[grid]
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
