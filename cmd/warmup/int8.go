package warmup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// int8JSON compares int8 with fp32 (docs/json.md). The results on photos are absent if the index has too few photos.
type int8JSON struct {
	FP32ImagesPerS float64 `json:"fp32_images_per_s"`
	ImagesPerS     float64 `json:"images_per_s"`
	Speedup        float64 `json:"speedup"`
	// Photos is the number of indexed photos that were compared.
	Photos int `json:"photos"`
	// CosineMin and CosineMean are of the cosine between a photo's two vectors.
	CosineMin  *float64 `json:"cosine_min,omitempty"`
	CosineMean *float64 `json:"cosine_mean,omitempty"`
	// Overlap10 is the mean share of a photo's ten nearest photos in the sample that are the same in both precisions.
	Overlap10 *float64 `json:"overlap_10,omitempty"`
	// Recommended is whether int8 is worth using here: faster, with nearly the same vectors.
	Recommended bool `json:"recommended"`
}

// Int8 is recommended if it is at least a quarter faster and the cosine between the photos' vectors and those of fp32 is at least nearCosine.
const (
	worthSpeedup = 1.25
	nearCosine   = 0.99
)

func (j int8JSON) text() string {
	text := fmt.Sprintf("int8     %.1f images/s, fp32 %.1f: %.2f times as fast", j.ImagesPerS, j.FP32ImagesPerS, j.Speedup)
	if j.CosineMin != nil {
		text += fmt.Sprintf("; on %d of your photos, mean cosine to fp32 %.4f (lowest %.4f)", j.Photos, *j.CosineMean, *j.CosineMin)
	}
	if j.Overlap10 != nil {
		text += fmt.Sprintf(", %.0f %% of the ten nearest photos are the same", *j.Overlap10*100)
	}
	if j.Recommended {
		text += "\n         recommended here: `imgsearch index --precision int8`"
	}
	return text
}

// comparePrecisions measures both precisions of the vision tower; tower is the loaded one. It returns nil if the tower
// has nothing to quantise.
func (o *options) comparePrecisions(ctx context.Context, ix store.Store, m app.Model, tower *embed.Visual) (*int8JSON, error) {
	other := embed.Int8
	if m.Precision == embed.Int8 {
		other = embed.FP32
	}
	second, err := o.p.App.Loader(app.NewModel(m.Spec, other), app.Loading{Provider: provider.CPU}).Visual(ctx)
	if errors.Is(err, quantize.ErrNothing) {
		return nil, nil //nolint:nilnil // nothing to compare is not an error
	}
	if err != nil {
		return nil, err
	}
	full, quantised := tower, second
	if m.Precision == embed.Int8 {
		full, quantised = second, tower
	}
	var j int8JSON
	size := m.Spec.Preprocess.TensorLen()
	// The measurements alternate, so that other load on the machine affects both equally.
	for range 3 {
		_, a, err := timeVisual(ctx, full, size)
		if err != nil {
			return nil, err
		}
		_, b, err := timeVisual(ctx, quantised, size)
		if err != nil {
			return nil, err
		}
		j.FP32ImagesPerS, j.ImagesPerS = max(j.FP32ImagesPerS, a), max(j.ImagesPerS, b)
	}
	j.Speedup = wire.Round(j.ImagesPerS/j.FP32ImagesPerS, 2)
	if ix != nil {
		if err := j.compareOnPhotos(ctx, ix, m.Spec, full, quantised); err != nil {
			return nil, err
		}
	}
	j.Recommended = j.Speedup >= worthSpeedup && (j.CosineMin == nil || *j.CosineMin >= nearCosine)
	return &j, nil
}

// samplePhotos is the number of photos to compare. It takes a few seconds with a ViT-B/32 on two cores.
const samplePhotos = 48

func (j *int8JSON) compareOnPhotos(ctx context.Context, ix store.Store, spec embed.Spec, full, quantised *embed.Visual) error {
	places, err := ix.Sample(ctx, samplePhotos)
	if err != nil {
		return err
	}
	roots, err := ix.Roots(ctx)
	if err != nil {
		return err
	}
	byID := make(map[store.RootID]string)
	for _, r := range roots {
		byID[r.ID] = r.Path
	}
	var a, b [][]float32
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		tensor, err := tensorOf(spec, p.Path(byID[p.Root]))
		if err != nil {
			continue // gone or damaged since; the sample does not need it
		}
		x, err := full.Embed(tensor, 1)
		if err != nil {
			return err
		}
		y, err := quantised.Embed(tensor, 1)
		if err != nil {
			return err
		}
		a, b = append(a, x[0]), append(b, y[0])
	}
	j.Photos = len(a)
	if len(a) == 0 {
		return nil
	}
	least, sum := 1.0, 0.0
	for i := range a {
		c := vec.Cosine(a[i], b[i])
		least, sum = min(least, c), sum+c
	}
	mean := wire.Round(sum/float64(len(a)), 5)
	least = wire.Round(least, 5)
	j.CosineMin, j.CosineMean = &least, &mean
	if len(a) > 2*nearest { // in a smaller sample the ten nearest are nearly all photos
		overlap := wire.Round(overlapNearest(a, b), 3)
		j.Overlap10 = &overlap
	}
	return nil
}

const nearest = 10

// overlapNearest returns the mean share of each vector's nearest neighbours that are the same in both sets.
func overlapNearest(a, b [][]float32) float64 {
	sum := 0.0
	for i := range a {
		inA, inB := nearestOf(a, i), nearestOf(b, i)
		same := 0
		for _, n := range inA {
			if slices.Contains(inB, n) {
				same++
			}
		}
		sum += float64(same) / nearest
	}
	return sum / float64(len(a))
}

func nearestOf(all [][]float32, i int) []int {
	scores := make([]float64, len(all))
	order := make([]int, 0, len(all))
	for n := range all {
		if n != i {
			scores[n] = vec.Cosine(all[i], all[n])
			order = append(order, n)
		}
	}
	slices.SortFunc(order, func(x, y int) int { return cmp.Compare(scores[y], scores[x]) })
	return order[:nearest]
}

// tensorOf reads and preprocesses a photo as index does.
func tensorOf(spec embed.Spec, path string) ([]float32, error) {
	f, err := pictures.Read(path)
	if err != nil {
		return nil, err
	}
	return f.Tensor(spec)
}
