package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"regexp"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// block is a block of commands in a page.
var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// stubs stand for programs that choose for people; what they are given is read.
var stubs = map[string]string{
	"fzf": "#!/bin/sh\nhead -n 1\n",
}

// TestUsage runs every block of docs/usage.md with the real program, in the order of the page, on photos of its own. A block that
// wants a program that is not here is left out, and said so.
func TestUsage(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute")
	}
	if runtime.GOOS == "windows" {
		t.Skip("the page is written for a shell of Unix")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell: ", err)
	}
	library := testkit.RuntimeLibrary(t)
	home, bin := t.TempDir(), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "imgsearch"), "../cmd/imgsearch")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, script := range stubs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"2023/IMG_1.jpg", "2023/IMG_2.jpg", "2024/IMG_3.jpg", "with spaces/ä.png"} {
		path := filepath.Join(home, "Pictures", filepath.FromSlash(name))
		data, err := testkit.Encode(path, testkit.Picture(i, 320, 240))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			data = testkit.InsertSegment(data, 0xe1, testkit.EXIF(1, "2023:07:01 12:00:00"))
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("usage.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, m := range blocks {
		script := m[1]
		if _, err := exec.LookPath("jq"); err != nil && strings.Contains(script, "| jq ") {
			t.Logf("left out, there is no jq here:\n%s", script)
			continue
		}
		c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
		c.Dir = home
		c.Env = []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "IMGSEARCH_ORT_LIB=" + library}
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v in\n%s\n%s", err, script, out)
		}
	}
}
