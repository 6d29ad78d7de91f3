package original

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/image/draw"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestUnexplainedDetail measures unexplainedDetail on photos: enlarged copies must lie below the threshold, and the originals of reduced
// copies above. With -v it prints the percentiles of docs/benchmarks.md.
func TestUnexplainedDetail(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testkit.Shared(t, "photos", "images"), "*"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	const photos = 12
	var enlarged, reduced []float64
	for i := range photos {
		photo := loaded(t, paths[i*len(paths)/photos])
		m := decodedFile(t, paths[i*len(paths)/photos])
		for _, factor := range []float64{1.25, 1.5, 2} {
			for _, kernel := range []draw.Scaler{draw.BiLinear, draw.CatmullRom} {
				for _, quality := range []int{30, 70, 95} {
					enlarged = append(enlarged, unexplainedOf(t, written(t, scaled(m, factor, kernel), quality), photo))
				}
			}
			reduced = append(reduced, unexplainedOf(t, photo, written(t, scaled(m, 1/factor, draw.CatmullRom), 90)))
		}
	}
	for name, list := range map[string][]float64{"enlarged": enlarged, "reduced": reduced} {
		slices.Sort(list)
		t.Logf("%s: %.2f, %.2f, %.2f", name, list[len(list)/100], list[len(list)/2], list[len(list)*99/100])
	}
	if most := enlarged[len(enlarged)*99/100]; most >= explained {
		t.Errorf("an enlarged copy has %.3f, the threshold is %.3f", most, explained)
	}
	if least := reduced[len(reduced)/100]; least <= explained {
		t.Errorf("the original of a reduced copy has %.3f, the threshold is %.3f", least, explained)
	}
}

func unexplainedOf(t *testing.T, large, small *picture) float64 {
	t.Helper()
	share, ok := unexplainedDetail(large, small)
	if !ok {
		t.Fatal("a photo without fine detail")
	}
	return share
}

func scaled(m image.Image, factor float64, kernel draw.Scaler) image.Image {
	size := m.Bounds().Size()
	out := image.NewRGBA(image.Rect(0, 0, int(math.Round(float64(size.X)*factor)), int(math.Round(float64(size.Y)*factor))))
	kernel.Scale(out, out.Rect, m, m.Bounds(), draw.Src, nil)
	return out
}

// written saves a picture as JPEG and reads it.
func written(t *testing.T, m image.Image, quality int) *picture {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return loaded(t, path)
}

func loaded(t *testing.T, path string) *picture {
	t.Helper()
	p := &picture{}
	if err := p.readFile(path); err != nil {
		t.Fatal(err)
	}
	if p.readPixels(0); !p.readable {
		t.Fatalf("%s cannot be decoded", path)
	}
	return p
}

func decodedFile(t *testing.T, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
