//go:build unix && cgo

package guard_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/guard/crash"
)

// TestMain is also the program that crashes.
func TestMain(m *testing.M) {
	if how := os.Getenv("GUARD_CRASH"); how != "" {
		os.Exit(crashAs(how, os.Getenv("GUARD_TRACE")))
	}
	os.Exit(m.Run())
}

func crashAs(how, trace string) int {
	disarm, err := guard.Arm(guard.Watch{Message: "imgsearch: error: the thing crashed: ", Suffix: "\nhint: run it again\n", ExitCode: 12, Trace: trace})
	if err != nil {
		return 1
	}
	switch how {
	case "nil": // Go's own
		defer func() {
			if recover() == nil {
				os.Exit(1)
			}
			os.Exit(40)
		}()
		var p *int
		*p = 1
	case "disarmed":
		disarm()
		crash.Abort()
	case "abort":
		crash.Abort()
	case "thread":
		crash.AbortInThread()
	case "segfault":
		crash.Segfault()
	}
	return 0
}

// TestCrash: native code's fatal signals become a message, a trace and the exit code; Go's own signals are left to Go.
func TestCrash(t *testing.T) {
	for _, c := range []struct {
		how    string
		code   int
		signal string
	}{
		{"abort", 12, "SIGABRT"}, {"thread", 12, "SIGABRT"}, {"segfault", 12, "SIGSEGV"}, {"nil", 40, ""}, {"disarmed", 2, ""},
	} {
		trace := filepath.Join(t.TempDir(), "trace")
		if err := os.WriteFile(trace, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		run := exec.Command(self)
		run.Env = append(os.Environ(), "GUARD_CRASH="+c.how, "GUARD_TRACE="+trace)
		var stderr bytes.Buffer
		run.Stderr = &stderr
		err = run.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != c.code {
			t.Errorf("%s: %v, want exit %d: %s", c.how, err, c.code, stderr.String())
			continue
		}
		left, _ := os.ReadFile(trace)
		if c.signal == "" {
			if string(left) != "{}\n" {
				t.Errorf("%s: left %q", c.how, left)
			}
			continue
		}
		if want := "imgsearch: error: the thing crashed: " + c.signal + "\nhint: run it again\n"; stderr.String() != want {
			t.Errorf("%s: %q, want %q", c.how, stderr.String(), want)
		}
		if !strings.HasSuffix(string(left), "crashed "+c.signal+"\n") {
			t.Errorf("%s: left %q", c.how, left)
		}
	}
}
