package status_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/app"
)

func TestMain(m *testing.M) { scenario.Main(m) }

// TestLastRun checks that status reports how the last run ended. For a run without an end, the index's lock shows its state.
func TestLastRun(t *testing.T) {
	p := scenario.NewProgram(t)
	photos := t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	broken := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(broken, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Must(12, "", "--ort-lib", broken, "index", photos)
	p.Must(0, `"state":"failed","error":"`, "status", "--json")
	p.Must(0, ", failed: ", "status")
	p.Must(0, "1 added", "index", photos)
	p.Must(0, `"state":"complete","provider":"cpu"`, "status", "--json")
	p.Must(0, ", complete, 1 picture embedded on cpu", "status")
	at := app.Index{Path: p.Index}
	ctx := context.Background()
	ix, lock, err := at.OpenLocked(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	if _, err := ix.StartRun(ctx, ""); err != nil {
		t.Fatal(err)
	}
	p.Must(0, `"state":"running"`, "status", "--json")
	p.Must(0, ", running", "status")
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	p.Must(0, `"state":"crashed"`, "status", "--json")
	p.Must(0, ", crashed; the next run resumes", "status")
	p.Must(0, "1 unchanged", "index") // status did not leave a lock behind
}
