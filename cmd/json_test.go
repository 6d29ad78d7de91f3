package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgsearch/imgsearch/cmd"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// program runs the command line in this process.
type program struct {
	t     *testing.T
	index string
}

func newProgram(t *testing.T) program {
	t.Helper()
	t.Setenv("IMGSEARCH_ORT_LIB", testkit.RuntimeLibrary(t))
	for _, name := range []string{"IMGSEARCH_CACHE", "IMGSEARCH_MODELS", "IMGSEARCH_STATE"} {
		t.Setenv(name, runFolder(t))
	}
	t.Setenv("IMGSEARCH_CONFIG", filepath.Join(t.TempDir(), "config.toml"))
	return program{t, filepath.Join(t.TempDir(), "i.db")}
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

// deletesWhatIsMapped skips a test that runs the program several times in one process and removes between what it had mapped.
func deletesWhatIsMapped(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows deletes no file that this process has mapped")
	}
}

func (p program) run(stdin string, args ...string) (stdout, stderr string, code int) {
	p.t.Helper()
	var out, errs bytes.Buffer
	code = cmd.Run(context.Background(), append([]string{"--index", p.index}, args...),
		cmd.Streams{In: strings.NewReader(stdin), Out: &out, Err: &errs})
	return out.String(), errs.String(), code
}

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(testkit.Repository(), "docs", "schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits checks every line of output against a schema.
func fits(t *testing.T, name, output string) {
	t.Helper()
	s := schema(t, name)
	if output == "" {
		t.Errorf("%s: nothing was printed", name)
	}
	for line := range strings.Lines(output) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatalf("%s: %v in %q", name, err, line)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, line)
		}
	}
}

func writePicture(t *testing.T, path string, seed int) {
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

// TestMachineFormats holds every machine format to its JSON Schema in docs/schema.
func TestMachineFormats(t *testing.T) {
	p := newProgram(t)
	photos := t.TempDir()
	writePicture(t, filepath.Join(photos, "a.jpg"), 1)
	writePicture(t, filepath.Join(photos, "b.png"), 2)
	writePicture(t, filepath.Join(photos, "not\xffutf8.jpg"), 3)
	writePicture(t, filepath.Join(photos, "not\xffutf8 too.jpg"), 3)
	if err := os.WriteFile(filepath.Join(photos, "bad.jpg"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func(name, stdin string, code int, args ...string) {
		t.Helper()
		out, errs, got := p.run(stdin, append(args, "--json")...)
		if got != code {
			t.Errorf("%v: exit %d, want %d: %s", args, got, code, errs)
		}
		if name == "error" {
			out = errs
		}
		fits(t, name, out)
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
	check("embed", "", 0, "embed", "waves")
	check("embed", "", 0, "embed", "--image", filepath.Join(photos, "b.png"))
	check("export", "", 0, "export")
	check("dupes-group", "", 0, "dupes", "--exact", "--format", "jsonl")
	check("queries", "waves\n\n\xff\nmore waves", 0, "search", "--queries", "-")
	check("status", "", 0, "status", "--failures")
	check("roots", "", 0, "roots", "list")
	check("backup", "", 0, "backup", filepath.Join(t.TempDir(), "copy.db"))
	check("config-path", "", 0, "config", "path")
	t.Setenv("IMGSEARCH_SEARCH_TOP", "7")
	check("config-show", "", 0, "config", "show")
	check("doctor", "", 0, "doctor")
	check("warmup", "", 0, "warmup")
	check("models-list", "", 0, "models", "list")
	check("models-pull", "", 0, "models", "pull", "--from", starterFolder(t), "mine")
	check("models-list", "", 0, "models", "list")
	check("models-verify", "", 0, "models", "verify", "mine", "starter")
	check("models-use", "", 0, "models", "use", "starter")
	check("status", "", 0, "status")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(photos, moved); err != nil {
		t.Fatal(err)
	}
	check("roots-move", "", 0, "roots", "move", photos, moved)
	check("roots-rm", "", 0, "roots", "rm", moved)
}

// starterFolder lays the built-in model out as a folder.
func starterFolder(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(testkit.Repository(), "models", "starter")
	if _, err := models.Open(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestProgressJSON(t *testing.T) {
	p := newProgram(t)
	photos := t.TempDir()
	for i := range 120 { // more than a second's work here
		writePicture(t, filepath.Join(photos, "d", string(rune('a'+i%26))+strings.Repeat("x", i)+".jpg"), i)
	}
	_, errs, code := p.run("", "index", "--quiet", "--progress", "json", photos)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	fits(t, "progress", errs)
}

// TestHitJSONHoldsRawBytes: a path that is not UTF-8 comes through in path_b64.
func TestHitJSONHoldsRawBytes(t *testing.T) {
	p := newProgram(t)
	if runtime.GOOS == "windows" {
		t.Skip("names are no bytes there")
	}
	path := filepath.Join(t.TempDir(), "x\xff.jpg")
	writePicture(t, path, 1)
	if _, errs, code := p.run("", "index", filepath.Dir(path)); code != 0 {
		t.Fatal(errs)
	}
	out, _, _ := p.run("", "search", "--json", "waves")
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
