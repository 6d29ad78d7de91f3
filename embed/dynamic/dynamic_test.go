package dynamic

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

// TestPlaceFree: where the batch goes when a value gets a new shape.
func TestPlaceFree(t *testing.T) {
	n := dim{before: 1, free: 1, after: 1}
	f := fixed
	for name, c := range map[string]struct{ in, target, want []dim }{
		"stays":                  {[]dim{n, f(768), f(8), f(8)}, []dim{f(1), f(768), f(64)}, []dim{n, f(768), f(64)}},
		"in front":               {[]dim{n, f(6)}, []dim{f(2), f(3)}, []dim{{1, 1, 2}, f(3)}},
		"heads behind the batch": {[]dim{f(50), n, f(768)}, []dim{f(50), f(12), f(64)}, []dim{f(50), {1, 1, 12}, f(64)}},
		"rows before features":   {[]dim{f(50), n, f(12), f(64)}, []dim{f(50), f(768)}, []dim{{50, 1, 1}, f(768)}},
		"rows apart again":       {[]dim{{50, 1, 1}, f(768)}, []dim{f(50), f(1), f(768)}, []dim{f(50), n, f(768)}},
		"heads apart again":      {[]dim{{1, 1, 12}, f(50), f(64)}, []dim{f(1), f(12), f(50), f(64)}, []dim{n, f(12), f(50), f(64)}},
		"known by Shape":         {[]dim{f(5), n, f(6)}, []dim{n, f(5), f(6)}, nil}, // a dimension in front of others that it is minor to
		"inside a dimension":     {[]dim{f(4), n, f(9)}, []dim{f(6), f(6)}, nil},
	} {
		place, got, err := placeFree(c.in, c.target)
		if c.want == nil {
			if !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s: %v at %d, %v; want ErrUnsafe", name, got, place, err)
			}
			continue
		}
		if err != nil || !got[place].isFree() {
			t.Errorf("%s: %v at %d, %v", name, got, place, err)
			continue
		}
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// TestSplit: equal parts of an axis that is not freed, as SigLIP's heads are cut.
func TestSplit(t *testing.T) {
	in := value{shape: []dim{fixed(3), {1, 1, 1}, fixed(64)}}
	for name, c := range map[string]struct {
		parts value
		axis  int64
		want  int64 // 0: refused
	}{
		"equal":       {constant([]int64{3}, []int64{1, 1, 1}), 0, 1},
		"unequal":     {constant([]int64{3}, []int64{1, 2, 0}), 0, 0},
		"the batch":   {constant([]int64{3}, []int64{1, 1, 1}), 1, 0},
		"indivisible": {constant([]int64{3}, []int64{21, 21, 22}), 2, 0},
	} {
		n := onnx.NewNode("Split", "s", []string{"x", "parts"}, []string{"a", "b", "c"}).WithInt("axis", c.axis)
		got, err := split(&call{follower: &follower{}, node: n, in: []value{in, c.parts}})
		if c.want == 0 {
			if !errors.Is(err, ErrUnsafe) {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		} else if err != nil || got.shape[c.axis] != fixed(c.want) || !got.shape[1].alone() {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestPart(t *testing.T) {
	for _, c := range []struct{ n, start, end, step, first, count int64 }{
		{5, 0, 5, 1, 0, 5}, {5, -2, 1 << 62, 1, 3, 2}, {5, 1, -1, 2, 1, 2}, {5, 3, 1, 1, 3, 0},
		{5, -1, -6, -1, 4, 5}, {5, 4, 0, -2, 4, 2}, {0, 0, 1, 1, 0, 0}, {5, -1 << 63, 1<<63 - 1, 1, 0, 5},
	} {
		if first, count := part(c.n, c.start, c.end, c.step); first != c.first || count != c.count {
			t.Errorf("part(%d, %d, %d, %d) = %d, %d; want %d, %d", c.n, c.start, c.end, c.step, first, count, c.first, c.count)
		}
	}
}

// FuzzBatch: a hostile graph is rejected or rewritten, and never causes a crash or an allocation larger than itself.
func FuzzBatch(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("..", "testdata", "*.onnx"))
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := onnx.ReadGraph(bytes.NewReader(data), int64(len(data)), nil)
		if err != nil {
			return
		}
		if err := Batch(g); err != nil {
			return
		}
		var out bytes.Buffer
		if err := g.WriteShell(&out, "model.onnx"); err != nil {
			t.Skip(err)
		}
		if _, err := onnx.ReadSignature(bytes.NewReader(out.Bytes())); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}
