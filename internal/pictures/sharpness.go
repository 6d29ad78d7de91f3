package pictures

import (
	"bytes"
	"os"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// sharpSide is the size, of the short side, at which sharpness is compared: pictures are decoded at no less than this.
const sharpSide = 512

// Sharpness measures a picture file: the variance of its luminance's Laplacian, a measure of focus (Pech-Pacheco et al., ICPR
// 2000), in squared luminance levels. Pictures of one size can be compared by it.
func Sharpness(path string) (float64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	m, err := h.Decode(h.Select(data, sharpSide), 1, sharpSide)
	if err != nil {
		return 0, err
	}
	return laplacianVariance(m), nil
}

// laplacianVariance runs over the picture row by row; the edge is left out.
func laplacianVariance(m *decode.Image) float64 {
	if m.Columns < 3 || m.Rows < 3 {
		return 0
	}
	rgb := make([]byte, 3*m.Columns)
	var lines [3][]float64
	for i := range lines {
		lines[i] = make([]float64, m.Columns)
	}
	var sum, squares float64
	for y := range m.Rows {
		m.Row(y, rgb)
		line := lines[y%3]
		for x := range line { // ITU-R BT.601
			line[x] = 0.299*float64(rgb[3*x]) + 0.587*float64(rgb[3*x+1]) + 0.114*float64(rgb[3*x+2])
		}
		if y < 2 {
			continue
		}
		above, here := lines[(y-2)%3], lines[(y-1)%3]
		for x := 1; x < m.Columns-1; x++ {
			v := above[x] + line[x] + here[x-1] + here[x+1] - 4*here[x]
			sum += v
			squares += v * v
		}
	}
	n := float64(m.Columns-2) * float64(m.Rows-2)
	return squares/n - sum/n*sum/n
}
