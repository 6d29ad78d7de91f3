package models_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/models"
)

// TestManifest checks SHA256SUMS: the built-in model's identity comes from it.
func TestManifest(t *testing.T) {
	if err := models.VerifyBuiltin(); err != nil {
		t.Fatal(err)
	}
	sums, err := models.Builtin().Digests("", nil)
	if err != nil || len(sums) != len(models.Files()) {
		t.Errorf("%d digests of %d files, %v", len(sums), len(models.Files()), err)
	}
}

// folder makes a model folder with the built-in model's file names and tiny contents.
func folder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "my-model")
	for _, name := range models.Files() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpen(t *testing.T) {
	dir := folder(t)
	m, err := models.Open(dir)
	if err != nil || m.Name != "my-model" || m.Dir != dir || m.IsBuiltin() || m.Ref() != dir {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := models.Open("starter"); err != nil || !m.IsBuiltin() || m.Ref() != "starter" {
		t.Errorf("%+v, %v", m.Name, err)
	}
	for name, want := range map[string]error{
		"nosuch": models.ErrUnknown, "./nosuch": models.ErrMissing, "/nosuch": models.ErrMissing, filepath.Join(dir, "config.json"): models.ErrMissing,
	} {
		if _, err := models.Open(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if err := os.Remove(filepath.Join(dir, "textual", "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := models.Open(dir); !errors.Is(err, models.ErrMissing) {
		t.Errorf("a file is missing: %v", err)
	}
}

// TestDigestsFollowTheFiles: a changed file changes the digests, cached or not; weight files next to the graph count.
func TestDigestsFollowTheFiles(t *testing.T) {
	dir := folder(t)
	old := time.Now().Add(-time.Hour)
	for _, name := range models.Files() {
		if err := os.Chtimes(filepath.Join(dir, filepath.FromSlash(name)), old, old); err != nil {
			t.Fatal(err)
		}
	}
	m, err := models.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(t.TempDir(), "sub", "digests.json")
	var besides []string
	digests := func() models.Digests {
		t.Helper()
		d, err := m.Digests(cache, besides)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := digests()
	if _, err := os.Stat(cache); err != nil {
		t.Errorf("the cache was not written: %v", err)
	}
	graph := filepath.Join(dir, "visual", "model.onnx")
	if err := os.WriteFile(graph, []byte("other weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	if second := digests(); second[models.VisualFile] == first[models.VisualFile] || second[models.TextualFile] != first[models.TextualFile] {
		t.Error("the digests do not follow the files")
	}
	if err := os.WriteFile(graph+".data", []byte("weights outside"), 0o600); err != nil {
		t.Fatal(err)
	}
	besides = []string{models.VisualFile + ".data"}
	if len(digests()) != len(first)+1 {
		t.Error("weight files next to the graph are left out")
	}
	if err := os.WriteFile(cache, []byte("not json"), 0o600); err != nil {
		t.Fatal(err)
	}
	if len(digests()) != len(first)+1 {
		t.Error("a damaged cache changed the digests")
	}
}
