package search_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestHitJSONHoldsRawBytes checks that path_b64 holds the bytes of a path that is not UTF-8.
func TestHitJSONHoldsRawBytes(t *testing.T) {
	p := scenario.NewProgram(t)
	if runtime.GOOS == "windows" {
		t.Skip("file names are not bytes on Windows")
	}
	path := filepath.Join(t.TempDir(), "x\xff.jpg")
	scenario.WritePicture(t, path, 1)
	if _, errs, code := p.Run("", "index", filepath.Dir(path)); code != 0 {
		t.Fatal(errs)
	}
	out, _, _ := p.Run("", "search", "--json", "waves")
	var answer struct {
		Results []struct {
			PathB64 []byte `json:"path_b64"`
		}
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Results) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	if got := string(answer.Results[0].PathB64); got != path {
		t.Errorf("path_b64 = %q, want %q", got, path)
	}
}

// TestEarlierPreprocessing checks that search works with vectors from an earlier version and reports this.
func TestEarlierPreprocessing(t *testing.T) {
	p := scenario.NewProgram(t)
	data, err := os.ReadFile(filepath.Join(testkit.Repository(), "testdata", "backcompat", "schema-1.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.Index, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := p.Must(0, "an earlier version of imgsearch", "search", "--json", "waves"); !strings.Contains(out, `"indexed":6`) {
		t.Errorf("search: %s", out)
	}
	p.Must(0, `"missing":true`, "search", "--json", "waves")
}
