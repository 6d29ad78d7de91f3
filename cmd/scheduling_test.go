package cmd_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// cronLine matches a line of a crontab and captures the arguments of imgsearch.
var cronLine = regexp.MustCompile(`(?m)^[0-9*]+ +[0-9*]+ +\* \* \* +\S*imgsearch ([^\n>|]*)`)

// TestScheduledWithADiskAway: the cron jobs in docs/scheduling.md report that a disk is unreachable, and status shows it.
func TestScheduledWithADiskAway(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(testkit.Repository(), "docs", "scheduling.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := cronLine.FindAllStringSubmatch(string(doc), -1)
	if len(lines) != 2 || !strings.HasPrefix(lines[0][1], "index ") || !strings.HasPrefix(lines[1][1], "doctor ") {
		t.Fatalf("%q", lines)
	}
	nightly, morning := strings.Fields(lines[0][1]), strings.Fields(lines[1][1])
	p := scenario.NewProgram(t)
	parent := t.TempDir()
	disk := filepath.Join(parent, "disk")
	scenario.WritePicture(t, filepath.Join(disk, "1.jpg"), 1)
	scenario.WritePicture(t, filepath.Join(parent, "here", "2.jpg"), 2)
	p.Must(0, "2 added", "index", disk, filepath.Join(parent, "here"))
	if out, errs, code := p.Run("", nightly...); code != 0 || out+errs != "" {
		t.Errorf("with the disk: %d, %s%s", code, out, errs)
	}
	if out, errs, code := p.Run("", morning...); code != 0 {
		t.Errorf("with the disk: %d, %s%s", code, out, errs)
	}
	if err := os.Rename(disk, filepath.Join(parent, "unplugged")); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := p.Run("", nightly...); code != 4 || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "cannot be reached") || !strings.Contains(errs, "disk") {
		t.Errorf("without the disk: %d, %s%s", code, out, errs)
	}
	if out, errs, code := p.Run("", morning...); code != 1 || !strings.Contains(out, "could not reach") || !strings.Contains(out, "disk") {
		t.Errorf("without the disk: %d, %s%s", code, out, errs)
	}
	p.Must(0, "unreachable in the last run", "status")
	// A run over another folder does not clear the disk's state.
	p.Must(0, "1 unchanged", "index", filepath.Join(parent, "here"))
	if out, errs, code := p.Run("", morning...); code != 1 || !strings.Contains(out, "could not reach") {
		t.Errorf("after a run over another folder: %d, %s%s", code, out, errs)
	}
	p.Must(0, "unreachable in the last run", "status")
	var status struct {
		UnreachableRoots []string `json:"unreachable_roots"`
		Runs             []struct {
			State  string
			Counts struct{ Kept, Unreachable, Unchanged int }
		}
	}
	out := p.Must(0, "", "status", "--json")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		t.Fatal(err)
	}
	if len(status.UnreachableRoots) != 1 || filepath.Base(status.UnreachableRoots[0]) != "disk" {
		t.Errorf("%s", out)
	}
	if len(status.Runs) != 4 || status.Runs[1].State != "complete" || status.Runs[1].Counts.Unreachable != 1 || status.Runs[1].Counts.Kept != 1 || status.Runs[2].Counts.Unchanged != 2 {
		t.Errorf("%s", out)
	}
	if err := os.Rename(filepath.Join(parent, "unplugged"), disk); err != nil {
		t.Fatal(err)
	}
	p.Must(0, "", nightly...)
	p.Must(0, "", morning...)
	if out := p.Must(0, "", "status"); strings.Contains(out, "unreachable") {
		t.Errorf("%s", out)
	}
}
