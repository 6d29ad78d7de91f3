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

// Program runs the command line in this process, with its own index.
type Program struct {
	t *testing.T
	// Index is the path of the index.
	Index string
}

// NewProgram returns a program that uses temporary folders of the test.
func NewProgram(t *testing.T) Program {
	t.Helper()
	t.Setenv("IMGSEARCH_ORT_LIB", testkit.RuntimeLibrary(t))
	for _, name := range []string{"IMGSEARCH_CACHE", "IMGSEARCH_MODELS", "IMGSEARCH_STATE"} {
		t.Setenv(name, runFolder(t))
	}
	t.Setenv("IMGSEARCH_CONFIG", filepath.Join(t.TempDir(), "config.toml"))
	return Program{t, filepath.Join(t.TempDir(), "i.db")}
}

// runFolder returns a folder for files that a run keeps mapped until its process, the test's, ends. Windows cannot delete them
// before that.
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

// DeletesWhatIsMapped skips, on Windows, a test that runs the program several times in one process and deletes files that it has mapped.
func DeletesWhatIsMapped(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot delete files that this process has mapped")
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

// Must runs the program and checks its exit code and that a text is in its output or errors.
func (p Program) Must(code int, says string, args ...string) string {
	p.t.Helper()
	out, errs, got := p.Run("", args...)
	if got != code || !strings.Contains(out+errs, says) {
		p.t.Errorf("%v: exit %d, want %d and %q:\n%s%s", args, got, code, says, out, errs)
	}
	return out
}

// WritePicture writes a picture file of 64 x 48 pixels, in the format of its name.
func WritePicture(t testing.TB, path string, seed int) {
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

// StarterFolder returns the folder of the built-in model.
func StarterFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(testkit.Repository(), "models", "starter")
	if _, err := models.Open(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}
