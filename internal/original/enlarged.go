package original

import "math"

// unexplainedDetail measures the detail in a larger picture that its smaller copy does not explain. It resamples the copy with each kernel
// that programs enlarge with, fits their sum to the larger picture, and returns the root mean square of the difference, relative to the
// copy's finest detail. If the larger picture is a JPEG, differences that its quantisation explains do not count. ok is false if the copy has no fine detail.
func unexplainedDetail(large, small *picture) (share float64, ok bool) {
	own := small.luma.finest()
	if own < leastFinest {
		return 0, false
	}
	var tiles []tile
	eachTile(large.luma.w-large.gridX, large.luma.h-large.gridY, enlargedTiles, func(x, y, w, h int) {
		tiles = append(tiles, newTile(large.luma, small.luma, large.gridX+x, large.gridY+y, w, h))
	})
	weights := nearestMix(tiles)
	var left, count float64
	for _, t := range tiles {
		t.eachRest(weights, func(b *block) {
			for i, d := range b {
				if large.isJPEG() {
					d = max(math.Abs(d)-roundingSlack*large.steps[i]-outsideNoise/2, 0)
				}
				left += d * d
			}
			count += 64
		})
	}
	if count == 0 {
		return 0, false
	}
	return math.Sqrt(left/count) / own, true
}

const (
	// leastFinest is the finest detail, in levels, below which rounding hides it.
	leastFinest = 0.75
	// enlargedTiles is the number of tiles that are resampled.
	enlargedTiles = 16
	// roundingSlack is slightly more than half a step, in steps.
	roundingSlack = 0.525
)

// finest is the root mean square of what a binomial filter of 3 x 3 removes from the plane's tiles, in levels.
func (p plane) finest() float64 {
	var squares, n float64
	eachTile(p.w, p.h, enlargedTiles, func(x0, y0, w, h int) {
		for y := max(y0, 1); y < min(y0+h, p.h-1); y++ {
			for x := max(x0, 1); x < min(x0+w, p.w-1); x++ {
				row := func(y int) int {
					return int(p.pix[y*p.w+x-1]) + 2*int(p.pix[y*p.w+x]) + int(p.pix[y*p.w+x+1])
				}
				d := float64(p.pix[y*p.w+x]) - float64(row(y-1)+2*row(y)+row(y+1))/16
				squares += d * d
				n++
			}
		}
	})
	return math.Sqrt(squares / max(n, 1))
}

// kernels are the common interpolation kernels, by distance in pixels of the smaller picture: nearest neighbour, bilinear, bicubic (Keys,
// 1981, a = -1/2) and Lanczos with 3 lobes. Sums of these approximate others.
var kernels = []func(x float64) float64{
	func(x float64) float64 {
		const tie = 1e-9
		if x > -0.5+tie && x <= 0.5+tie {
			return 1
		}
		return 0
	},
	func(x float64) float64 { return max(1-math.Abs(x), 0) },
	func(x float64) float64 {
		const a = -0.5
		switch x = math.Abs(x); {
		case x < 1:
			return ((a+2)*x-(a+3))*x*x + 1
		case x < 2:
			return ((a*x-5*a)*x+8*a)*x - 4*a
		}
		return 0
	},
	func(x float64) float64 {
		if math.Abs(x) >= 3 {
			return 0
		}
		return sinc(x) * sinc(x/3)
	},
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// nearestMix fits the weights of the kernels and of a constant to the larger picture, by least squares.
func nearestMix(tiles []tile) []float64 {
	n := len(kernels) + 1
	equations := make([][]float64, n) // the right side last
	for i := range equations {
		equations[i] = make([]float64, n+1)
	}
	for _, t := range tiles {
		for i := range n {
			for j := range i + 1 {
				equations[i][j] += dot(t.resampled[i], t.resampled[j])
				equations[j][i] = equations[i][j]
			}
			equations[i][n] += dot(t.resampled[i], t.large)
		}
	}
	return solve(equations)
}

func dot(a, b []float64) (s float64) {
	b = b[:len(a)]
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// tile is a part of the larger picture, with the smaller one resampled by each kernel, and a constant as the last of them.
type tile struct {
	w, h      int
	large     []float64
	resampled [][]float64
}

// eachRest calls do with the coefficients of each block's difference from the sum.
func (t tile) eachRest(weights []float64, do func(b *block)) {
	rest := append([]float64(nil), t.large...)
	for k, weight := range weights {
		for i, v := range t.resampled[k] {
			rest[i] -= weight * v
		}
	}
	var b block
	for v := 0; v < t.h; v += 8 {
		for u := 0; u < t.w; u += 8 {
			for i := range 64 {
				b[i] = rest[(v+i/8)*t.w+u+i%8]
			}
			b.transform()
			do(&b)
		}
	}
}

func newTile(large, small plane, x, y, w, h int) tile {
	t := tile{w: w, h: h, large: make([]float64, w*h)}
	for v := range h {
		for u, p := range large.pix[(y+v)*large.w+x:][:w] {
			t.large[v*w+u] = float64(p)
		}
	}
	for _, kernel := range kernels {
		columns := taps(kernel, x, w, large.w, small.w)
		rows := taps(kernel, y, h, large.h, small.h)
		top := rows[0].from
		lines := make([][]float64, rows[h-1].from+2*support-top)
		for i := range lines {
			lines[i] = make([]float64, w)
			line := small.pix[clamp(top+i, small.h)*small.w:][:small.w]
			for u, c := range columns {
				for k, weight := range c.weights {
					if weight != 0 {
						lines[i][u] += weight * float64(line[clamp(c.from+k, small.w)])
					}
				}
			}
		}
		out := make([]float64, w*h)
		for v, r := range rows {
			for k, weight := range r.weights {
				if weight == 0 {
					continue
				}
				for u, p := range lines[r.from-top+k] {
					out[v*w+u] += weight * p
				}
			}
		}
		t.resampled = append(t.resampled, out)
	}
	constant := make([]float64, w*h) // explains a change of brightness
	for i := range constant {
		constant[i] = 1
	}
	t.resampled = append(t.resampled, constant)
	return t
}

// support is the radius of the widest kernel, in pixels of the smaller picture.
const support = 3

// tap holds the weights of consecutive samples of the smaller picture in one sample of the larger one.
type tap struct {
	from    int
	weights [2 * support]float64
}

// taps returns the taps of n consecutive samples along a side that has large pixels, and small pixels in the smaller picture.
func taps(kernel func(float64) float64, from, n, large, small int) []tap {
	list := make([]tap, n)
	for i := range list {
		centre := (float64(from+i)+0.5)*float64(small)/float64(large) - 0.5
		t := tap{from: int(math.Floor(centre)) - support + 1}
		var sum float64
		for k := range t.weights {
			t.weights[k] = kernel(float64(t.from+k) - centre)
			sum += t.weights[k]
		}
		for k := range t.weights {
			t.weights[k] /= sum
		}
		list[i] = t
	}
	return list
}

func clamp(i, n int) int { return min(max(i, 0), n-1) }

// solve solves linear equations by elimination. The last column is the right side.
func solve(rows [][]float64) []float64 {
	n := len(rows)
	for i := range n { // keeps the equations solvable if two kernels give the same result
		rows[i][i] += 1e-9 * (1 + rows[i][i])
	}
	for i := range n {
		for j := i + 1; j < n; j++ {
			f := rows[j][i] / rows[i][i]
			for k := i; k <= n; k++ {
				rows[j][k] -= f * rows[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		x[i] = rows[i][n]
		for k := i + 1; k < n; k++ {
			x[i] -= rows[i][k] * x[k]
		}
		x[i] /= rows[i][i]
	}
	return x
}
