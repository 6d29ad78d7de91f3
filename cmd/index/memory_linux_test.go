package index_test

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// writeLarge writes a picture of one colour: a small file with many pixels.
func writeLarge(t *testing.T, path string, w, h int) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 200
	}
	img.SetNRGBA(1, 1, color.NRGBA{uint8(w), uint8(h), 0, 255})
	data, err := testkit.Encode(path, img)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestMaxMemory checks that a picture that does not fit into memory is reported, and is tried again in the next run.
func TestMaxMemory(t *testing.T) {
	p := scenario.NewProgram(t)
	photos := t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "small.jpg"), 1)
	writeLarge(t, filepath.Join(photos, "large.png"), 6000, 5000)
	p.Must(2, "1GB", "index", "--max-memory", "lots", photos)
	p.Must(3, "large.png: not enough memory", "index", "--max-memory", "200MB", photos)
	p.Must(0, "1 added, 1 unchanged", "index", photos)
}

// TestLongContainer indexes large pictures in a control group of 1 GB. The program detects the limit and stays below it.
func TestLongContainer(t *testing.T) {
	if scenario.RaceEnabled {
		t.Skip("the race detector takes many times the memory")
	}
	join, peak := memoryGroup(t, 1<<30)
	photos := t.TempDir()
	for i := range 4 {
		writeLarge(t, filepath.Join(photos, fmt.Sprint(i)+".png"), 7000+i, 6000) // 168 MB of pixels each
		writeLarge(t, filepath.Join(photos, fmt.Sprint(i)+".jpg"), 4032+i, 3024)
	}
	c := scenario.Command(t, t.TempDir(), "index", "--jobs", "6", photos)
	named := filepath.Join(t.TempDir(), "imgsearch") // the test binary is the program if it has this name
	if err := os.Symlink(c.Path, named); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("sh", append([]string{"-c", `echo $$ > "$0" && exec "$@"`, join, named}, c.Args[1:]...)...)
	shell.Env = c.Env
	out, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "8 added") {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(peak)
	if err != nil {
		t.Skip(err)
	}
	t.Logf("peak %s bytes", strings.TrimSpace(string(data)))
}

// memoryGroup creates a control group; a process joins it by writing its process id to the file join.
func memoryGroup(t *testing.T, limit int64) (join, peak string) {
	t.Helper()
	for _, kind := range []struct{ dir, limit, peak string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"},
		{"/sys/fs/cgroup", "memory.max", "memory.peak"},
	} {
		if _, err := os.Stat(filepath.Join(kind.dir, kind.limit)); err != nil && kind.limit != "memory.max" {
			continue
		}
		dir := filepath.Join(kind.dir, fmt.Sprintf("imgsearch-test-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Skipf("no control group can be made here: %v", err)
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if err := os.WriteFile(filepath.Join(dir, kind.limit), []byte(strconv.FormatInt(limit, 10)), 0o600); err != nil {
			t.Skipf("no memory limit can be set here: %v", err)
		}
		return filepath.Join(dir, "cgroup.procs"), filepath.Join(dir, kind.peak)
	}
	t.Skip("no control groups here")
	return "", ""
}
