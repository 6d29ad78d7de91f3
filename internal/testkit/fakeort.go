package testkit

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

var fakeRuntime struct {
	sync.Once
	path string
	err  error
	out  []byte
}

// FakeRuntime builds a runtime library that wraps the real one and fails on demand (fakeort/fakeort.c), and returns its path and
// the environment variables that it needs. If it cannot be built, the test is skipped.
func FakeRuntime(t testing.TB) (path string, env []string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the library that fails on demand only supports Linux")
	}
	library := RuntimeLibrary(t)
	f := &fakeRuntime
	f.Do(func() {
		var dir []byte
		if dir, f.err = exec.CommandContext(context.Background(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output(); f.err != nil {
			return
		}
		source := filepath.Join(Repository(), "internal", "testkit", "fakeort", "fakeort.c")
		var folder string
		if folder, f.err = os.MkdirTemp("", "imgsearch-fakeort-*"); f.err != nil {
			return
		}
		f.path = filepath.Join(folder, "libonnxruntime.so")
		f.out, f.err = exec.CommandContext(context.Background(), "cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-I", string(dir[:len(dir)-1]), "-o", f.path, source, "-ldl", "-lm").CombinedOutput()
	})
	if f.err != nil {
		t.Skipf("the library that fails on demand cannot be built: %v: %s", f.err, f.out)
	}
	return f.path, []string{"FAKEORT_REAL=" + library, "IMGSEARCH_ORT_LIB=" + f.path}
}
