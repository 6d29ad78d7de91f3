package embed

import (
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// Visual is the vision tower. It is safe for concurrent use.
type Visual struct {
	session *session
	spec    Spec
	// fallback runs the session, and the processor when that fails; nil: the session runs on the processor.
	fallback *fallback
	canary   []float32
}

func openVisual(spec Spec, tune tuning) (*Visual, error) {
	s, err := openSession(spec, models.VisualFile, spec.Visual, tune)
	if err != nil {
		return nil, err
	}
	p := spec.Preprocess
	want := []int64{onnx.Dynamic, 3, int64(p.Height), int64(p.Width)}
	if err := checkInput(s.inputs, want, onnx.Float, onnx.Float16); err != nil {
		s.close()
		return nil, damaged(models.VisualFile, err)
	}
	return &Visual{session: s, spec: spec}, nil
}

// Batch returns how many pictures to pass to one Embed, and how many calls to run at once, to use the machine fully.
// On a processor single pictures in parallel are the fastest: measured with the built-in tower on two cores, one thread
// per run, images/s: two runs of batch 1: 75, of batch 8: 77; one run: 39 (docs/benchmarks.md#indexing).
// An accelerator runs one batch after another; the canary takes one row of each.
func (v *Visual) Batch() (size, parallel int) {
	if v.fallback != nil {
		return v.fallback.rows(), 1
	}
	return max(v.session.batch, 1), runtime.NumCPU()
}

// checkInput returns an error unless there is a single input of the shape; a dimension that the graph leaves open fits.
func checkInput(inputs []onnx.Value, want []int64, elems ...onnx.ElemType) error {
	if len(inputs) != 1 {
		return fmt.Errorf("the graph has %d inputs, want one", len(inputs))
	}
	return checkShape(inputs[0], want, elems...)
}

func checkShape(in onnx.Value, want []int64, elems ...onnx.ElemType) error {
	ok := len(in.Dims) == len(want)
	for i := 1; ok && i < len(want); i++ {
		ok = in.Dims[i] == onnx.Dynamic || in.Dims[i] == want[i]
	}
	if !ok {
		return fmt.Errorf("the input %q has shape %v, want [n %v]", in.Name, in.Dims, want[1:])
	}
	for _, e := range elems {
		if in.Elem == e {
			return nil
		}
	}
	return fmt.Errorf("the input %q is %v, want %v", in.Name, in.Elem, elems)
}

// Embed returns the L2-normalised vectors, each of Spec.Dim values, of n pictures whose tensors
// ([n,3,height,width], as preprocess.Config.Tensor writes them) follow one another.
func (v *Visual) Embed(tensors []float32, n int) ([][]float32, error) {
	if len(tensors) < n*v.spec.Preprocess.TensorLen() {
		return nil, fmt.Errorf("embed: %d values are too few for %d pictures", len(tensors), n)
	}
	if v.fallback != nil {
		return v.fallback.run(n, v.feed(tensors))
	}
	return v.session.run(n, v.feed(tensors))
}

func (v *Visual) close() {
	if v.fallback != nil {
		v.fallback.close()
		return
	}
	v.session.close()
}

// feed makes the input of rows of tensors.
func (v *Visual) feed(tensors []float32) func(rows []int) ([]ort.Value, error) {
	p := v.spec.Preprocess
	size := p.TensorLen()
	return func(rows []int) ([]ort.Value, error) {
		var data []float32
		if last := rows[len(rows)-1]; last == rows[0]+len(rows)-1 {
			data = tensors[rows[0]*size : (last+1)*size]
		} else { // rows repeated to fill a fixed batch, or the canary
			data = make([]float32, 0, len(rows)*size)
			for _, r := range rows {
				if r == canaryRow {
					data = append(data, v.canary...)
					continue
				}
				data = append(data, tensors[r*size:(r+1)*size]...)
			}
		}
		shape := ort.NewShape(int64(len(rows)), 3, int64(p.Height), int64(p.Width))
		if v.session.inputs[0].Elem == onnx.Float16 {
			t, err := ort.NewCustomDataTensor(shape, vec.Pack(data), ort.TensorElementDataTypeFloat16)
			return []ort.Value{t}, err
		}
		t, err := ort.NewTensor(shape, data)
		return []ort.Value{t}, err
	}
}
