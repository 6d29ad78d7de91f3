package scenario

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd"
	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// Program runs the command line in this process, over an index of its own.
type Program struct {
	t *testing.T
	// Index is the index's file.
	Index string
}

// NewProgram returns a program whose folders are the test's own.
func NewProgram(t *testing.T) Program {
	t.Helper()
	t.Setenv("IMGSEARCH_ORT_LIB", testkit.RuntimeLibrary(t))
	for _, name := range []string{"IMGSEARCH_CACHE", "IMGSEARCH_MODELS", "IMGSEARCH_STATE"} {
		t.Setenv(name, runFolder(t))
	}
	t.Setenv("IMGSEARCH_CONFIG", filepath.Join(t.TempDir(), "config.toml"))
	return Program{t, filepath.Join(t.TempDir(), "i.db")}
}

// runFolder is a folder for files that a run maps and leaves to the end of its process, which is the test's: Windows deletes none of
// them before.
func runFolder(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "windows" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("", "imgsearch-*")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// DeletesWhatIsMapped skips a test that runs the program several times in one process and removes between what it had mapped.
func DeletesWhatIsMapped(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows deletes no file that this process has mapped")
	}
}

// Run runs the program with arguments.
func (p Program) Run(stdin string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	code = cmd.Run(context.Background(), append([]string{"--index", p.Index}, args...),
		cli.Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

// Must runs the program and demands an exit code and texts in its output or its errors.
func (p Program) Must(code int, says string, args ...string) string {
	p.t.Helper()
	out, errs, got := p.Run("", args...)
	if got != code || !strings.Contains(out+errs, says) {
		p.t.Errorf("%v: exit %d, want %d and %q:\n%s%s", args, got, code, says, out, errs)
	}
	return out
}

// WritePicture makes a picture file of 64 x 48 pixels, its format by its name.
func WritePicture(t *testing.T, path string, seed int) {
	t.Helper()
	data, err := testkit.Encode(path, testkit.Picture(seed, 64, 48))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// StarterFolder is the built-in model laid out as a folder.
func StarterFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(testkit.Repository(), "models", "starter")
	if _, err := models.Open(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
