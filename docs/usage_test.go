package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
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

// reader is somebody who follows a page: a folder of photos, the real program, a shell.
type reader struct {
	home string
	env  []string
}

func newReader(t *testing.T) reader {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the pages are written for a shell of Unix")
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
	return reader{home, []string{"HOME=" + home, "PATH=" + bin + ":" + os.Getenv("PATH"), "IMGSEARCH_ORT_LIB=" + library}}
}

// run runs commands in the reader's home and demands an exit code.
func (r reader) run(t *testing.T, code int, script string) {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil && strings.Contains(script, "| jq ") {
		t.Logf("left out, there is no jq here:\n%s", script)
		return
	}
	c := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	c.Dir, c.Env = r.home, r.env
	out, err := c.CombinedOutput()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("exit status %d (%v), want %d, in\n%s\n%s", got, err, code, script, out)
	}
}

// TestLongUsage runs every block of docs/usage.md, in the order of the page. A block that wants a program that is not here is left out,
// and said so.
func TestLongUsage(t *testing.T) {
	r := newReader(t)
	page, err := os.ReadFile("usage.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 10 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, m := range blocks {
		r.run(t, 0, m[1])
	}
}

// TestLongReadme runs the README's list of commands, each line for itself, with a hub on this machine.
func TestLongReadme(t *testing.T) {
	r := newReader(t)
	hub := testkit.NewHub(t, "immich-app/ViT-B-32__laion2b-s34b-b79k", filepath.Join(testkit.Repository(), "models", "starter"))
	r.env = append(r.env, "HF_ENDPOINT="+hub.URL, "EDITOR=true")
	nas := filepath.Join(r.home, "nas")
	r.run(t, 0, "mkdir -p nas/photos cakes; cp -r Pictures/2024 nas/photos; cp Pictures/2023/IMG_1.jpg found.jpg; touch mark; printf 'dog\\n' > queries.txt")
	page, err := os.ReadFile(filepath.Join(testkit.Repository(), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := block.FindAllStringSubmatch(string(page), -1)
	list := blocks[len(blocks)-1][1]
	// Where a line stands for several, or never ends, it is run so.
	as := strings.NewReplacer("/mnt/nas", nas, " [--failures]", " --failures", "index --watch ", "index --watch --for 1s ",
		"roots list | rm DIR | move OLD NEW", "roots list")
	n := 0
	for line := range strings.Lines(as.Replace(list)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		n++
		code := 0
		if strings.HasPrefix(line, "imgsearch index --precision int8") {
			code = 2 // the model that stands for the hub's gains nothing from it
		}
		r.run(t, code, line)
	}
	if n < 30 {
		t.Errorf("%d commands", n)
	}
}
