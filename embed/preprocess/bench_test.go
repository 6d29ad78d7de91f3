package preprocess_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// BenchmarkTensor measures resampling and normalising alone, and with decoding, for a small and a 12 MP picture.
func BenchmarkTensor(b *testing.B) {
	c := preprocess.Config{
		Height: 260, Width: 260, Mode: preprocess.Squash, Filter: preprocess.Bicubic,
		Mean: [3]float32{0.5, 0.5, 0.5}, Std: [3]float32{0.5, 0.5, 0.5},
	}
	dst := make([]float32, c.TensorLen())
	for _, size := range [][2]int{{224, 224}, {4032, 3024}} {
		data, err := testkit.Encode("x.jpg", testkit.Picture(1, size[0], size[1]))
		if err != nil {
			b.Fatal(err)
		}
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil {
			b.Fatal(err)
		}
		img, err := h.Decode(data, 1, 0)
		if err != nil {
			b.Fatal(err)
		}
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		b.Run("resample/"+name, func(b *testing.B) {
			for b.Loop() {
				c.Tensor(img, dst)
			}
		})
		b.Run("decode/"+name, func(b *testing.B) {
			for b.Loop() {
				img, err := h.Decode(data, 1, c.MinShort())
				if err != nil {
					b.Fatal(err)
				}
				c.Tensor(img, dst)
			}
		})
	}
}
