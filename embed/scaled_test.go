package embed_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// TestScaledDecoding measures what decoding at a smaller scale costs: the cosine between a photo's vectors with scaled and with
// full decoding, and the recall of captions with both. IMGSEARCH_12MP is a folder that ../shared/tools/photos12mp.py made from
// ../shared/photos/images (make it with N of 300); it takes a second per photo.
func TestScaledDecoding(t *testing.T) {
	dir := os.Getenv("IMGSEARCH_12MP")
	if dir == "" {
		t.Skip("IMGSEARCH_12MP names no folder of photos of 12 MP")
	}
	files, err := filepath.Glob(filepath.Join(dir, "IMG_*.jpg"))
	if err != nil || len(files) == 0 {
		t.Fatal("no photos", err)
	}
	loader := newLoader(t, models.Builtin())
	tower, err := loader.Visual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	config := loader.Spec().Preprocess
	embedAt := func(data []byte, minShort int) []float32 {
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		img, err := h.Decode(data, 1, minShort)
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float32, config.TensorLen())
		config.Tensor(img, x)
		v, err := tower.Embed(x, 1)
		if err != nil {
			t.Fatal(err)
		}
		return v[0]
	}
	var scaled, full [][]float32
	worst, sum := 1.0, 0.0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil || h.Width*h.Height < 12_000_000 {
			t.Fatalf("%s: %+v, %v", file, h, err)
		}
		scaled, full = append(scaled, embedAt(data, config.MinShort())), append(full, embedAt(data, 0))
		cos := vec.Cosine(scaled[len(scaled)-1], full[len(full)-1])
		worst, sum = min(worst, cos), sum+cos
	}
	t.Logf("%d photos: cosine at least %.5f, mean %.5f", len(files), worst, sum/float64(len(files)))
	if worst < 0.99 {
		t.Errorf("cosine %.5f", worst)
	}
	a, b := recalls(t, loader, files, scaled), recalls(t, loader, files, full)
	for i, k := range recallAt {
		t.Logf("R@%d: %.1f scaled, %.1f full", k, a[i], b[i])
		if a[i] < b[i]-0.3 {
			t.Errorf("R@%d: %.2f scaled, %.2f full", k, a[i], b[i])
		}
	}
}

var recallAt = []int{1, 5, 10}

// recalls searches for each photo by its captions: IMG_i was made from the i*all/n-th of the shared photos.
func recalls(t *testing.T, loader *embed.Loader, files []string, vectors [][]float32) []float64 {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(testkit.Shared(t, "photos", "images"), "*.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(testkit.Shared(t, "photos", "captions.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	captions := make(map[string][]string)
	for line := range strings.Lines(string(data)) {
		name, caption, _ := strings.Cut(strings.TrimSpace(line), "\t")
		captions[name] = append(captions[name], caption)
	}
	tower, err := loader.Textual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found, asked := make([]float64, len(recallAt)), 0.0
	for i, file := range files {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "IMG_"), ".jpg"))
		if err != nil {
			t.Fatal(err)
		}
		queries, err := tower.Embed(captions[filepath.Base(names[n*len(names)/len(files)])])
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queries {
			asked++
			scores := make([]float64, len(vectors))
			for j, v := range vectors {
				scores[j] = vec.Cosine(q, v)
			}
			better := 0
			for _, s := range scores {
				if s > scores[i] {
					better++
				}
			}
			for j, k := range recallAt {
				if better < k {
					found[j]++
				}
			}
		}
	}
	for j := range found {
		found[j] *= 100 / asked
	}
	return found
}
