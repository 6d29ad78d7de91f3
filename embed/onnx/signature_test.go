package onnx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/models"
)

func starterTower(t testing.TB, name string) []byte {
	t.Helper()
	data, err := models.Builtin().ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadSignature(t *testing.T) {
	visual, err := onnx.ReadSignature(bytes.NewReader(starterTower(t, models.VisualFile)))
	if err != nil {
		t.Fatal(err)
	}
	if len(visual.Inputs) != 1 || visual.Inputs[0].Name != "image" || visual.Inputs[0].Elem != onnx.Float ||
		!slices.Equal(visual.Inputs[0].Dims, []int64{onnx.Dynamic, 3, 260, 260}) {
		t.Errorf("visual inputs = %+v", visual.Inputs)
	}
	textual, err := onnx.ReadSignature(bytes.NewReader(starterTower(t, models.TextualFile)))
	if err != nil {
		t.Fatal(err)
	}
	if len(textual.Inputs) != 1 || textual.Inputs[0].Name != "text" || textual.Inputs[0].Elem != onnx.Int32 {
		t.Errorf("textual inputs = %+v", textual.Inputs)
	}
	if len(textual.Outputs) != 1 || textual.Outputs[0].Name != "embedding" {
		t.Errorf("textual outputs = %+v", textual.Outputs)
	}
}

func TestReadSignatureRefuses(t *testing.T) {
	whole := starterTower(t, models.TextualFile)
	for name, data := range map[string][]byte{
		"empty":     nil,
		"text":      []byte("<html>Not Found</html>"),
		"truncated": whole[:len(whole)/2],
		"LFS stub":  []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"),
	} {
		if _, err := onnx.ReadSignature(bytes.NewReader(data)); !errors.Is(err, onnx.ErrFormat) {
			t.Errorf("%s: err = %v, want ErrFormat", name, err)
		}
	}
}

func FuzzReadSignature(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x3a, 0x02, 0x5a, 0x00})
	f.Add([]byte("\x3a\x0c\x5a\x0a\x0a\x01x\x12\x05\x0a\x03\x08\x01\x12"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sig, err := onnx.ReadSignature(bytes.NewReader(data))
		if err == nil && (len(sig.Inputs) == 0 || len(sig.Outputs) == 0) {
			t.Errorf("accepted a graph without inputs or outputs: %+v", sig)
		}
	})
}

// TestDeepGraphs: deeply nested graphs are rejected before they overflow the stack.
func TestDeepGraphs(t *testing.T) {
	field := func(num byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{num<<3 | 2}, uint64(len(body))), body...)
	}
	graph := []byte{}
	for range 1000 {
		graph = field(1, field(5, field(6, graph))) // a node with an attribute that is a graph
	}
	if _, err := onnx.ReadSignature(bytes.NewReader(field(7, graph))); !errors.Is(err, onnx.ErrFormat) || !strings.Contains(err.Error(), "deep") {
		t.Errorf("err = %v", err)
	}
}
