package embed

import (
	"fmt"
	"math"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// Checked is what Check found out for later runs.
type Checked struct {
	// DynamicBatch lists the towers whose fixed batch can be freed by version Rewriting of package dynamic.
	DynamicBatch []string
	Rewriting    int
}

// Check loads a model's tokenizer and both towers, runs them and frees them, to find what would fail at first use.
// A tower that runs several rows at once must give each row the vector that it gives the row alone. If a graph's batch is
// fixed, Check tests whether it can be freed: whether the freed graph gives several rows the vectors that the graph gives each.
func Check(spec Spec, o Options) (Checked, error) {
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	found := Checked{Rewriting: dynamic.Version}
	if _, err := LoadTokenizer(spec); err != nil {
		return found, err
	}
	if _, err := startRuntime(o.Library); err != nil {
		return found, err
	}
	for _, t := range []trial{visualTrial(spec), textualTrial(spec)} {
		free, err := t.run(o)
		if err != nil {
			return found, err
		}
		if free {
			found.DynamicBatch = append(found.DynamicBatch, t.file)
		}
	}
	return found, nil
}

// trial is one tower with inputs to try it on. embed returns the vectors of the inputs from..to.
type trial struct {
	file string
	n    int
	open func(tuning) (embed func(from, to int) ([][]float32, error), s *session, err error)
}

func visualTrial(spec Spec) trial {
	const n = trialPictures
	size := spec.Preprocess.TensorLen()
	pictures := makeTrialPictures(size)
	return trial{models.VisualFile, n, func(tune tuning) (func(from, to int) ([][]float32, error), *session, error) {
		if tune.on == nil {
			tune.threads = 1
		}
		v, err := openVisual(spec, tune)
		if err != nil {
			return nil, nil, err
		}
		return func(from, to int) ([][]float32, error) { return v.Embed(pictures[from*size:to*size], to-from) }, v.session, nil
	}}
}

const trialPictures = 3

// makeTrialPictures makes tensors of size values each that have little in common: noise, and stripes of several widths.
func makeTrialPictures(size int) []float32 {
	pictures := make([]float32, trialPictures*size)
	for i := range size {
		pictures[i] = float32((i*7919)%1013)/500 - 1
		for p := 1; p < trialPictures; p++ {
			pictures[p*size+i] = float32(i%(2+3*p))/float32(1+3*p) - 0.3*float32(p)
		}
	}
	return pictures
}

// canaryPicture returns the tensor of the picture that is added to every batch on a provider.
func canaryPicture(size int) []float32 {
	at := canaryOf(trialPictures) * size
	return makeTrialPictures(size)[at : at+size]
}

func textualTrial(spec Spec) trial {
	texts := []string{"dog on beach", "a red car", "three people who climb a snowy mountain at night"}
	return trial{models.TextualFile, len(texts), func(tune tuning) (func(from, to int) ([][]float32, error), *session, error) {
		t, err := openTextual(spec, tune)
		if err != nil {
			return nil, nil, err
		}
		return func(from, to int) ([][]float32, error) { return t.Embed(texts[from:to]) }, t.session, nil
	}}
}

// run compares a batch with single rows, and the graph with a freed batch with the original graph.
func (t trial) run(o Options) (free bool, err error) {
	embed, s, err := t.open(tuning{})
	if err != nil {
		return false, err
	}
	defer s.close()
	both, err := embed(0, t.n)
	if err != nil {
		return false, damaged(t.file, err)
	}
	alone := make([][]float32, t.n)
	for i := range alone {
		one, err := embed(i, i+1)
		if err != nil {
			return false, damaged(t.file, err)
		}
		alone[i] = one[0]
	}
	if cos := worstCosine(both, alone); cos < minBatchCosine {
		return false, damaged(t.file, fmt.Errorf("an input has different vectors alone and in a batch: cosine %.4f", cos))
	}
	if s.batch == 0 {
		return false, nil
	}
	err = t.tryFree(alone)
	if err != nil {
		o.Logf("%s keeps its fixed batch of %d: %v", t.file, s.batch, err)
	}
	return err == nil, nil
}

// tryFree compares the freed graph's vectors with those of the original graph.
func (t trial) tryFree(want [][]float32) error {
	if err := differ(want); err != nil {
		return err
	}
	embed, s, err := t.open(tuning{freeBatch: true})
	if err != nil {
		return err
	}
	defer s.close()
	if s.batch != 0 {
		return fmt.Errorf("%w: an input still has a fixed batch", dynamic.ErrUnsafe)
	}
	got, err := embed(0, t.n)
	if err != nil {
		return err
	}
	if cos := worstCosine(got, want); cos < minFreedCosine {
		return fmt.Errorf("the freed graph gives different vectors: cosine %.4f", cos)
	}
	return nil
}

// differ returns an error unless vectors of different inputs differ.
func differ(vectors [][]float32) error {
	for i := range vectors[1:] {
		if cos := worstCosine(vectors[:1], vectors[i+1:]); cos > minBatchCosine {
			return fmt.Errorf("%w: different inputs have nearly the same vector (cosine %.5f), so mixed-up rows would go unnoticed", dynamic.ErrUnsafe, cos)
		}
	}
	return nil
}

// minBatchCosine is the least cosine between the vectors of an input alone and in a batch. Other kernels round differently;
// a graph that mixes up rows is far below.
const minBatchCosine = 0.999

// minFreedCosine is the same for a graph that we changed. Measured on ViT-B/32, RN50,
// MobileCLIP-S1, SigLIP B/16 and CoCa with random weights: 0.9999999.
const minFreedCosine = 0.9999

// worstCosine returns the least similarity of two lists of normalised vectors, row by row.
func worstCosine(a, b [][]float32) float64 {
	worst := 1.0
	for i := range a {
		cos := vec.Dot(a[i], b[i])
		if math.IsNaN(cos) {
			return -1
		}
		worst = min(worst, cos)
	}
	return worst
}

// WeightFiles returns the files next to a model's graphs that hold weights, relative to the model's folder.
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
