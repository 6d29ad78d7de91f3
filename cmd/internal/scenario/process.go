package scenario

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// Command returns the real program: the test binary, which testscript's TestMain turns into the program.
func Command(t testing.TB, home string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Args[0] = "imgsearch"
	c.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME=", "IMGSEARCH_INDEX=", "IMGSEARCH_ORT_LIB="+testkit.RuntimeLibrary(t))
	return c
}

// Summary is the summary of a run that index --json prints.
type Summary struct {
	Complete    bool `json:"complete"`
	Scanned     int  `json:"scanned"`
	Added       int  `json:"added"`
	Unchanged   int  `json:"unchanged"`
	Failed      int  `json:"failed"`
	FailedKnown int  `json:"failed_known"`
}

// SummaryOf runs index --json and returns its summary.
func SummaryOf(t *testing.T, c *exec.Cmd) (s Summary, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	if jsonErr := json.Unmarshal(out.Bytes(), &s); jsonErr != nil {
		t.Fatalf("%v (%v): %s%s", jsonErr, err, out.String(), errs.String())
	}
	return s, err
}

// FilesOf returns the number of files that status reports; 0 without an index.
func FilesOf(t *testing.T, home string) int {
	t.Helper()
	c := Command(t, home, "status", "--json")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if c.ProcessState.ExitCode() == 10 {
		return 0
	}
	var s struct{ Files int }
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("status: %v: %s%s", err, out, errs.String())
	}
	return s.Files
}

// WaitForFiles waits until a running indexer has committed more than the given number of files.
func WaitForFiles(t *testing.T, home string, more int) {
	t.Helper()
	for range 600 {
		if FilesOf(t, home) > more {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the indexer committed no more files")
}
