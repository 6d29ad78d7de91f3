package embed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// session is one tower in the native runtime.
type session struct {
	native *ort.DynamicAdvancedSession
	inputs []onnx.Value
	output onnx.Value
	// batch is the number of rows that a run takes; 0: any.
	batch int
	// alone runs one row per batch, repeated to fill it.
	alone bool
	dim   int
	// unmap releases the mapping that the session was loaded from; nil: none.
	unmap func() error
}

// tuning is how a tower is loaded.
type tuning struct {
	// threads is the number of threads that one run uses; 0: one per physical core.
	threads int
	// oneShot skips the graph's optimisation, for a process that runs the tower only once. Measured with the built-in
	// text tower, two cores: load and first run 90 ms instead of 150, later runs 28 ms instead of 16.
	oneShot bool
	// path is a copy of the tower to load instead of the file; "": none.
	path string
	// alone runs rows one by one.
	alone bool
	// freeBatch makes a fixed batch dynamic.
	freeBatch bool
	// copied is the copy of the text tower to open instead of it; nil: none.
	copied *oneShotCopy
	// on is the tower's placement; nil: the processor.
	on *placement
}

// maxBatch is the largest fixed batch size that a graph may have: a batch is allocated as a whole.
const maxBatch = 64

// sessionOptions returns the runtime's options for one tower.
func sessionOptions(tune tuning) (*ort.SessionOptions, error) {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	var level ort.GraphOptimizationLevel = ort.GraphOptimizationLevelEnableAll
	if tune.oneShot {
		level = ort.GraphOptimizationLevelDisableAll
	}
	for _, set := range []func() error{
		func() error { return options.SetGraphOptimizationLevel(level) },
		func() error { return options.SetIntraOpNumThreads(tune.threads) },
		func() error { return options.SetInterOpNumThreads(1) },
		// Threads that spin between runs would take the cores from the decoders.
		func() error { return options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
	} {
		if err := set(); err != nil {
			options.Destroy()
			return nil, err
		}
	}
	return options, nil
}

// openSession loads one tower, on the processor unless tune places it elsewhere.
func openSession(spec Spec, file string, sig onnx.Signature, tune tuning) (*session, error) {
	if err := checkFiles(spec, file); err != nil {
		return nil, err
	}
	options, err := sessionOptions(tune)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", file, err)
	}
	defer options.Destroy()
	at := spec.Model.Path(file)
	if tune.path != "" {
		at = tune.path
	}
	var data []byte
	if tune.copied != nil {
		sig = oneShotSignature(sig, tune.copied.Context)
	} else if at == "" && tune.on == nil {
		data, err = spec.Model.ReadFile(file)
	} else if data, sig, err = spec.readShell(file, at, tune.reshape()); err == nil && at != "" {
		err = options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", filepath.Dir(at))
	}
	if err != nil {
		return nil, err
	}
	if tune.on != nil {
		if err := tune.on.appendTo(options); err != nil {
			return nil, fmt.Errorf("choose %s: %w", tune.on.definition.Native, err)
		}
	}
	s := &session{inputs: sig.Inputs, dim: spec.Dim}
	if err := s.chooseOutput(sig.Outputs); err != nil {
		return nil, damaged(file, err)
	}
	names := make([]string, len(sig.Inputs))
	for i, v := range sig.Inputs {
		names[i] = v.Name
	}
	if tune.copied != nil {
		err = openOneShot(s, *tune.copied, names, options)
	} else {
		s.native, err = ort.NewDynamicAdvancedSessionWithONNXData(data, names, []string{s.output.Name}, options)
	}
	switch {
	case err != nil && strings.Contains(err.Error(), "bad_alloc"):
		return nil, fmt.Errorf("%w: load %s: %w", ErrNoMemory, file, err)
	case err != nil && tune.on != nil: // the processor loads the same file next, and reports it if it is damaged
		return nil, fmt.Errorf("initialise %s: %w", tune.on.definition.Native, err)
	case err != nil:
		return nil, damaged(file, err)
	}
	s.fixBatch()
	if s.batch > maxBatch {
		s.close()
		return nil, damaged(file, fmt.Errorf("the graph requires batches of %d", s.batch))
	}
	s.alone = s.alone || tune.alone
	return s, nil
}

// checkFiles checks that the weight files next to a graph exist in the model's folder: the runtime's error would say less.
func checkFiles(spec Spec, file string) error {
	for _, name := range spec.weightFiles(file) {
		dir, base := path.Split(name)
		sub, done := spec.Model.SubFS(path.Clean(dir))
		f, err := sub.Open(base)
		if err == nil {
			err = f.Close()
		}
		done()
		if err != nil {
			return fmt.Errorf("%w: %s: %w", models.ErrMissing, name, err)
		}
	}
	return nil
}

func readSignature(m models.Model, file string) (onnx.Signature, error) {
	var r io.ReadSeeker
	if path := m.Path(file); path != "" {
		f, err := os.Open(path)
		if err != nil {
			return onnx.Signature{}, fmt.Errorf("read model file: %w: %w", models.ErrMissing, err)
		}
		defer f.Close()
		r = f
	} else {
		data, err := m.ReadFile(file)
		if err != nil {
			return onnx.Signature{}, err
		}
		r = bytes.NewReader(data)
	}
	sig, err := onnx.ReadSignature(r)
	if errors.Is(err, onnx.ErrFormat) {
		return sig, damaged(file, err)
	}
	return sig, err
}

// chooseOutput finds the embedding: the first output of shape [n, dim], since some exporters also return the tokens' vectors.
// Its name does not matter.
func (s *session) chooseOutput(outputs []onnx.Value) error {
	fits := func(out onnx.Value) error {
		if out.Elem != onnx.Float && out.Elem != onnx.Float16 {
			return fmt.Errorf("the output %q is %v, want float32 or float16", out.Name, out.Elem)
		}
		n := len(out.Dims)
		if n != 0 && n != 2 {
			return fmt.Errorf("the output %q has shape %v, want [n %d]", out.Name, out.Dims, s.dim)
		}
		if n > 0 && out.Dims[n-1] != onnx.Dynamic && out.Dims[n-1] != int64(s.dim) {
			return fmt.Errorf("the output %q has dimension %d, config.json says %d", out.Name, out.Dims[n-1], s.dim)
		}
		return nil
	}
	for _, out := range outputs {
		if fits(out) == nil {
			s.output = out
			return nil
		}
	}
	return fits(outputs[0])
}

// fixBatch reads the batch size that the graph is fixed at.
func (s *session) fixBatch() {
	for _, in := range s.inputs {
		if len(in.Dims) > 0 && in.Dims[0] != onnx.Dynamic {
			s.batch = int(in.Dims[0])
		}
	}
}

// run feeds n rows and returns their vectors, normalised. feed makes the inputs of the given rows; several goroutines may
// call it at once. If the graph has a fixed batch size, the rows run in batches of that size, the last one filled up with
// repeated rows, and as many batches run at once as there are cores: measured with ViT-B/32 on two cores, 200 queries take
// 9.6 s this way and 10.0 s in batches of 8 (docs/benchmarks.md#batch).
func (s *session) run(n int, feed func(rows []int) ([]ort.Value, error)) ([][]float32, error) {
	size := s.batch
	switch {
	case s.alone:
		size = max(size, 1)
	case size == 0:
		size = n
	}
	step := size
	if s.alone {
		step = 1
	}
	vectors := make([][]float32, n)
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for from := 0; from < n; from += step {
		rows := make([]int, size)
		for i := range rows {
			rows[i] = min(from+i, from+step-1, n-1)
		}
		g.Go(func() error {
			got, err := s.runBatch(rows, feed)
			copy(vectors[from:min(from+step, n)], got)
			return err
		})
	}
	return vectors, g.Wait()
}

func (s *session) runBatch(rows []int, feed func(rows []int) ([]ort.Value, error)) ([][]float32, error) {
	inputs, err := feed(rows)
	defer func() {
		for _, in := range inputs {
			_ = in.Destroy()
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("make the model's input: %w", err)
	}
	out, read, err := s.newOutput(len(rows))
	if err != nil {
		return nil, fmt.Errorf("make the model's output: %w", err)
	}
	defer func() { _ = out.Destroy() }()
	if err := s.native.Run(inputs, []ort.Value{out}); err != nil {
		return nil, fmt.Errorf("run the model: %w", err)
	}
	return split(read(), len(rows), s.dim)
}

// newOutput allocates the embeddings of n rows; read returns them after the run.
func (s *session) newOutput(n int) (out ort.Value, read func() []float32, err error) {
	shape := ort.NewShape(int64(n), int64(s.dim))
	if s.output.Elem == onnx.Float16 {
		raw := make([]byte, 2*n*s.dim)
		t, err := ort.NewCustomDataTensor(shape, raw, ort.TensorElementDataTypeFloat16)
		return t, func() []float32 { return vec.Unpack(raw) }, err
	}
	t, err := ort.NewEmptyTensor[float32](shape)
	return t, func() []float32 { return t.GetData() }, err
}

func (s *session) close() {
	_ = s.native.Destroy()
	if s.unmap != nil {
		_ = s.unmap()
	}
}
