package tiff

import (
	"bytes"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

func decodeSketch(t *testing.T, s sketch) *pixel.Picture {
	t.Helper()
	data := s.bytes(t)
	l, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	p, err := l.Decode(data)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	return p
}

// TestFloat reads floating point numbers: white is 1, 255, 65535 or the largest number, whichever fits.
func TestFloat(t *testing.T) {
	for _, c := range []struct{ largest, white float64 }{{.7, 1}, {1, 1}, {1.9, 1}, {200, 255}, {400, 255}, {60000, 65535}, {1e6, 1e6}} {
		for _, bits := range []int{16, 32} {
			for _, motorola := range []bool{false, true} {
				for _, compression := range []int{none, deflate, zstandard} {
					if bits == 16 && c.largest > 60000 {
						continue
					}
					numbers := []float64{c.largest, -1, 0, math.NaN(), c.largest / 2, c.largest / 3}
					s := sketch{
						w: 3, h: 2, bits: bits, samples: 1, format: float, photometric: blackIsZero, compression: compression, planar: 1, fillOrder: 1, predictor: 1, segW: 3, segH: 1, motorola: motorola,
						value: func(x, y, _ int) int {
							v := float32(numbers[y*3+x])
							if bits == 16 {
								return int(float16.Fromfloat32(v).Bits())
							}
							return int(math.Float32bits(v))
						},
					}
					p := decodeSketch(t, s)
					for i, v := range numbers {
						want := math.Min(v/c.white*255, 255)
						if math.IsNaN(v) || v < 0 {
							want = 0
						}
						if got := float64(p.Pix[i]); math.Abs(got-want) > .6 {
							t.Errorf("%+v, %d bits: %v is %v, want %v", c, bits, v, got, want)
						}
					}
				}
			}
		}
	}
}

// TestFloatPredictor undoes the predictor of Technical Note 3, by its text.
func TestFloatPredictor(t *testing.T) {
	for _, motorola := range []bool{false, true} {
		const w, samples = 5, 3
		var want []byte
		var planes [4][]byte
		r := rand.New(rand.NewPCG(1, 2))
		for range w * samples {
			v := byte(r.IntN(256))
			want = append(want, v)
			b := math.Float32bits(float32(v) / 255)
			for i := range 4 {
				planes[i] = append(planes[i], byte(b>>(24-8*i)))
			}
		}
		row := bytes.Join(planes[:], nil)
		for i := len(row) - 1; i >= samples; i-- {
			row[i] -= row[i-samples]
		}
		s := sketch{
			w: w * samples * 4, h: 1, bits: 8, samples: 1, photometric: blackIsZero, compression: deflate, planar: 1, fillOrder: 1, predictor: 1, segW: w * samples * 4, segH: 1, motorola: motorola,
			value: func(x, _, _ int) int { return int(row[x]) },
		}
		data := s.bytes(t)
		l, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		l.Width, l.segW, l.bits, l.samples, l.format, l.photometric, l.predictor = w, w, 32, samples, float, rgb, floatDifferences
		p, err := l.Decode(data)
		if err != nil || !bytes.Equal(p.Pix, want) {
			t.Errorf("motorola %v: %v, want %v (%v)", motorola, p, want, err)
		}
	}
}

// TestLab compares with colours whose coordinates B. Lindbloom's calculator gives (D50, Bradford).
func TestLab(t *testing.T) {
	for _, c := range []struct {
		l    float64
		a, b int
		want [3]byte
	}{
		{100, 0, 0, [3]byte{255, 255, 255}}, {0, 0, 0, [3]byte{0, 0, 0}}, {53.59, 0, 0, [3]byte{128, 128, 128}},
		{54.29, 81, 70, [3]byte{255, 0, 0}}, {87.82, -79, 81, [3]byte{0, 255, 0}}, {29.57, 68, -112, [3]byte{0, 0, 255}},
	} {
		for _, bits := range []int{8, 16} {
			for _, photometric := range []int{cieLab, iccLab} {
				s := sketch{
					w: 1, h: 1, bits: bits, samples: 3, photometric: photometric, compression: none, planar: 1, fillOrder: 1, predictor: 1, segW: 1, segH: 1,
					value: func(_, _, i int) int {
						v := []int{int(math.Round(c.l * 255 / 100)), c.a, c.b}[i]
						if i > 0 && photometric == iccLab {
							v += 128
						}
						return v & 255 << (bits - 8)
					},
				}
				got := decodeSketch(t, s).Pix
				for i := range 3 {
					if math.Abs(float64(got[i])-float64(c.want[i])) > 12 { // the coordinates are rounded
						t.Errorf("%+v, %d bits, photometric interpretation %d: %v", c, bits, photometric, got)
						break
					}
				}
			}
		}
	}
}

// TestSubsampledYCbCr reads blocks of pixels that share chroma, for sides that the blocks do not divide.
func TestSubsampledYCbCr(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, sub := range [][]int{{2, 2}, {2, 1}, {1, 2}, {4, 1}, {4, 2}, {4, 4}, nil} {
		h, v := 2, 2 // where the file does not say
		if sub != nil {
			h, v = sub[0], sub[1]
		}
		for range 30 {
			w, height := 1+r.IntN(20), 1+r.IntN(20)
			across, down := (w+h-1)/h, (height+v-1)/v
			luma, chroma := make([]byte, w*height), make([][2]byte, across*down)
			for i := range luma {
				luma[i] = byte(r.Uint32())
			}
			for i := range chroma {
				chroma[i] = [2]byte{byte(r.Uint32()), byte(r.Uint32())}
			}
			var raw []byte
			for i, c := range chroma {
				for dy := range v {
					for dx := range h {
						x, y := i%across*h+dx, i/across*v+dy
						if x < w && y < height {
							raw = append(raw, luma[y*w+x])
						} else {
							raw = append(raw, 99)
						}
					}
				}
				raw = append(raw, c[0], c[1])
			}
			s := sketch{
				w: len(raw), h: 1, bits: 8, samples: 1, photometric: blackIsZero, compression: packBits, planar: 1, fillOrder: 1, predictor: 1, segW: len(raw), segH: 1,
				value: func(x, _, _ int) int { return int(raw[x]) },
			}
			data := s.bytes(t)
			l, err := Read(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			l.Width, l.Height, l.segW, l.segH, l.samples, l.photometric, l.subX, l.subY = w, height, w, height, 3, yCbCr, h, v
			p, err := l.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			for y := range height {
				for x := range w {
					c := chroma[y/v*across+x/h]
					r, g, b := color.YCbCrToRGB(luma[y*w+x], c[0], c[1])
					if got := [3]byte(p.Pix[3*(y*w+x):]); got != [3]byte{r, g, b} {
						t.Fatalf("%v, %d x %d: pixel %d, %d is %v", sub, w, height, x, y, got)
					}
				}
			}
		}
	}
}

// TestVideoRange checks the range of video, as FFmpeg declares it, and other coefficients.
func TestVideoRange(t *testing.T) {
	v := newVideo([]float64{15, 235, 128, 240, 128, 240}, nil)
	for _, c := range []struct{ y, cb, cr, want byte }{{235, 128, 128, 255}, {15, 128, 128, 0}, {125, 128, 128, 127}} {
		if r, g, b := v.rgb(c.y, c.cb, c.cr); math.Abs(float64(r)-float64(c.want)) > 1 || r != g || g != b {
			t.Errorf("%+v: %d %d %d", c, r, g, b)
		}
	}
	v = newVideo(nil, []float64{.2126, .7152, .0722}) // ITU-R BT.709
	if r, g, b := v.rgb(54, 99, 255); r < 252 || g > 3 || b > 3 {
		t.Errorf("red of BT.709 is %d %d %d", r, g, b)
	}
	for _, bad := range [][]float64{{0, 0, 128, 255, 128, 255}, {255, 0, 0, 0, 0, 0}, {math.NaN(), 255, 128, 255, 128, 255}} {
		if newVideo(bad, nil) != nil {
			t.Errorf("%v counts", bad)
		}
	}
	if newVideo([]float64{0, 255, 128, 255, 128, 255}, []float64{.299, .587, .114}) != nil {
		t.Error("JPEG's conversion counts as another one")
	}
}
