package hub_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

// TestParts pulls a model whose files are in two repositories at fixed commits, and refuses a file that is not the published one.
func TestParts(t *testing.T) {
	one, two := testkit.NewHub(t, "org/det", t.TempDir()), testkit.NewHub(t, "org/rec", t.TempDir())
	two.Commit = strings.Repeat("a", 40)
	graph := strings.Repeat("graph ", 50_000) // of LFS's size
	one.Add("inference.onnx", []byte(graph))
	two.Add("inference.onnx", []byte("other"))
	two.Add("inference.yml", []byte("a: 1\n"))
	both := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range []*testkit.Hub{one, two} {
			if strings.Contains(r.URL.Path, h.Repository) {
				h.Config.Handler.ServeHTTP(w, r)
			}
		}
	}))
	t.Cleanup(both.Close)
	t.Setenv("HF_ENDPOINT", both.URL)
	sum := sha256.Sum256([]byte(graph))
	parts := []models.TextFile{
		{Name: "det.onnx", Repository: "org/det", Revision: testkit.HubCommit, Path: "inference.onnx", SHA256: hex.EncodeToString(sum[:])},
		{Name: "rec.onnx", Repository: "org/rec", Revision: two.Commit, Path: "inference.onnx"},
		{Name: "rec.yml", Repository: "org/rec", Revision: two.Commit, Path: "inference.yml"},
	}
	store := models.Store{Dir: t.TempDir()}
	pull := func() (models.Manifest, error) {
		return hub.Pull(t.Context(), hub.Request{
			Name: "text", Store: store, Source: &hub.Parts{Client: hub.NewClient(), Files: parts},
			Files:   []string{"det.onnx", "rec.onnx", "rec.yml"},
			Weights: func(string) ([]string, error) { return nil, nil },
			Check:   func(string, *models.Manifest) error { return nil },
			Free:    func(string) (uint64, error) { return 1 << 40, nil },
			Total:   func(int64) {}, Got: func(int64) {},
		})
	}
	m, err := pull()
	if err != nil || m.Source != "org/det org/rec" || m.Revision != testkit.HubCommit+" "+two.Commit || len(m.Files) != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	for name, want := range map[string]string{"det.onnx": graph, "rec.onnx": "other", "rec.yml": "a: 1\n"} {
		if data, err := os.ReadFile(filepath.Join(store.Path("text"), name)); err != nil || string(data) != want {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if problems, err := store.Verify("text", func(string, int64) {}); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	parts[0].SHA256 = strings.Repeat("0", 64)
	if _, err := pull(); !errors.Is(err, hub.ErrCorrupt) {
		t.Errorf("a file that is not the published one: %v", err)
	}
	parts[0].Path = "nosuch.onnx"
	if _, err := pull(); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("a missing file: %v", err)
	}
}
