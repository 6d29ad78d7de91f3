package pictures_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// constantTower returns a constant vector without any computation.
type constantTower struct{ dim int }

func (t constantTower) Batch() (size, parallel int) { return 1, 2 }

func (t constantTower) Embed(_ []float32, n int) ([][]float32, error) {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, t.dim)
		out[i][0] = 1
	}
	return out, nil
}

// BenchmarkIndex measures the time to index a photo of 640 x 480, including decoding but not embedding, in an index of a thousand
// pictures and in one of a million. IMGSEARCH_FULL is a folder for the indexes, which are created once, in a minute or two.
func BenchmarkIndex(b *testing.B) {
	full := os.Getenv("IMGSEARCH_FULL")
	if full == "" {
		b.Skip("IMGSEARCH_FULL is not set: it names a folder for an index of a million pictures")
	}
	const photosARound = 200
	spec, err := embed.ReadSpec(models.Builtin())
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			ctx := context.Background()
			model := store.Model{Identity: "bench", Name: "fake", Ref: "fake", Dim: 512, Precision: "fp32"}
			path := filepath.Join(full, fmt.Sprintf("%d.db", n))
			ix, err := app.Index{Path: path}.OpenForChanges(ctx)
			if err != nil {
				b.Fatal(err)
			}
			defer ix.Close()
			if model, err = ix.PutModel(ctx, model); err != nil {
				b.Fatal(err)
			}
			if err := testkit.Fill(ctx, ix, model, n); err != nil {
				b.Fatal(err)
			}
			round := 0
			add := func() { // indexes the pictures of one round
				b.StopTimer()
				round++
				photos := filepath.Join(b.TempDir(), fmt.Sprint(round))
				for i := range photosARound {
					data, err := testkit.Encode("x.jpg", testkit.Picture(os.Getpid()<<20+b.N<<10+round*photosARound+i, 640, 480))
					if err != nil {
						b.Fatal(err)
					}
					if err := os.MkdirAll(photos, 0o755); err != nil {
						b.Fatal(err)
					}
					if err := os.WriteFile(filepath.Join(photos, fmt.Sprint(i)+".jpg"), data, 0o600); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				sum, err := index.Run(ctx, ix, index.Request{
					Journal: path + ".inflight",
					Paths:   []string{photos}, Jobs: 2, MaxPixels: 1 << 30, Model: model, Reader: pictures.Reader{Spec: spec},
					Load: func(context.Context) (index.Embedder, error) { return constantTower{model.Dim}, nil },
				}, nil)
				if err != nil || sum.Failed > 0 {
					b.Fatalf("%+v, %v", sum, err)
				}
			}
			add() // this creates the vector file
			b.ResetTimer()
			for b.Loop() {
				add()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(photosARound*b.N), "us/picture")
		})
	}
}
