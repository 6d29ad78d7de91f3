package original

import (
	"math"
	"slices"
)

// rounding is how the coefficients of a JPEG relate to those of another picture of the same size.
type rounding int

const (
	// unknown: too few coefficients to decide.
	unknown rounding = iota
	// unrelated: neither was made from the other.
	unrelated
	// roundedFrom: the JPEG's coefficients are the other's, rounded to its steps. It was made from the other picture.
	roundedFrom
	// source: the other's coefficients lie close to the JPEG's steps. The other picture was made from the JPEG.
	source
)

const (
	// tellingSteps and noiseStep are how coarse a step must be, relative to the other picture's and in levels, to be examined.
	tellingSteps = 1.5
	noiseStep    = 2
	// enoughTelling is the number of coefficients needed for a decision.
	enoughTelling = 150
	// betweenRounded lies between two root mean squares of differences, in steps: 1/sqrt(12) if the JPEG was rounded from the other picture,
	// and 1/sqrt(12) of the other picture's steps, at most 1/1.5 as large, if that was made from the JPEG.
	betweenRounded = 0.24
	// mostOutside is the largest share of coefficients that may differ by more than half a step.
	mostOutside = 0.05
	// outside is half a step, and outsideNoise the error of decoding to bytes, in levels.
	outside      = 0.5
	outsideNoise = 1
)

// roundingOf compares the coefficients of a JPEG with those of another picture of the same size, which is not a JPEG or has finer steps.
// Rounding to a step moves a coefficient by up to half a step, evenly distributed; a picture that was made from the rounded coefficients
// has values close to them. Coefficients that were rounded to zero are ignored: most were close to zero before.
func roundingOf(j, other *picture) rounding {
	var telling, far, squares float64
	its := other.coefficients(j.gridX, j.gridY)
	for n, mine := range j.coefficients(j.gridX, j.gridY) {
		for i := 1; i < len(mine); i++ {
			step := j.steps[i]
			if step < noiseStep || other.isJPEG() && step < tellingSteps*other.steps[i] {
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

// highest is the lowest frequency of a block, in either direction, that counts as one of the highest: enlarging a picture leaves them empty.
const highest = 6

func (b *block) fineEnergy() (e float64) {
	for i, v := range b {
		if max(i/8, i%8) >= highest {
			e += v * v
		}
	}
	return e
}

// fineEnergy is the energy in the highest frequencies of all blocks.
func (p *picture) fineEnergy() (e float64) {
	for _, b := range p.coefficients(p.gridX, p.gridY) {
		e += b.fineEnergy()
	}
	return e
}

// typicalFine is the upper quartile of the blocks' energies in the highest frequencies, which a little text in the picture does not change.
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

// coefficients returns those of the blocks in the picture's tiles, for a grid that begins at an offset. Pictures of the same size have
// the same blocks.
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

// Tiles of tileSide pixels, spread evenly, are examined instead of the whole picture: at most maxTiles.
const (
	tileSide = 64
	maxTiles = 36
)

// eachTile calls do with the position and size of at most most tiles of a plane, all multiples of 8 pixels.
func eachTile(w, h, most int, do func(x, y, w, h int)) {
	columns, rows := (w+tileSide-1)/tileSide, (h+tileSide-1)/tileSide
	side := int(math.Sqrt(float64(most)))
	across, down := min(columns, side), min(rows, side)
	for j := range down {
		for i := range across {
			x, y := (2*i+1)*columns/(2*across)*tileSide, (2*j+1)*rows/(2*down)*tileSide
			if wide, high := min(tileSide, (w-x)/8*8), min(tileSide, (h-y)/8*8); wide > 0 && high > 0 {
				do(x, y, wide, high)
			}
		}
	}
}

// block holds 8 x 8 pixels or their coefficients.
type block [64]float64

// cosines is the matrix of the orthonormal discrete cosine transform of 8 points (T.81, A.3.3).
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

// transform replaces pixels by their coefficients.
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
