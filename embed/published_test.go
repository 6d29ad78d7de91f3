package embed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// TestTinyCLIP compares with PyTorch on a random model in the published layout, with CLIP's tokenizer.
func TestTinyCLIP(t *testing.T) {
	dir := testkit.Shared(t, "reference", "tiny-clip")
	var want struct {
		Images map[string][]float32 `json:"images"`
		Texts  map[string][]float32 `json:"texts"`
	}
	readJSON(t, filepath.Join(dir, "embeddings.json"), &want)
	if len(want.Images) == 0 || len(want.Texts) == 0 {
		t.Fatal("no reference embeddings")
	}
	m, err := models.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	loader := newLoader(t, m)
	visual, err := loader.Visual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	textual, err := loader.Textual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	worst := 1.0
	for name, vector := range want.Images {
		x := tensor(t, loader.Spec(), testkit.Shared(t, "reference", "preprocess", "inputs", name))
		got, err := visual.Embed(x, 1)
		if err != nil {
			t.Fatal(err)
		}
		c := vec.Cosine(got[0], vector)
		worst = min(worst, c)
		if c < 0.999 {
			t.Errorf("%s: cosine %.5f", name, c)
		}
	}
	for text, vector := range want.Texts {
		got, err := textual.Embed([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		c := vec.Cosine(got[0], vector)
		worst = min(worst, c)
		if c < 0.999 {
			t.Errorf("%q: cosine %.5f", text, c)
		}
	}
	t.Logf("%d pictures and %d texts: cosine at least %.6f", len(want.Images), len(want.Texts), worst)
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// msg writes protobuf messages by hand, for graphs that no exporter would make.
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

// value is a ValueInfoProto.
func value(name string, elem int64, dims ...int64) msg {
	var shape msg
	for _, d := range dims {
		if d < 0 {
			shape = shape.sub(1, msg(nil).str(2, "n"))
		} else {
			shape = shape.sub(1, msg(nil).num(1, d))
		}
	}
	return msg(nil).str(1, name).sub(2, msg(nil).sub(1, msg(nil).num(1, elem).sub(2, shape)))
}

func node(op string, inputs []string, output string, attributes ...msg) msg {
	var n msg
	for _, in := range inputs {
		n = n.str(1, in)
	}
	n = n.str(2, output).str(4, op)
	for _, a := range attributes {
		n = n.sub(5, a)
	}
	return n
}

// Integer attributes: an axis, and the element type that Cast makes.
var (
	axis1   = msg(nil).str(1, "axis").num(3, 1).num(20, 2)
	toFloat = msg(nil).str(1, "to").num(3, elemFloat).num(20, 2)
)

// graph is a ModelProto of opset 17.
func graph(body msg) []byte {
	return msg(nil).num(1, 8).sub(8, msg(nil).str(1, "").num(2, 17)).sub(7, body.str(2, "g"))
}

const (
	elemFloat   = 1
	elemInt32   = 6
	elemInt64   = 7
	elemFloat16 = 10
)

// smallVisual pools a picture of 4 x 4 to the means of its channels: [n,3].
func smallVisual(elem int64, batch int64, input string) []byte {
	body := msg(nil).
		sub(1, node("GlobalAveragePool", []string{input}, "pooled")).
		sub(1, node("Flatten", []string{"pooled"}, "anything", axis1)).
		sub(11, value(input, elem, batch, 3, 4, 4)).
		sub(12, value("anything", elem, batch, 3))
	return graph(body)
}

// smallTextual is the first three ids as a vector; with a mask, times the mask.
func smallTextual(elem int64, batch int64, mask bool) []byte {
	starts := msg(nil).num(1, 1).num(2, elemInt64).str(8, "starts").sub(9, protowire.AppendFixed64(nil, 0))
	ends := msg(nil).num(1, 1).num(2, elemInt64).str(8, "ends").sub(9, protowire.AppendFixed64(nil, 3))
	axes := msg(nil).num(1, 1).num(2, elemInt64).str(8, "axes").sub(9, protowire.AppendFixed64(nil, 1))
	body := msg(nil)
	ids, name := "text", "text"
	if mask {
		name = "input_ids"
		body = body.sub(1, node("Mul", []string{"input_ids", "attention_mask"}, "masked"))
		ids = "masked"
	}
	body = body.
		sub(1, node("Slice", []string{ids, "starts", "ends", "axes"}, "first")).
		sub(1, node("Cast", []string{"first"}, "embedding", toFloat)).
		sub(5, starts).sub(5, ends).sub(5, axes).
		sub(11, value(name, elem, batch, 8))
	if mask {
		body = body.sub(11, value("attention_mask", elem, batch, 8))
	}
	return graph(body.sub(12, value("embedding", elemFloat, batch, 3)))
}

// maskFirst is smallTextual with the mask as its first input, and ids of another name.
func maskFirst() string {
	g := string(smallTextual(elemInt64, -1, true))
	ids, mask := string(msg(nil).sub(11, value("input_ids", elemInt64, -1, 8))), string(msg(nil).sub(11, value("attention_mask", elemInt64, -1, 8)))
	return strings.ReplaceAll(strings.Replace(g, ids+mask, mask+ids, 1), "input_ids", "the_words")
}

// smallModel writes a model of dimension 3; files replaces its own files.
func smallModel(t *testing.T, files map[string]string) models.Model {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		models.ConfigFile:          `{"embed_dim":3,"text_cfg":{"context_length":8}}`,
		models.PreprocessFile:      `{"size":[4,4],"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"interpolation":"bilinear","resize_mode":"squash"}`,
		models.TokenizerConfigFile: `{"pad_token":{"content":"<pad>"}}`,
		models.TokenizerFile: `{"added_tokens":[],"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"WhitespaceSplit"},"post_processor":null,
			"model":{"type":"WordPiece","unk_token":"<unk>","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"<pad>":0,"<unk>":1,"dog":2,"on":3,"beach":4}}}`,
		models.VisualFile:  string(smallVisual(elemFloat, -1, "image")),
		models.TextualFile: string(smallTextual(elemInt32, -1, false)),
	}
	for name, data := range files {
		all[name] = data
	}
	for name, data := range all {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := models.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestVariants: the variants among published exports work, and give the same vectors.
func TestVariants(t *testing.T) {
	picture := make([]float32, 2*3*4*4)
	for i := range picture {
		picture[i] = float32(i%48)/48 + 0.25*float32(i/48)
	}
	for name, files := range map[string]map[string]string{
		"as it is":         nil,
		"batch fixed at 1": {models.VisualFile: string(smallVisual(elemFloat, 1, "image")), models.TextualFile: string(smallTextual(elemInt32, 1, false))},
		"batch fixed at 3": {models.VisualFile: string(smallVisual(elemFloat, 3, "image")), models.TextualFile: string(smallTextual(elemInt32, 3, false))},
		"other names":      {models.VisualFile: string(smallVisual(elemFloat, -1, "pixel_values"))},
		"int64 text":       {models.TextualFile: string(smallTextual(elemInt64, -1, false))},
		"ids with a mask":  {models.TextualFile: string(smallTextual(elemInt64, -1, true))},
		"mask before ids":  {models.TextualFile: maskFirst()},
		"half precision":   {models.VisualFile: string(smallVisual(elemFloat16, -1, "image"))},
	} {
		t.Run(name, func(t *testing.T) {
			m := smallModel(t, files)
			spec, err := embed.ReadSpec(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := embed.Check(spec, embed.Options{Library: embed.RuntimeOptions{Options: ortlib.Options{Explicit: testkit.RuntimeLibrary(t)}}}); err != nil {
				t.Fatal(err)
			}
			loader := newLoader(t, m)
			visual, err := loader.Visual(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			got, err := visual.Embed(picture, 2)
			if err != nil {
				t.Fatal(err)
			}
			for i, base := range []float64{0, 0.25} {
				want := []float32{float32(base + 7.5/48), float32(base + 23.5/48), float32(base + 39.5/48)}
				if c := vec.Cosine(got[i], want); c < 0.99999 {
					t.Errorf("picture %d: %v, want the direction of %v (cosine %f)", i, got[i], want, c)
				}
			}
			textual, err := loader.Textual(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			texts, err := textual.Embed([]string{"dog on beach", "beach dog"})
			if err != nil {
				t.Fatal(err)
			}
			if c := vec.Cosine(texts[0], []float32{2, 3, 4}); c < 0.99999 {
				t.Errorf("text 0: %v", texts[0])
			}
			if c := vec.Cosine(texts[1], []float32{4, 2, 0}); c < 0.99999 {
				t.Errorf("text 1: %v", texts[1])
			}
		})
	}
}

// outside is a tensor whose values are in a file of their own.
func outside(name, location string) msg {
	entry := func(k, v string) msg { return msg(nil).str(1, k).str(2, v) }
	return msg(nil).num(1, 3).num(2, elemFloat).str(8, name).sub(13, entry("location", location)).sub(13, entry("offset", "0")).sub(13, entry("length", "12")).num(14, 1)
}

// withBias is smallVisual plus a bias that is stored next to the graph.
func withBias(location string) []byte {
	return graph(msg(nil).
		sub(1, node("GlobalAveragePool", []string{"image"}, "pooled")).
		sub(1, node("Flatten", []string{"pooled"}, "flat", axis1)).
		sub(1, node("Add", []string{"flat", "bias"}, "embedding")).
		sub(5, outside("bias", location)).
		sub(11, value("image", elemFloat, -1, 3, 4, 4)).sub(12, value("embedding", elemFloat, -1, 3)))
}

// TestWeightsBeside: weights next to the graph may have any name, and are part of the model's identity.
func TestWeightsBeside(t *testing.T) {
	const name = "523d3c00-47e7-11ef-bc68-00155d655292"
	bias := string(protowire.AppendFixed32(protowire.AppendFixed32(protowire.AppendFixed32(nil, floatBits(100)), 0), 0))
	identity := func(data string) string {
		t.Helper()
		m := smallModel(t, map[string]string{models.VisualFile: string(withBias(name)), "visual/" + name: data})
		spec, err := embed.ReadSpec(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.ReadDigests(""); err != nil {
			t.Fatal(err)
		}
		visual, err := newLoader(t, m).Visual(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got, err := visual.Embed(make([]float32, 48), 1)
		if err != nil {
			t.Fatal(err)
		}
		if got[0][0] < 0.999 {
			t.Errorf("vector %v: the weights beside the graph were not used", got[0])
		}
		return spec.Identity(embed.FP32)
	}
	if identity(bias) == identity(bias[:8]+string(protowire.AppendFixed32(nil, floatBits(0.5)))) {
		t.Error("other weights, the same identity")
	}
}

// TestHostileModels: each gives a clear error that names the file, never a crash or a read outside the folder.
func TestHostileModels(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, make([]byte, 12), 0o600); err != nil {
		t.Fatal(err)
	}
	whole := string(smallVisual(elemFloat, -1, "image"))
	nan := string(graph(msg(nil).
		sub(1, node("GlobalAveragePool", []string{"image"}, "pooled")).
		sub(1, node("Flatten", []string{"pooled"}, "flat", axis1)).
		sub(1, node("Sub", []string{"flat", "flat"}, "zero")).
		sub(1, node("Div", []string{"zero", "zero"}, "embedding")).
		sub(11, value("image", elemFloat, -1, 3, 4, 4)).sub(12, value("embedding", elemFloat, -1, 3))))
	for name, c := range map[string]struct {
		files map[string]string
		want  error
		says  string
	}{
		"climbs out":             {map[string]string{models.VisualFile: string(withBias("../../" + filepath.Base(secret)))}, models.ErrDamaged, "outside its folder"},
		"absolute path":          {map[string]string{models.VisualFile: string(withBias(secret))}, models.ErrDamaged, "outside its folder"},
		"weights that are gone":  {map[string]string{models.VisualFile: string(withBias("nowhere"))}, models.ErrMissing, "visual/nowhere"},
		"truncated":              {map[string]string{models.VisualFile: whole[:len(whole)/2]}, models.ErrDamaged, models.VisualFile},
		"empty":                  {map[string]string{models.TextualFile: ""}, models.ErrDamaged, models.TextualFile},
		"a page instead":         {map[string]string{models.VisualFile: "<html>not found</html>"}, models.ErrDamaged, models.VisualFile},
		"unknown operation":      {map[string]string{models.VisualFile: strings.Replace(whole, "GlobalAveragePool", "GlobalAveragePoof", 1)}, models.ErrDamaged, "GlobalAveragePoof"},
		"absurd batch":           {map[string]string{models.VisualFile: string(smallVisual(elemFloat, 1<<33, "image"))}, models.ErrDamaged, "batches of"},
		"needs token types":      {map[string]string{models.TextualFile: strings.ReplaceAll(string(smallTextual(elemInt64, -1, true)), "attention_mask", "token_type_ids")}, models.ErrDamaged, "token_type_ids"},
		"another cleaning":       {map[string]string{models.ConfigFile: `{"embed_dim":3,"text_cfg":{"context_length":8,"tokenizer_kwargs":{"clean":"nonsense"}}}`}, models.ErrDamaged, "nonsense"},
		"another special token":  {map[string]string{models.ConfigFile: `{"embed_dim":3,"text_cfg":{"context_length":8,"tokenizer_kwargs":{"strip_sep_token":true}}}`}, models.ErrDamaged, "strip_sep_token"},
		"endless config":         {map[string]string{models.ConfigFile: strings.Repeat(" ", models.MaxSmall+1)}, models.ErrDamaged, "bytes"},
		"wrong picture size":     {map[string]string{models.PreprocessFile: `{"size":5,"mean":[0,0,0],"std":[1,1,1]}`}, models.ErrDamaged, "shape"},
		"wrong dimension":        {map[string]string{models.ConfigFile: `{"embed_dim":4,"text_cfg":{"context_length":8}}`}, models.ErrDamaged, "dimension"},
		"wrong context":          {map[string]string{models.ConfigFile: `{"embed_dim":3,"text_cfg":{"context_length":9}}`}, models.ErrDamaged, "shape"},
		"absurd dimension":       {map[string]string{models.ConfigFile: `{"embed_dim":1000000000,"text_cfg":{"context_length":8}}`}, models.ErrDamaged, "embed_dim"},
		"pictures as text":       {map[string]string{models.VisualFile: string(smallVisual(elemInt32, -1, "image"))}, models.ErrDamaged, "int32"},
		"not a number":           {map[string]string{models.VisualFile: nan}, models.ErrDamaged, "not finite"},
		"config is not JSON":     {map[string]string{models.ConfigFile: "embed_dim: 3"}, models.ErrDamaged, models.ConfigFile},
		"unknown tokenizer part": {map[string]string{models.TokenizerFile: `{"model":{"type":"Morse"}}`}, models.ErrDamaged, "Morse"},
		"unknown interpolation":  {map[string]string{models.PreprocessFile: `{"size":4,"mean":[0,0,0],"std":[1,1,1],"interpolation":"lanczos"}`}, models.ErrDamaged, "lanczos"},
	} {
		t.Run(name, func(t *testing.T) {
			m := smallModel(t, c.files)
			spec, err := embed.ReadSpec(m)
			if err == nil {
				_, err = embed.Check(spec, embed.Options{Library: embed.RuntimeOptions{Options: ortlib.Options{Explicit: testkit.RuntimeLibrary(t)}}})
			}
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("err = %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

// TestLinkedWeights: a link out of the folder is not followed.
func TestLinkedWeights(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, make([]byte, 12), 0o600); err != nil {
		t.Fatal(err)
	}
	m := smallModel(t, map[string]string{models.VisualFile: string(withBias("weights"))})
	if err := os.Symlink(secret, filepath.Join(m.Dir, "visual", "weights")); err != nil {
		t.Skip(err)
	}
	_, err := newLoader(t, m).Visual(context.Background())
	if !errors.Is(err, models.ErrMissing) || !strings.Contains(err.Error(), "visual/weights") {
		t.Errorf("err = %v", err)
	}
}

func floatBits(v float32) uint32 { return math.Float32bits(v) }
