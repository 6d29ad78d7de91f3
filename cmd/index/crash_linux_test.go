package index_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestLongCrashes runs the real program with native code that really crashes. The tests share a cache, so that the text tower's copy
// for quick searches is made once.
func TestLongCrashes(t *testing.T) {
	cache := t.TempDir()
	for _, c := range []struct {
		name string
		test func(*testing.T, string)
	}{
		{"ProviderWorks", testProviderWorks},
		{"BrokenInAChild", testBrokenInAChild},
		{"HangInAChild", testHangInAChild},
		{"BrokenInTheMainProcess", testBrokenInTheMainProcess},
		{"WarmupForgives", testWarmupForgives},
		{"Killed", testKilled},
		{"KilledTwice", testKilledTwice},
		{"InterruptedTrial", testInterruptedTrial},
		{"HangInTheMainProcess", testHangInTheMainProcess},
		{"BrokenLibrary", testBrokenLibrary},
		{"CachedSearch", testCachedSearch},
		{"SearchOnAProvider", testSearchOnAProvider},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, cache) })
	}
}

// testProviderWorks checks that the provider works if nothing breaks, and leaves no sentinel. The tests below break it.
func testProviderWorks(t *testing.T, cache string) {
	t.Parallel()
	m := newMachine(t, cache)
	n, stderr, code := m.index("")
	if code != 0 || n.Provider != "webgpu" || n.Added != 20 || !strings.Contains(n.ProviderReason, "times as fast") {
		t.Fatalf("exit %d, %+v: %s", code, n, stderr)
	}
	if m.sentinels() > 0 {
		t.Error("a sentinel is left")
	}
	stdout, _, code := m.cron("", "doctor")
	if code != 0 || !strings.Contains(stdout, "provider webgpu works in a child process") {
		t.Errorf("doctor: exit %d: %s", code, stdout)
	}
	// The vectors match the processor's.
	first, _, _ := m.cron("", "search", "--json", "--top", "5", "waves")
	m.home = t.TempDir()
	if n, _, _ := m.index("", "--cpu"); n.Provider != "cpu" || n.ProviderReason != "as asked" {
		t.Errorf("--cpu: %+v", n)
	}
	second, _, _ := m.cron("", "search", "--json", "--top", "5", "waves")
	if a, b := pathsOf(t, first), pathsOf(t, second); len(a) != 5 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("on the provider %v, on the processor %v", a, b)
	}
}

func pathsOf(t *testing.T, answer string) (paths []string) {
	t.Helper()
	var a struct{ Results []struct{ Path string } }
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, r := range a.Results {
		paths = append(paths, r.Path)
	}
	return paths
}

// testBrokenInAChild: a provider that breaks in every process breaks in a child first. index then runs on the processor in
// the same night and reports why; doctor reports the failure and exits 1.
func testBrokenInAChild(t *testing.T, cache string) {
	skipUnderRace(t)
	for _, c := range []struct{ breaks, says string }{
		{"append:abort", "SIGABRT"},
		{"append:error", "the device was removed"},
		{"session:kill", "SIGKILL"},
		{"session:metal", "Metal's compiler service cannot be reached"},
		{"run1:segv", "SIGSEGV"},
		{"run1:wrong", "differ from the processor's"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, cache)
			n, stderr, code := m.index(c.breaks)
			if code != 0 || !n.Complete || n.Added != 20 || n.Provider != "cpu" || !strings.Contains(n.ProviderReason, c.says) {
				t.Errorf("index: exit %d, %+v", code, n)
			}
			if got := strings.Count(stderr, "warning: webgpu"); got != 1 || !strings.Contains(stderr, c.says) {
				t.Errorf("said %d times: %s", got, stderr)
			}
			stdout, _, code := m.cron(c.breaks, "doctor")
			if code != 1 || !strings.Contains(stdout, "fail  provider webgpu") || !strings.Contains(stdout, c.says) || !strings.Contains(stdout, "hint: ") {
				t.Errorf("doctor: exit %d: %s", code, stdout)
			}
			if m.sentinels() > 0 {
				t.Error("a sentinel is left")
			}
		})
	}
}

// skipUnderRace skips tests that run whole programs one after another, in which the race detector finds nothing new.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if scenario.RaceEnabled {
		t.Skip("other tests run the same code under the race detector")
	}
}

// testHangInAChild: if a child hangs, doctor ends, reports it and exits 1.
func testHangInAChild(t *testing.T, cache string) {
	skipUnderRace(t)
	t.Parallel()
	m := newMachine(t, cache)
	stdout, _, code := m.cron("session:hang", "doctor")
	if code != 1 || !strings.Contains(stdout, "no answer within") {
		t.Errorf("exit %d: %s", code, stdout)
	}
}

// testBrokenInTheMainProcess: a failure that does not occur in a child costs at most one night.
func testBrokenInTheMainProcess(t *testing.T, cache string) {
	skipUnderRace(t)
	for _, c := range []struct {
		breaks string
		first  int // the first night's exit code
		says   string
	}{
		{"main/session:segv", 1, "SIGSEGV"},
		{"main/run1:abort", 1, "SIGABRT"},
		{"main/run3:segv", 1, "SIGSEGV"},
		{"main/session:error", 0, "the device was removed"},
		{"main/run2:nan", 0, "not finite"},
		{"main/run2:wrong", 0, "differ from the processor's"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, cache)
			n, stderr, code := m.index(c.breaks)
			if code != c.first || !strings.Contains(stderr, c.says) {
				t.Fatalf("first night: exit %d, %+v: %s", code, n, stderr)
			}
			if c.first == 0 && (n.Added != 20 || n.Provider != "cpu" || !strings.Contains(n.ProviderReason, c.says)) {
				t.Errorf("first night: %+v", n)
			}
			if c.first != 0 {
				if strings.Contains(stderr, "goroutine") || !strings.Contains(stderr, `"name":"failed"`) {
					t.Errorf("the crash is not reported as an error: %s", stderr)
				}
				stdout, _, code := m.cron("", "doctor")
				if code != 1 || !strings.Contains(stdout, "fail  crash") || !strings.Contains(stdout, c.says) {
					t.Errorf("doctor after the crash: exit %d: %s", code, stdout)
				}
			}
			for night := 2; night <= 4; night++ {
				m.addPhotos(20)
				n, stderr, code := m.index(c.breaks)
				if code != 0 || !n.Complete || n.Provider != "cpu" {
					t.Errorf("night %d: exit %d, %+v: %s", night, code, n, stderr)
				}
				if night == 4 && strings.Contains(stderr, "warning: webgpu") {
					t.Errorf("the warning is repeated: %s", stderr)
				}
			}
			if m.sentinels() > 0 {
				t.Error("a sentinel is left")
			}
		})
	}
}

// testWarmupForgives: a provider that crashed is used again once warmup finds that it works.
func testWarmupForgives(t *testing.T, cache string) {
	skipUnderRace(t)
	t.Parallel()
	m := newMachine(t, cache)
	if _, _, code := m.index("main/run2:abort"); code != 1 {
		t.Fatalf("exit %d", code)
	}
	if n, _, _ := m.index(""); n.Provider != "cpu" {
		t.Fatalf("the night after: %+v", n)
	}
	if stdout, stderr, code := m.cron("", "warmup"); code != 0 || !strings.Contains(stdout, "chosen   webgpu for pictures") {
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	m.addPhotos(1)
	if n, stderr, _ := m.index(""); n.Provider != "webgpu" || n.Added != 1 {
		t.Errorf("after warmup: %+v: %s", n, stderr)
	}
	m.addPhotos(1)
	if _, stderr, code := m.cron("", "index"); code != 0 || !strings.Contains(stderr, "starter on webgpu: ") || !strings.Contains(stderr, "times as fast as the processor)") {
		t.Errorf("the summary: exit %d: %s", code, stderr)
	}
	if stdout, _, code := m.cron("", "doctor"); code != 0 || !strings.Contains(stdout, "webgpu, batch") {
		t.Errorf("doctor: exit %d: %s", code, stdout)
	}
}

// testKilled: after a kill -9 the provider is tried again in a child and still used.
func testKilled(t *testing.T, cache string) {
	skipUnderRace(t)
	t.Parallel()
	m := newMachine(t, cache)
	if _, _, code := m.index("main/run2:kill"); code != -1 {
		t.Fatalf("exit %d", code)
	}
	if m.sentinels() != 1 {
		t.Fatalf("%d sentinels", m.sentinels())
	}
	stdout, _, code := m.cron("", "doctor")
	if code != 0 || !strings.Contains(stdout, "warn  crash") {
		t.Errorf("doctor: exit %d: %s", code, stdout)
	}
	n, stderr, code := m.index("", "--verbose")
	if code != 0 || n.Provider != "webgpu" || !strings.Contains(stderr, "it failed last time") {
		t.Errorf("exit %d, %+v: %s", code, n, stderr)
	}
}

// testKilledTwice: a provider with which the process was killed in two nights is not used from the third night on.
func testKilledTwice(t *testing.T, cache string) {
	skipUnderRace(t)
	t.Parallel()
	m := newMachine(t, cache)
	for range 2 {
		if _, _, code := m.index("main/run2:kill"); code != -1 {
			t.Fatalf("exit %d", code)
		}
	}
	if n, stderr, code := m.index("main/run2:kill"); code != 0 || n.Provider != "cpu" || n.Added != 20 {
		t.Errorf("exit %d, %+v: %s", code, n, stderr)
	}
}

// testInterruptedTrial: Ctrl-C works while a child hangs, and ends the child.
func testInterruptedTrial(t *testing.T, cache string) {
	t.Parallel()
	m := newMachine(t, cache)
	c := m.command("child/session:hang", "index", "--json", m.photos)
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	child := ""
	for range 200 {
		if child = childOf(c.Process.Pid); child != "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if child == "" {
		t.Fatal("no child is started")
	}
	time.Sleep(300 * time.Millisecond)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = c.Process.Kill()
		t.Fatal("it does not end")
	}
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit %d: %s", code, out.String())
	}
	if state, _ := os.ReadFile(filepath.Join("/proc", child, "cmdline")); strings.Contains(string(state), "probe-provider") {
		t.Error("the child lives on")
	}
}

// childOf returns the process id of the child that tries a provider; "" if there is none.
func childOf(pid int) string {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range tasks {
		data, _ := os.ReadFile(path)
		for _, child := range strings.Fields(string(data)) {
			if line, _ := os.ReadFile(filepath.Join("/proc", child, "cmdline")); strings.Contains(string(line), "probe-provider") {
				return child
			}
		}
	}
	return ""
}

// testHangInTheMainProcess: native code that does not return costs a few seconds; the processor does the rest.
func testHangInTheMainProcess(t *testing.T, cache string) {
	skipUnderRace(t)
	for _, breaks := range []string{"main/session:hang", "main/run3:hang"} {
		t.Run(breaks, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, cache)
			n, stderr, code := m.index(breaks)
			if code != 0 || n.Added != 20 || n.Provider != "cpu" || !strings.Contains(stderr, "it did not respond within") {
				t.Errorf("exit %d, %+v: %s", code, n, stderr)
			}
			m.addPhotos(1)
			if n, _, code := m.index(breaks); code != 0 || n.Added != 1 {
				t.Errorf("second night: exit %d, %+v", code, n)
			}
		})
	}
}

// testBrokenLibrary: a library that crashes while it is loaded is reported with exit code 12, by every command, the first time
// and the next.
func testBrokenLibrary(t *testing.T, cache string) {
	skipUnderRace(t)
	for _, c := range []struct{ breaks, says string }{
		{"load:abort", "SIGABRT"}, {"load:segv", "SIGSEGV"}, {"load:ill", "instructions that this processor does not have"}, {"main/load:abort", "SIGABRT"}, {"main/load:ill", "SIGILL"},
	} {
		t.Run(c.breaks, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, cache)
			if _, stderr, code := m.index(""); code != 0 {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			m.addPhotos(1)
			for range 2 {
				for _, args := range [][]string{{"index", m.photos}, {"search", "--model", "starter", "dog"}, {"warmup"}} {
					_, stderr, code := m.cron(c.breaks, args...)
					if code != 12 || !strings.Contains(stderr, "hint: ") || strings.Contains(stderr, "goroutine") {
						t.Errorf("%v: exit %d: %s", args, code, stderr)
					}
				}
				// If a child has loaded the library before, the crash handler reports the error.
				if strings.HasPrefix(c.breaks, "main/") {
					break
				}
				if err := os.RemoveAll(filepath.Join(m.home, ".local", "state")); err != nil {
					t.Fatal(err)
				}
			}
			if strings.HasPrefix(c.breaks, "main/") {
				return
			}
			stdout, _, code := m.cron(c.breaks, "doctor")
			if code != 1 || !strings.Contains(stdout, "fail  runtime") || !strings.Contains(stdout, c.says) {
				t.Errorf("doctor: exit %d: %s", code, stdout)
			}
		})
	}
}

// testCachedSearch: a query whose vector is cached loads nothing, tries nothing, and writes no state.
func testCachedSearch(t *testing.T, cache string) {
	skipUnderRace(t)
	t.Parallel()
	m := newMachine(t, cache)
	if _, stderr, code := m.index(""); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if _, stderr, code := m.cron("", "search", "waves"); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if err := os.RemoveAll(filepath.Join(m.home, ".local", "state")); err != nil {
		t.Fatal(err)
	}
	if stdout, stderr, code := m.cron("load:abort", "search", "--provider", "webgpu", "waves"); code != 0 || !strings.Contains(stdout, ".jpg") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(filepath.Join(m.home, ".local", "state")); err == nil {
		t.Error("state was written")
	}
}

// testSearchOnAProvider: the text tower runs on the requested provider, and falls back to the processor.
func testSearchOnAProvider(t *testing.T, cache string) {
	t.Parallel()
	m := newMachine(t, cache)
	if _, stderr, code := m.index(""); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	for i, breaks := range []string{"", "main/run2:error", "child/session:abort"} {
		query := fmt.Sprintf("waves number %d", i)
		on, stderr, code := m.cron(breaks, "search", "--json", "--provider", "webgpu", query)
		if code != 0 {
			t.Errorf("%s: exit %d: %s", breaks, code, stderr)
			continue
		}
		off, _, _ := m.cron("", "search", "--json", "--cpu", "--model", "starter", query)
		if a, b := pathsOf(t, on), pathsOf(t, off); len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%s: on the provider %v, on the processor %v", breaks, a, b)
		}
	}
}
