package embed

import (
	"fmt"
	"math"

	"github.com/imgsearch/imgsearch/models"
)

// Check loads a model's tokenizer and both towers, runs them and gives them back: it reports what a first use would
// stumble over. A tower that is run several rows at once must answer each row as it does alone.
func Check(spec Spec, o Options) error {
	if _, err := LoadTokenizer(spec); err != nil {
		return err
	}
	if _, err := startRuntime(o.Library); err != nil {
		return err
	}
	visual, err := openVisual(spec, tuning{threads: 1})
	if err != nil {
		return err
	}
	defer visual.session.close()
	// Two pictures that have nothing in common: noise, and stripes.
	size := spec.Preprocess.TensorLen()
	pictures := make([]float32, 2*size)
	for i := range size {
		pictures[i] = float32((i*7919)%1013)/500 - 1
		pictures[size+i] = float32(i%5)/4 - 0.3
	}
	if err := sameAlone(models.VisualFile, func(rows []int) ([][]float32, error) {
		return visual.Embed(pictures[rows[0]*size:(rows[len(rows)-1]+1)*size], len(rows))
	}); err != nil {
		return err
	}
	textual, err := openTextual(spec, tuning{})
	if err != nil {
		return err
	}
	defer textual.session.close()
	texts := []string{"dog on beach", "a red car"}
	return sameAlone(models.TextualFile, func(rows []int) ([][]float32, error) {
		return textual.Embed(texts[rows[0] : rows[len(rows)-1]+1])
	})
}

// minBatchCosine is how near the answers alone and in a batch must be; other kernels round otherwise, a graph that
// mixes rows up is far below.
const minBatchCosine = 0.999

func sameAlone(file string, embed func(rows []int) ([][]float32, error)) error {
	both, err := embed([]int{0, 1})
	if err != nil {
		return damaged(file, err)
	}
	for i, in := range both {
		alone, err := embed([]int{i})
		if err != nil {
			return damaged(file, err)
		}
		var cos float64
		for d := range in {
			cos += float64(in[d]) * float64(alone[0][d])
		}
		if cos < minBatchCosine || math.IsNaN(cos) {
			return damaged(file, fmt.Errorf("an input alone and the same one in a batch have vectors of cosine %.4f", cos))
		}
	}
	return nil
}

// WeightFiles returns the files beside a model's graphs that hold weights, relative to the model's folder.
func WeightFiles(m models.Model) ([]string, error) {
	var s Spec
	var err error
	if s.Visual, err = readSignature(m, models.VisualFile); err != nil {
		return nil, err
	}
	if s.Textual, err = readSignature(m, models.TextualFile); err != nil {
		return nil, err
	}
	return append(s.weightFiles(models.VisualFile), s.weightFiles(models.TextualFile)...), nil
}
