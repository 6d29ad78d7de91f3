package index_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// machine is a home folder with photos, a runtime library that breaks on demand, and a slow processor, so that auto
// chooses the provider if it works.
type machine struct {
	t            *testing.T
	home, photos string
	env          []string
}

func newMachine(t *testing.T, cache string) machine {
	t.Helper()
	_, env := testkit.FakeRuntime(t)
	m := machine{t, t.TempDir(), t.TempDir(), append(env, "IMGSEARCH_CACHE="+cache)}
	m.addPhotos(20)
	return m
}

func (m machine) addPhotos(n int) {
	m.t.Helper()
	left, err := os.ReadDir(m.photos)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range n {
		scenario.WritePicture(m.t, filepath.Join(m.photos, fmt.Sprintf("%03d.jpg", len(left)+i)), len(left)+i)
	}
}

// command returns the program as cron would run it: without a terminal, and with few environment variables.
func (m machine) command(breaks string, args ...string) *exec.Cmd {
	m.t.Helper()
	self, err := os.Executable()
	if err != nil {
		m.t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Args[0] = "imgsearch"
	c.Dir = "/"
	c.Env = append([]string{"HOME=" + m.home, "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LOGNAME=me", "FAKEORT=" + breaks, "FAKEORT_SLOWCPU=200"}, m.env...)
	return c
}

// cron runs the program until it ends.
func (m machine) cron(breaks string, args ...string) (stdout, stderr string, code int) {
	m.t.Helper()
	c := m.command(breaks, args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState == nil {
		m.t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

type night struct {
	Complete       bool
	Added          int
	Provider       string
	ProviderReason string `json:"provider_reason"`
}

// index runs index for one night.
func (m machine) index(breaks string, args ...string) (n night, stderr string, code int) {
	m.t.Helper()
	stdout, stderr, code := m.cron(breaks, append([]string{"index", "--json", m.photos}, args...)...)
	if stdout != "" {
		if err := json.Unmarshal([]byte(stdout), &n); err != nil {
			m.t.Fatalf("%v: %s", err, stdout)
		}
	}
	return n, stderr, code
}

func (m machine) sentinels() int {
	left, _ := filepath.Glob(filepath.Join(m.home, ".local", "state", "imgsearch", "inflight", "*.json"))
	return len(left)
}
