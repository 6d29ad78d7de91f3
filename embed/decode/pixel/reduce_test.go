package pixel_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// TestReduce compares with means that are computed pixel by pixel, with and without alpha, for sides that the scale does not divide.
func TestReduce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, channels := range []int{3, 4} {
		for _, size := range [][2]int{{1, 1}, {16, 8}, {17, 9}, {7, 30}} {
			for _, scale := range []int{1, 2, 4, 8} {
				w, h := size[0], size[1]
				rows := make([][]byte, h)
				for y := range rows {
					rows[y] = make([]byte, w*channels)
					for i := range rows[y] {
						rows[y][i] = byte(r.Uint32())
					}
				}
				var want []byte
				for y := 0; y < h; y += scale {
					for x := 0; x < w; x += scale {
						for c := range 3 {
							sum, n := 0, 0
							for dy := y; dy < min(y+scale, h); dy++ {
								for dx := x; dx < min(x+scale, w); dx++ {
									v := rows[dy][dx*channels+c]
									if channels == 4 {
										v = pixel.OnWhite(v, uint32(rows[dy][dx*4+3]))
									}
									sum, n = sum+int(v), n+1
								}
							}
							want = append(want, byte((sum+n/2)/n))
						}
					}
				}
				got := pixel.Reduce(w, h, channels, scale, func(y int) []byte { return rows[y] })
				if !bytes.Equal(got, want) {
					t.Errorf("%d channels, %d x %d, 1/%d: %v, want %v", channels, w, h, scale, got, want)
				}
			}
		}
	}
}
