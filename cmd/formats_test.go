package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestMachineFormats validates every machine format against its JSON Schema in docs/schema.
func TestMachineFormats(t *testing.T) {
	p := scenario.NewProgram(t)
	photos := t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	scenario.WritePicture(t, filepath.Join(photos, "b.png"), 2)
	scenario.WritePicture(t, filepath.Join(photos, "not\xffutf8.jpg"), 3)
	scenario.WritePicture(t, filepath.Join(photos, "not\xffutf8 too.jpg"), 3)
	if err := os.WriteFile(filepath.Join(photos, "bad.jpg"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := `{"title": "b.png", "description": "Waves", "photoTakenTime": {"timestamp": "1563198300"}, "geoData": {"latitude": 41.9, "longitude": 12.5}, "people": [{"name": "Anna"}]}`
	if err := os.WriteFile(filepath.Join(photos, "b.png.json"), []byte(said), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(name, stdin string, code int, args ...string) {
		t.Helper()
		out, errs, got := p.Run(stdin, append(args, "--json")...)
		if got != code {
			t.Errorf("%v: exit %d, want %d: %s", args, got, code, errs)
		}
		if name == "error" {
			out = errs
		}
		scenario.Fits(t, name, out)
	}
	check("error", "", 10, "status")
	check("error", "", 2, "search", "--top", "0", "x")
	check("index", "", 0, "index", "--dry-run", photos)
	check("index", "", 3, "index", photos)
	check("index", "", 0, "index")
	check("search", "", 0, "search", "waves")
	check("hit", "", 0, "search", "--format", "jsonl", "--all-paths", "waves")
	check("search", "", 0, "search", "--explain", "waves", "--add", "0.5:hills", "--subtract-image", filepath.Join(photos, "b.png"))
	check("search", "", 0, "search", "--type", "jpg,png")
	check("hit", "", 0, "search", "--format", "jsonl", "--name", "*", "--sort", "path")
	check("dupes", "", 0, "dupes")
	check("show", "", 0, "show", filepath.Join(photos, "not\xffutf8.jpg"))
	check("show", "", 0, "show", filepath.Join(photos, "bad.jpg"))
	check("show", "", 0, "show", filepath.Join(photos, "b.png"))
	check("label", "", 0, "label")
	for _, by := range []string{"camera", "lens", "keyword", "year", "month", "folder", "type", "rating", "person", "place", "label"} {
		check("facets", "", 0, "facets", by)
	}
	check("embed", "", 0, "embed", "waves")
	check("embed", "", 0, "embed", "--image", filepath.Join(photos, "b.png"))
	check("export", "", 0, "export")
	check("dupes-group", "", 0, "dupes", "--exact", "--format", "jsonl")
	check("queries", "waves\n\n\xff\nmore waves", 0, "search", "--queries", "-")
	check("status", "", 0, "status", "--failures")
	check("roots", "", 0, "roots", "list")
	copied := filepath.Join(t.TempDir(), "copy.db")
	check("backup", "", 0, "backup", copied)
	check("migrate", "", 0, "migrate", copied, filepath.Join(t.TempDir(), "migrated.db"))
	check("restore", "", 0, "restore", "--index", filepath.Join(t.TempDir(), "i.db"), copied)
	check("config-path", "", 0, "config", "path")
	t.Setenv("IMGSEARCH_SEARCH_TOP", "7")
	check("config-show", "", 0, "config", "show")
	check("doctor", "", 0, "doctor")
	check("warmup", "", 0, "warmup")
	check("models-list", "", 0, "models", "list")
	check("models-pull", "", 0, "models", "pull", "--from", scenario.StarterFolder(t), "mine")
	check("models-list", "", 0, "models", "list")
	check("models-verify", "", 0, "models", "verify", "mine", "starter")
	check("models-use", "", 0, "models", "use", "starter")
	check("models-calibrate", "", 0, "models", "calibrate", "--reset")
	check("version", "", 0, "version")
	check("status", "", 0, "status")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(photos, moved); err != nil {
		t.Fatal(err)
	}
	check("roots-move", "", 0, "roots", "move", photos, moved)
	check("roots-add", "", 0, "roots", "add", moved)
	check("roots-rm", "", 0, "roots", "rm", moved)
}
