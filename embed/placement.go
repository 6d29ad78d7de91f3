package embed

import (
	"fmt"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/embed/provider"
)

// placement says which provider a tower runs on, and how.
type placement struct {
	definition provider.Definition
	variant    string
	// batch is the static batch size: the graph is written with it.
	batch int
	// cache is the folder for the provider's compiled models; "": none.
	cache string
	// canary is the processor's vector of the picture that is added to every batch; nil: none is added.
	canary []float32
	// expected is the time that loading and the first run took in the trial, runs that of a batch.
	expected, runs time.Duration
	// tried reports whether a child of this process has just found that it works.
	tried bool
	slot  provider.Slot
	key   provider.Key
}

// appendTo offers a session's operations to the provider first. Operations that it does not support stay on the processor.
func (p *placement) appendTo(options *ort.SessionOptions) error {
	native := p.definition.NativeOptions(p.variant, p.cache)
	if p.definition.Name != provider.CUDA {
		return options.AppendExecutionProvider(p.definition.Native, native)
	}
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy() //nolint:errcheck // it frees memory
	if err := cuda.Update(native); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(cuda)
}

// reshape returns the change to make to the graph when it is loaded; nil: none.
func (t tuning) reshape() func(*onnx.Graph) error {
	switch {
	case t.on != nil:
		return func(g *onnx.Graph) error { return fixBatch(g, t.on.batch) }
	case t.freeBatch:
		return dynamic.Batch
	}
	return nil
}

// fixBatch gives all inputs and outputs the batch size n. A batch of one that the exporter fixed is freed first. The error
// wraps dynamic.ErrUnsafe if that is impossible.
func fixBatch(g *onnx.Graph, n int) error {
	if len(g.Inputs) == 0 || len(g.Inputs[0].Dims) == 0 {
		return fmt.Errorf("%w: the graph has no batch", dynamic.ErrUnsafe)
	}
	switch g.Inputs[0].Dims[0] {
	case int64(n):
		return nil
	case onnx.Dynamic:
	default:
		if err := dynamic.Batch(g); err != nil {
			return err
		}
	}
	for i := range g.Inputs {
		g.SetDim(&g.Inputs[i], 0, int64(n))
	}
	for i := range g.Outputs {
		if len(g.Outputs[i].Dims) > 0 {
			g.SetDim(&g.Outputs[i], 0, int64(n))
		}
	}
	return nil
}
