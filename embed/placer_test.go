package embed

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// inFakeProcess runs a test again in a process of its own whose runtime library breaks on demand; in that process it
// returns true.
func inFakeProcess(t *testing.T, breaks string) bool {
	t.Helper()
	if os.Getenv("FAKEORT_TEST") == t.Name() {
		return true
	}
	_, env := testkit.FakeRuntime(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run", "^"+t.Name()+"$", "-test.v")
	c.Env = append(append(os.Environ(), env...), "FAKEORT="+breaks, "FAKEORT_TEST="+t.Name())
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Errorf("%v: %s", err, out)
	}
	return false
}

// placedLoader is a loader of the built-in model whose state says that a provider works, with a batch of 8.
func placedLoader(t *testing.T, asked provider.Name) *Loader {
	t.Helper()
	spec, err := ReadSpec(models.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.ReadDigests(""); err != nil {
		t.Fatal(err)
	}
	lib := RuntimeOptions{Options: ortlib.Options{Explicit: os.Getenv("IMGSEARCH_ORT_LIB")}}
	found, err := ortlib.Find(lib.Options)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(spec, Options{Library: lib, Accelerate: Acceleration{
		Asked: asked, State: provider.Store{Dirs: []string{t.TempDir()}}, Session: "background",
	}, Notify: func(n Notice) { t.Logf("%#v", n) }})
	cpu, err := NewLoader(spec, Options{Library: lib}).Visual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	canary, err := cpu.Embed(canaryPicture(spec.Preprocess.TensorLen()), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{models.VisualFile, models.TextualFile} {
		v := provider.Verdict{Key: provider.KeyFor(found), Slot: l.Slot(file), By: "test", Canary: canary[0], Candidates: []provider.Measured{
			{Provider: provider.CPU, OK: true, PerSecond: 10, LoadMS: 100},
			{Provider: provider.WebGPU, OK: true, PerSecond: 100, LoadMS: 10, Batch: map[string]int{models.VisualFile: 8, models.TextualFile: 1}[file]},
		}}
		if err := l.options.Accelerate.State.Keep(v); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// TestOneAtATime: two threads never initialise a provider at once (the library aborts when they do).
func TestOneAtATime(t *testing.T) {
	if !inFakeProcess(t, "") {
		return
	}
	l := placedLoader(t, provider.Auto)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if _, err := l.Visual(context.Background()); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := l.Textual(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if on, text := l.Provider(), l.TextProvider(); on.Name != "webgpu" || text.Name != "webgpu" {
		t.Errorf("pictures on %+v, texts on %+v", on, text)
	}
	l.Close()
	if d := l.options.Accelerate.State.Deaths(); len(d) > 0 {
		t.Errorf("left %+v", d)
	}
}

// TestBatches: every number of pictures, full batches and not, gives the processor's vectors.
func TestBatches(t *testing.T) {
	if !inFakeProcess(t, "") {
		return
	}
	l := placedLoader(t, provider.WebGPU)
	tower, err := l.Visual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if size, parallel := tower.Batch(); size != 7 || parallel != 1 {
		t.Errorf("batches of %d, %d at once; a row of 8 is the canary's", size, parallel)
	}
	size := l.spec.Preprocess.TensorLen()
	tensors := make([]float32, 15*size)
	for i := range tensors {
		tensors[i] = float32((i*(7919+i/size))%1013)/500 - 1
	}
	cpu, err := l.openOnProcessor(models.VisualFile)
	if err != nil {
		t.Fatal(err)
	}
	want, err := cpu.run(15, tower.feed(tensors))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 7, 8, 14, 15} {
		got, err := tower.Embed(tensors, n)
		if err != nil || len(got) != n {
			t.Fatalf("%d: %d vectors, %v", n, len(got), err)
		}
		if cos := worstCosine(got, want[:n]); cos < 0.99999 {
			t.Errorf("%d: cosine %.6f", n, cos)
		}
	}
	if tower.fallback.fallen {
		t.Error("the provider was left")
	}
}

// TestFallBack: a batch that fails in the middle runs again on the processor, and so does the rest.
func TestFallBack(t *testing.T) {
	if !inFakeProcess(t, "run3:wrong") {
		return
	}
	l := placedLoader(t, provider.WebGPU)
	tower, err := l.Visual(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	size := l.spec.Preprocess.TensorLen()
	tensors := make([]float32, 20*size)
	for i := range tensors {
		tensors[i] = float32((i*(7919+i/size))%1013)/500 - 1
	}
	got, err := tower.Embed(tensors, 20)
	if err != nil || !tower.fallback.fallen {
		t.Fatalf("%v, fallen %v", err, tower.fallback.fallen)
	}
	want, err := tower.fallback.processor.run(20, tower.feed(tensors))
	if err != nil {
		t.Fatal(err)
	}
	if cos := worstCosine(got, want); cos < 0.99999 {
		t.Errorf("cosine %.6f", cos)
	}
	if on := l.Provider(); on.Name != "cpu" || !strings.Contains(on.Reason, "failed in this run") {
		t.Errorf("%+v", on)
	}
	if v, _, _ := l.options.Accelerate.State.Verdict(l.Slot(models.VisualFile), tower.fallback.place.key); len(v.Candidates) != 2 || v.Candidates[1].OK {
		t.Errorf("the failure is not noted: %+v", v.Candidates)
	}
}

// TestNoStateNoProvider: if no sentinel can be written, no provider is initialised.
func TestNoStateNoProvider(t *testing.T) {
	if !inFakeProcess(t, "session:abort") {
		return
	}
	l := placedLoader(t, provider.WebGPU)
	dir := l.options.Accelerate.State.Dirs[0]
	if err := os.RemoveAll(filepath.Join(dir, "inflight")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "inflight"), nil, 0o600); err != nil { // a file in the folder's place
		t.Fatal(err)
	}
	if _, err := l.Visual(context.Background()); err != nil {
		t.Fatal(err)
	}
	if on := l.Provider(); on.Name != "cpu" || !strings.Contains(on.Reason, "crash sentinel") {
		t.Errorf("%+v", on)
	}
}

// TestWithin: native code that does not return is abandoned.
func TestWithin(t *testing.T) {
	if got, err := within(time.Minute, func() (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	forever := make(chan struct{})
	defer close(forever)
	if _, err := within(time.Millisecond, func() (int, error) { <-forever; return 7, nil }); err == nil || !strings.Contains(err.Error(), "did not respond") {
		t.Errorf("%v", err)
	}
}

// TestDropStaleCompiled: what was compiled with another library is removed, this library's is kept.
func TestDropStaleCompiled(t *testing.T) {
	cache := t.TempDir()
	lib := filepath.Join(t.TempDir(), "lib.so")
	if err := os.WriteFile(lib, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := ortlib.Library{Path: lib}
	mine := CompiledDir(cache, provider.CoreML, l, "tower", "ALL", 16)
	if other := CompiledDir(cache, provider.CoreML, l, "tower", "ALL", 8); other == mine {
		t.Error("two batches share a folder")
	}
	stale := filepath.Join(cache, "coreml", "1-2", "tower", "all-16")
	for _, dir := range []string{mine, stale} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := dropStale(cache, provider.CoreML, l); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the stale one is there")
	}
}
