package warmup_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// catalogued is a model name from the catalogue. The test hub serves the built-in model's files under it.
const catalogued = "ViT-B-32__laion2b-s34b-b79k"

// TestWarmupPulls checks that warmup --model downloads a model that is not installed.
func TestWarmupPulls(t *testing.T) {
	p := scenario.NewProgram(t)
	hub := testkit.NewHub(t, "immich-app/"+catalogued, scenario.StarterFolder(t))
	t.Setenv("HF_ENDPOINT", hub.URL)
	p.Must(0, "downloaded "+catalogued, "warmup", "--model", catalogued)
	if copies, err := filepath.Glob(filepath.Join(os.Getenv("IMGSEARCH_CACHE"), "models", "*.ort")); err != nil || len(copies) != 1 {
		t.Errorf("copies of the text tower for quick searches: %v, %v", copies, err)
	}
	p.Must(0, "images/s", "warmup", "--model", catalogued)
}
