package quantize_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
	"golang.org/x/sys/cpu"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

type msg []byte

func (m msg) str(num protowire.Number, s string) msg {
	return protowire.AppendString(protowire.AppendTag(m, num, protowire.BytesType), s)
}

func (m msg) sub(num protowire.Number, body msg) msg {
	return protowire.AppendBytes(protowire.AppendTag(m, num, protowire.BytesType), body)
}

func (m msg) num(num protowire.Number, n int64) msg {
	return protowire.AppendVarint(protowire.AppendTag(m, num, protowire.VarintType), uint64(n))
}

// The sizes of the two products of the test graph.
const inDim, midDim, outDim = 48, 64, 32

func value(name string, dims ...int64) msg {
	var shape msg
	for _, d := range dims {
		if d < 0 {
			shape = shape.sub(1, msg(nil).str(2, "n"))
		} else {
			shape = shape.sub(1, msg(nil).num(1, d))
		}
	}
	return msg(nil).str(1, name).sub(2, msg(nil).sub(1, msg(nil).num(1, 1).sub(2, shape)))
}

func node(op string, inputs []string, output string, attributes ...msg) msg {
	var n msg
	for _, in := range inputs {
		n = n.str(1, in)
	}
	n = n.str(2, output).str(3, op+" of the test").str(4, op)
	for _, a := range attributes {
		n = n.sub(5, a)
	}
	return n
}

func tensor(name string, values []float32, dims ...int64) msg {
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	t := msg(nil)
	for _, d := range dims {
		t = t.num(1, d)
	}
	return t.num(2, 1).str(8, name).sub(9, raw)
}

// twoProducts is x·A, then a Gemm with B transposed and a bias: out = (x·A)·Bᵀ + c.
func twoProducts(opset int64, weights ...[]float32) []byte {
	transB := msg(nil).str(1, "transB").num(3, 1).num(20, 2)
	body := msg(nil).
		sub(1, node("MatMul", []string{"x", "A"}, "mid")).
		sub(1, node("Gemm", []string{"mid", "B", "c"}, "out", transB)).
		sub(5, tensor("A", weights[0], inDim, midDim)).
		sub(5, tensor("B", weights[1], outDim, midDim)).
		sub(5, tensor("c", weights[2], outDim)).
		sub(11, value("x", -1, inDim)).sub(12, value("out", -1, outDim)).str(2, "g")
	return msg(nil).num(1, 8).sub(8, msg(nil).str(1, "").num(2, opset)).sub(7, body)
}

func randomValues(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return values
}

func rewritten(t *testing.T, data []byte, o quantize.Options) []byte {
	t.Helper()
	g, err := onnx.ReadGraph(bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if n, err := quantize.Dynamic(g, &out, o); err != nil || n != 2 {
		t.Fatalf("%d products, %v", n, err)
	}
	return out.Bytes()
}

func run(t *testing.T, graph []byte, x []float32) []float32 {
	t.Helper()
	if !ort.IsInitialized() {
		ort.SetSharedLibraryPath(testkit.RuntimeLibrary(t))
		if err := ort.InitializeEnvironment(); err != nil {
			t.Fatal(err)
		}
	}
	s, err := ort.NewDynamicAdvancedSessionWithONNXData(graph, []string{"x"}, []string{"out"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Destroy()
	in, err := ort.NewTensor(ort.NewShape(1, inDim), x)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ort.NewEmptyTensor[float32](ort.NewShape(1, outDim))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run([]ort.Value{in}, []ort.Value{out}); err != nil {
		t.Fatal(err)
	}
	return out.GetData()
}

// TestDynamic: the rewritten graph runs, is smaller, and gives nearly the same answer; with 7-bit weights a little less so.
func TestDynamic(t *testing.T) {
	a, b, c := randomValues(1, inDim*midDim), randomValues(2, outDim*midDim), randomValues(3, outDim)
	for i := range midDim { // a column of zeros has no scale of its own
		b[5*midDim+i] = 0
	}
	whole := twoProducts(17, a, b, c)
	x := randomValues(4, inDim)
	want := run(t, whole, x)
	eight := 0.02
	if !cpu.X86.HasAVX512VNNI && !cpu.X86.HasAVXVNNI && !cpu.ARM64.HasASIMDDP {
		eight = 0.1 // pairs of products overflow there, which 7 bits prevent
	}
	for name, c := range map[string]struct {
		options quantize.Options
		most    float64 // of the error, relative to the answer's length
	}{"8 bits": {quantize.Options{}, eight}, "7 bits": {quantize.Options{ReduceRange: true}, 0.03}} {
		small := rewritten(t, whole, c.options)
		if len(small) > len(whole)/2 {
			t.Errorf("%s: %d bytes of %d", name, len(small), len(whole))
		}
		got := run(t, small, x)
		diff, length := 0.0, 0.0
		for i := range want {
			diff += math.Pow(float64(got[i]-want[i]), 2)
			length += math.Pow(float64(want[i]), 2)
		}
		if e := math.Sqrt(diff / length); e > c.most || e == 0 {
			t.Errorf("%s: relative error %.4f, want at most %.2f and some", name, e, c.most)
		}
	}
}

func TestDynamicRefuses(t *testing.T) {
	a, b, c := randomValues(1, inDim*midDim), randomValues(2, outDim*midDim), randomValues(3, outDim)
	endless := append([]float32(nil), a...)
	endless[7] = float32(math.Inf(1))
	for name, c := range map[string]struct {
		data []byte
		want error
		says string
	}{
		"old operators": {twoProducts(9, a, b, c), quantize.ErrNothing, "opset 9"},
		"infinity":      {twoProducts(17, endless, b, c), nil, "not finite"},
		"short weights": {twoProducts(17, a[:100], b, c), onnx.ErrFormat, `"A"`},
		"no products":   {bytes.ReplaceAll(bytes.ReplaceAll(twoProducts(17, a, b, c), []byte("MatMul"), []byte("MatMux")), []byte("Gemm"), []byte("Gexx")), quantize.ErrNothing, ""},
	} {
		g, err := onnx.ReadGraph(bytes.NewReader(c.data), int64(len(c.data)), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = quantize.Dynamic(g, &bytes.Buffer{}, quantize.Options{})
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

// TestUnchanged: a graph that is read and written again gives the same answer.
func TestUnchanged(t *testing.T) {
	whole := twoProducts(17, randomValues(1, inDim*midDim), randomValues(2, outDim*midDim), randomValues(3, outDim))
	g, err := onnx.ReadGraph(bytes.NewReader(whole), int64(len(whole)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := g.Write(&out); err != nil {
		t.Fatal(err)
	}
	x := randomValues(4, inDim)
	want, got := run(t, whole, x), run(t, out.Bytes(), x)
	for i := range want {
		if want[i] != got[i] {
			t.Fatalf("answers differ at %d: %v, %v", i, want[i], got[i])
		}
	}
}

// TestTinyCLIP: a real exporter's tower is rewritten completely.
func TestTinyCLIP(t *testing.T) {
	path := testkit.Shared(t, "reference", "tiny-clip", "visual", "model.onnx")
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	g, err := onnx.ReadGraph(f, info.Size(), os.DirFS(filepath.Dir(path)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	// Two layers of four products (qkv, out, two of the MLP) and the projection.
	if n, err := quantize.Dynamic(g, &out, quantize.Options{}); err != nil || n != 9 {
		t.Errorf("%d products, %v, want 9", n, err)
	}
	if _, err := onnx.ReadSignature(bytes.NewReader(out.Bytes())); err != nil {
		t.Error(err)
	}
}

// FuzzDynamic rewrites damaged graphs: each gives an error, or a graph that can be read.
func FuzzDynamic(f *testing.F) {
	whole := twoProducts(17, randomValues(1, inDim*midDim), randomValues(2, outDim*midDim), randomValues(3, outDim))
	f.Add(whole)
	f.Add(whole[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := onnx.ReadGraph(bytes.NewReader(data), int64(len(data)), nil)
		if err != nil {
			return
		}
		var out bytes.Buffer
		if _, err := quantize.Dynamic(g, &out, quantize.Options{}); err == nil {
			if _, err := onnx.ReadSignature(bytes.NewReader(out.Bytes())); err != nil {
				t.Errorf("what was written cannot be read: %v", err)
			}
		}
	})
}
