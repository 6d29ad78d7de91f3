package embed_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// fixedClip are the files of a small transformer as PyTorch exports it with a batch of one (testdata/make_fixed_clip.py).
func fixedClip(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{
		models.ConfigFile:     `{"embed_dim":8,"text_cfg":{"context_length":8}}`,
		models.PreprocessFile: `{"size":[32,32],"mean":[0.5,0.5,0.5],"std":[0.5,0.5,0.5],"interpolation":"bicubic","resize_mode":"shortest"}`,
	}
	for name, file := range map[string]string{models.VisualFile: "fixed_visual.onnx", models.TextualFile: "fixed_textual.onnx"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(data)
	}
	return files
}

// TestFreedBatch: a transformer exported with a fixed batch gives several rows at once the vectors that it gives each alone; a
// graph that cannot be followed stays as it is, and works.
func TestFreedBatch(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"a transformer":   {fixedClip(t), []string{models.VisualFile, models.TextualFile}},
		"dynamic already": {nil, nil},
		"fixed at three":  {map[string]string{models.VisualFile: string(smallVisual(elemFloat, 3, "image")), models.TextualFile: string(smallTextual(elemInt32, 3, false))}, nil},
		"mixes a batch": {map[string]string{models.VisualFile: string(graph(msg(nil).
			sub(1, node("GlobalAveragePool", []string{"image"}, "pooled")).
			sub(1, node("Flatten", []string{"pooled"}, "flat", axis1)).
			sub(1, node("Softmax", []string{"flat"}, "embedding", msg(nil).str(1, "axis").num(3, 0).num(20, 2))).
			sub(11, value("image", elemFloat, 1, 3, 4, 4)).sub(12, value("embedding", elemFloat, 1, 3))))}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := embed.ReadSpec(smallModel(t, c.files))
			if err != nil {
				t.Fatal(err)
			}
			var log []string
			found, err := embed.Check(spec, embed.Options{
				Library: embed.RuntimeOptions{Options: ortlib.Options{Explicit: testkit.RuntimeLibrary(t)}},
				Logf:    func(format string, _ ...any) { log = append(log, format) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(found.DynamicBatch, c.want) {
				t.Errorf("freed %v, want %v (%v)", found.DynamicBatch, c.want, log)
			}
		})
	}
}
