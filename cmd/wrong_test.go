package cmd_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// internals are words from libraries, which must not appear in any message.
var internals = []string{"strconv", "json:", "SQLITE", "sql:", "unable to open database", "accepts ", "cmd.", "pflag", "cobra", "invalid syntax", "%!", "goroutine"}

// TestWrongInputIsNamedInPlainWords gives each command invalid input.
func TestWrongInputIsNamedInPlainWords(t *testing.T) {
	p := scenario.NewProgram(t)
	dir := t.TempDir()
	t.Chdir(dir) // some inputs are file names
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	photos := filepath.Join(dir, "photos")
	scenario.WritePicture(t, filepath.Join(photos, "1.jpg"), 1)
	p.Must(0, "1 added", "index", photos)
	noIndex, empty, gone := write("no.db", strings.Repeat("hello ", 500)), write("empty.db", ""), filepath.Join(dir, "gone", "x")
	model := filepath.Join(dir, "model")
	write(filepath.Join("model", "config.json"), `{"embed_dim": "x"}`)
	for _, name := range []string{"visual/model.onnx", "visual/preprocess_cfg.json", "textual/model.onnx", "textual/tokenizer.json", "textual/tokenizer_config.json"} {
		write(filepath.Join("model", filepath.FromSlash(name)), "[")
	}
	var lines [][]string
	for _, command := range []string{
		"index", "search", "status", "roots", "roots list", "roots rm", "roots move", "dupes", "export", "embed", "backup", "config", "config show", "config path",
		"doctor", "man", "models", "models list", "models pull", "models use", "models verify", "models rm", "models calibrate", "version",
	} {
		words := strings.Fields(command)
		for _, wrong := range [][]string{
			{"--nope"}, {"--json", "--nope"}, {"--index"}, {"-z"}, {"--quiet=maybe"}, {"x", "--index", noIndex}, {"x", "--index", dir}, {"x", "--index", gone}, {"x", "--index", empty},
			{"a", "b", "c", "d", "--index", gone},
		} {
			lines = append(lines, append(slices.Clone(words), wrong...))
		}
	}
	for flag, values := range map[string][]string{
		"--top": {"many", "-1", "1e3", "99999999999999999999"}, "--offset": {"x", "-2"}, "--min-score": {"x", "2", "nan"}, "--width": {"x", "5..3", "-1"}, "--height": {".."},
		"--megapixels": {"a..b"}, "--rating": {"9", "x"}, "--near": {"1", "x,y", "99,0"}, "--radius": {"x"}, "--after": {"x"}, "--taken": {"2023..2022"}, "--type": {"xyz"},
		"--orientation": {"up"}, "--format": {"xml", "template={{", "template={{.X}}"}, "--sort": {"size"}, "--from": {gone}, "--queries": {gone, dir}, "--image": {gone, dir, noIndex},
		"--like": {"zz", "abcd"}, "--add": {"", "0:x"}, "--prompt": {"x"}, "--html": {gone, dir, noIndex}, "--copy-to": {filepath.Join(noIndex, "below")}, "--model": {"x", dir, model, gone},
		"--precision": {"fp8"}, "--provider": {"gpu"}, "--not": {"x", "a=b", "width=x"}, "--name": {"["}, "--keyword": {"["}, "--camera": {" "}, "--explain": {"=perhaps"},
	} {
		for _, value := range values {
			lines = append(lines, []string{"search", "dog", flag + "=" + value})
		}
	}
	lines = append(lines, [][]string{
		{"index", "--jobs", "x", photos}, {"index", "--for", "soon", photos}, {"index", "--max-memory", "lots", photos}, {"index", "--max-pixels", "1.5", photos}, {"index", gone},
		{"index", "--progress", "x", photos}, {"index", "--exclude", "[", photos}, {"index", "--from", gone}, {"index", "--model", model, photos}, {"dupes", "--threshold", "x"},
		{"dupes", "--format", "x"}, {"export", "--output", gone}, {"export", "--format", "npy"}, {"embed"}, {"embed", "--image", gone}, {"embed", "--model", model, "x"},
		{"backup", gone}, {"backup", dir}, {"backup", noIndex}, {"doctor", "--max-age", "x"}, {"doctor", "--report", gone}, {"models", "pull", "x/y/z"}, {"models", "pull", "--from", dir, "x"},
		{"models", "pull", "--from", model, "x"}, {"models", "pull", ".."}, {"models", "rm", "x"}, {"models", "use", "x"}, {"models", "verify", "x"}, {"roots", "rm", gone},
		{"roots", "move", gone, dir}, {"models", "calibrate", "--queries", gone}, {"models", "calibrate", "--queries", noIndex}, {"warmup", "--model", model},
	}...)
	check := func(line []string) {
		t.Helper()
		_, errs, _ := p.Run("", line...)
		for _, word := range internals {
			if strings.Contains(errs, word) {
				t.Errorf("%q says %q: %s", line, word, errs)
			}
		}
	}
	if len(lines) < 200 {
		t.Errorf("%d wrong inputs", len(lines))
	}
	for _, line := range lines {
		check(line)
	}
	t.Setenv("IMGSEARCH_SEARCH_TOP", "many")
	check([]string{"search", "dog"})
	t.Setenv("IMGSEARCH_SEARCH_TOP", "")
	for _, config := range []string{"[search\ntop = 3", "[search]\ntop = \"many\"", "[search]\ntop = [1, 2]"} {
		t.Setenv("IMGSEARCH_CONFIG", write("config.toml", config))
		check([]string{"search", "dog"})
	}
}
