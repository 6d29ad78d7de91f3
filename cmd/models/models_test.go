package models_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// catalogued is a model name from the catalogue. The test hub serves the built-in model's files under it.
const catalogued = "ViT-B-32__laion2b-s34b-b79k"

func newHub(t *testing.T) *testkit.Hub {
	t.Helper()
	hub := testkit.NewHub(t, "immich-app/"+catalogued, scenario.StarterFolder(t))
	t.Setenv("HF_ENDPOINT", hub.URL)
	return hub
}

// TestModelByName does what a user who wants a better model does: name it, download it, use it, compare it, remove it.
func TestModelByName(t *testing.T) {
	scenario.DeletesWhatIsMapped(t)
	p := scenario.NewProgram(t)
	hub := newHub(t)
	photos := t.TempDir()
	for i := range 3 {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprint(i)+".jpg"), i)
	}
	pull := "imgsearch models pull " + catalogued
	p.Must(12, pull, "index", "--model", catalogued, photos)
	p.Must(0, "3 added", "index", photos)
	p.Must(12, pull, "search", "--model", catalogued, "waves")
	if n := hub.Requests(models.ConfigFile); n != 0 {
		t.Errorf("index and search asked the hub %d times", n)
	}
	p.Must(2, "unknown model", "search", "--model", "ViT-Z", "waves")

	p.Must(0, testkit.HubCommit, "models", "pull", catalogued)
	p.Must(0, catalogued+": ok", "models", "verify")
	p.Must(0, "installed", "models", "list", "--all")
	// The hub serves the built-in model's files. To make a different model, change squash to shortest.
	changed := filepath.Join(os.Getenv("IMGSEARCH_MODELS"), catalogued, filepath.FromSlash(models.PreprocessFile))
	data, err := os.ReadFile(changed)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(string(data), `"squash"`, `"shortest"`, 1)
	if other == string(data) {
		t.Fatalf("nothing was replaced in %s", data)
	}
	if err := os.WriteFile(changed, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Must(12, models.PreprocessFile, "models", "verify", catalogued)

	p.Must(13, "imgsearch index --model "+catalogued, "search", "--model", catalogued, "waves")
	p.Must(13, "imgsearch index --model "+catalogued, "models", "use", "--now", catalogued)
	p.Must(0, "0 of 3 pictures", "models", "use", catalogued)
	p.Must(0, catalogued+" has 0 of 3", "search", "waves")
	p.Must(0, "3 of 3 pictures embedded", "status")
	p.Must(0, "searches now use it", "index")
	if out := p.Must(0, `"model":"`+catalogued+`"`, "search", "--json", "waves"); !strings.Contains(out, `"indexed":3`) {
		t.Errorf("search: %s", out)
	}
	// It is not calibrated: --confident is an error on the command line and is ignored in the configuration.
	p.Must(2, "models calibrate", "search", "--confident", "waves")
	t.Setenv("IMGSEARCH_SEARCH_CONFIDENT", "true")
	p.Must(0, ".jpg", "search", "waves")
	p.Must(0, `"verdict":null`, "search", "--json", "waves")
	t.Setenv("IMGSEARCH_SEARCH_CONFIDENT", "")
	p.Must(2, "gains nothing from int8", "models", "use", "starter", "--precision", "int8")
	p.Must(0, "3 unchanged", "index")
	p.Must(2, "cannot be removed", "models", "rm", "--yes", catalogued)
	p.Must(0, "searches now use model starter (3 of 3", "models", "use", "starter")
	p.Must(2, "no terminal to ask", "models", "rm", catalogued)
	p.Must(0, "removed 3 vectors", "models", "rm", "--yes", catalogued)
	p.Must(12, pull, "search", "--model", catalogued, "waves")
	p.Must(0, "3 of 3 pictures embedded", "status")
	p.Must(0, "0.", "search", "waves")
}

// TestDamagedManifest checks that a model with a damaged manifest is reported and can be removed.
func TestDamagedManifest(t *testing.T) {
	scenario.DeletesWhatIsMapped(t)
	p := scenario.NewProgram(t)
	dir := scenario.StarterFolder(t)
	photo := filepath.Join(t.TempDir(), "1.jpg")
	scenario.WritePicture(t, photo, 1)
	p.Must(0, "own:", "models", "pull", "--from", dir, "own")
	p.Must(0, "1 added", "index", "--model", "own", photo)
	manifest := filepath.Join(os.Getenv("IMGSEARCH_MODELS"), "own", models.ManifestFile)
	if err := os.Truncate(manifest, 0); err != nil {
		t.Fatal(err)
	}
	p.Must(0, "damaged", "models", "list")
	p.Must(12, models.ManifestFile, "models", "verify")
	p.Must(2, "models rm", "models", "pull", "--from", dir, "own")
	p.Must(0, "deleted the files", "models", "rm", "--yes", "--keep-vectors", "own")
	p.Must(12, "is no longer installed", "search", "waves")
	p.Must(0, "own:", "models", "pull", "--from", dir, "own")
	p.Must(0, "0.", "search", "waves")
}

// TestPrecision checks that int8 is a separate identity, made once, kept in the cache, and made again if the cached copy is damaged.
func TestPrecision(t *testing.T) {
	scenario.DeletesWhatIsMapped(t)
	p := scenario.NewProgram(t)
	tiny := testkit.Shared(t, "reference", "tiny-clip")
	photos := t.TempDir()
	for i := range 3 {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprint(i)+".jpg"), i)
	}
	p.Must(2, "fp32 or int8", "index", "--precision", "int4", photos)
	p.Must(2, "gains nothing from int8", "index", "--precision", "int8", photos) // the built-in model consists of convolutions
	p.Must(13, "no vectors of model tiny-clip", "models", "use", "--now", tiny)
	p.Must(0, "creating the int8 copy", "index", "--model", tiny, "--precision", "int8", photos)
	p.Must(0, `"precision":"int8"`, "search", "--json", "waves")
	p.Must(13, "--precision fp32", "search", "--precision", "fp32", "waves")
	copies, err := filepath.Glob(filepath.Join(os.Getenv("IMGSEARCH_CACHE"), "models", "*.onnx"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies: %v, %v", copies, err)
	}
	scenario.WritePicture(t, filepath.Join(photos, "4.jpg"), 4)
	if _, errs, code := p.Run("", "index"); code != 0 || strings.Contains(errs, "creating") {
		t.Errorf("the second run: %d, %s", code, errs)
	}
	if err := os.Truncate(copies[0], 1000); err != nil {
		t.Fatal(err)
	}
	scenario.WritePicture(t, filepath.Join(photos, "5.jpg"), 5)
	p.Must(0, "creating the int8 copy", "index")
	p.Must(0, "5 of 5 pictures embedded", "status")
	p.Must(0, "int8", "warmup")
	p.Must(0, "int8", "warmup", "--model", tiny)
	p.Must(0, `"cosine_min":0.99`, "warmup", "--json")
}

// TestPullFails checks that each failure has its exit code and hint, and leaves no model behind.
func TestPullFails(t *testing.T) {
	p := scenario.NewProgram(t)
	hub := newHub(t)
	p.Must(2, "models list --all", "models", "pull", "nosuch")
	p.Must(2, "built in", "models", "pull", "starter")
	p.Must(2, "--from", "models", "pull", "--from", "/nowhere", "x")
	p.Must(2, "the catalogue's name", "models", "pull", "--from", scenario.StarterFolder(t), catalogued)
	p.Must(2, "the catalogue's name", "models", "pull", "nobody/"+catalogued)
	p.Must(1, "not found", "models", "pull", "nobody/nothing")
	hub.Demand("secret")
	p.Must(1, "HF_TOKEN", "models", "pull", catalogued)
	t.Setenv("HF_TOKEN", "secret")
	hub.Misbehave(func(w http.ResponseWriter, _ *http.Request, path string, data []byte) bool {
		if path != models.ConfigFile {
			return false
		}
		_, _ = w.Write([]byte(strings.Repeat("x", len(data))))
		return true
	})
	p.Must(1, "file is corrupt", "models", "pull", catalogued)
	hub.Misbehave(nil)
	hub.Add(models.ConfigFile, []byte(`{"embed_dim": 7, "text_cfg": {"context_length": 32}}`))
	p.Must(12, "invalid dimensions", "models", "pull", catalogued)
	t.Setenv("HF_HUB_OFFLINE", "1")
	p.Must(1, "HF_HUB_OFFLINE", "models", "pull", catalogued)
	p.Must(2, "not installed", "models", "verify", catalogued)
}

func rangeStart(r *http.Request) (from int) {
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return from
}

func itoa(n int) string { return fmt.Sprint(n) }
