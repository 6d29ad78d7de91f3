package provider

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
)

// TestCoreML: the options for a Mac, which no machine here can try.
func TestCoreML(t *testing.T) {
	d, ok := Of(CoreML)
	if !ok {
		t.Fatal("there is no CoreML")
	}
	want := map[string]string{
		"ModelFormat": "MLProgram", "RequireStaticInputShapes": "1", "MLComputeUnits": "CPUAndNeuralEngine", "ModelCacheDirectory": "/c/m",
	}
	if got := d.NativeOptions("CPUAndNeuralEngine", "/c/m"); !maps.Equal(got, want) {
		t.Errorf("options %v, want %v", got, want)
	}
	if got := d.NativeOptions("", ""); got["MLComputeUnits"] != "ALL" || got["ModelCacheDirectory"] != "" {
		t.Errorf("first options %v", got)
	}
}

func TestAccelerators(t *testing.T) {
	for _, c := range []struct {
		goos, goarch string
		want         []Name
	}{
		{"darwin", "arm64", []Name{CoreML, WebGPU}},
		{"linux", "amd64", []Name{CUDA, WebGPU}},
		{"windows", "arm64", []Name{WebGPU}},
		{"freebsd", "amd64", nil},
	} {
		var got []Name
		for _, d := range Accelerators(c.goos, c.goarch) {
			got = append(got, d.Name)
			if len(d.Variants) == 0 || len(d.Batches) == 0 || d.Needs == "" {
				t.Errorf("%s is not complete", d.Name)
			}
			// A row of each batch is the canary's.
			if slices.Min(d.Batches) < 8 {
				t.Errorf("%s: batches %v", d.Name, d.Batches)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s/%s: %v, want %v", c.goos, c.goarch, got, c.want)
		}
	}
}

// TestMayBeIn: what the files show without loading anything.
func TestMayBeIn(t *testing.T) {
	dir := t.TempDir()
	l := ortlib.Library{Path: filepath.Join(dir, "libonnxruntime.so"), Origin: "system"}
	cuda, _ := Of(CUDA)
	if cuda.MayBeIn(l) {
		t.Error("CUDA without its library")
	}
	for _, name := range cuda.Files {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !cuda.MayBeIn(l) {
		t.Error("no CUDA with its library")
	}
	l.Origin = "bundled"
	webgpu, _ := Of(WebGPU)
	if cuda.MayBeIn(l) || webgpu.MayBeIn(l) {
		t.Error("the bundled library has neither")
	}
}

func TestExplain(t *testing.T) {
	for message, want := range map[string]Cause{
		"-[MTLDevice] failed: Unable to reach MTLCompilerService. The process":   {Text: "Metal's compiler service cannot be reached from this session"},
		"Failed to get a WebGPU adapter: No supported adapters":                  {Text: "WebGPU finds no usable GPU", Absent: true},
		"WebGPU execution provider is not supported in this build.":              {Text: "the runtime library does not have it", Missing: true},
		"Unknown provider name 'CUDA'. Currently supported":                      {Text: "the runtime library does not have it", Missing: true},
		"/lib/libc.so.6: version `GLIBC_2.38' not found (required by /x/lib.so)": {Text: "the library was built for a newer system (glibc)"},
		"all is well": {},
	} {
		got := Explain(message)
		if got.Text != want.Text || got.Absent != want.Absent || got.Missing != want.Missing || (got.Text != "") != (got.Hint != "") {
			t.Errorf("%q: %+v", message, got)
		}
	}
}

func visual(n Name, batch int, perSecond float64, ok bool) Measured {
	return Measured{Provider: n, Batch: batch, PerSecond: perSecond, OK: ok, At: time.Now()}
}

// TestBest: the processor unless another is clearly faster; the faster one of two others.
func TestBest(t *testing.T) {
	for _, c := range []struct {
		candidates []Measured
		want       Measured
	}{
		{nil, Measured{Provider: CPU}},
		{[]Measured{visual(CPU, 0, 50, true), visual(WebGPU, 16, 52, true)}, Measured{Provider: CPU}},
		{[]Measured{visual(CPU, 0, 50, true), visual(WebGPU, 16, 56, true)}, Measured{Provider: WebGPU, Batch: 16}},
		{[]Measured{visual(CPU, 0, 50, true), visual(WebGPU, 16, 60, true), visual(WebGPU, 32, 61, true)}, Measured{Provider: WebGPU, Batch: 32}},
		{[]Measured{visual(CPU, 0, 50, true), visual(WebGPU, 16, 600, false)}, Measured{Provider: CPU}},
		{[]Measured{visual(CUDA, 32, 900, true), visual(CPU, 0, 50, true), visual(WebGPU, 16, 600, true)}, Measured{Provider: CUDA, Batch: 32}},
	} {
		got := Verdict{Slot: Slot{Tower: "visual"}, Candidates: c.candidates}.Best()
		if got.Provider != c.want.Provider || got.Batch != c.want.Batch {
			t.Errorf("%+v: %s", c.candidates, got.Title())
		}
	}
	texts := Verdict{Slot: Slot{Tower: "textual"}, Candidates: []Measured{
		{Provider: CPU, OK: true, LoadMS: 30, PerSecond: 10}, {Provider: CoreML, OK: true, LoadMS: 400, PerSecond: 1000},
	}}
	if got := texts.Best(); got.Provider != CPU {
		t.Errorf("a search waits for loading, not for %s", got.Title())
	}
}

// TestFailuresPass: a failure counts for an hour, one that took long for a week, a missing provider until something changes.
func TestFailuresPass(t *testing.T) {
	var v Verdict
	now := time.Now()
	v.Put(Measured{Provider: WebGPU, At: now.Add(-50 * time.Minute)})
	v.Put(Measured{Provider: CUDA, At: now.Add(-30 * 24 * time.Hour), Missing: true})
	v.Put(Measured{Provider: CoreML, At: now.Add(-2 * time.Hour), TimedOut: true})
	absent := Verdict{Candidates: []Measured{{Provider: WebGPU, At: now.Add(-2 * time.Hour), Absent: true}}}
	if !absent.Knows(WebGPU, now) || absent.Knows(WebGPU, now.Add(24*time.Hour)) {
		t.Error("a device that is not there counts for a day")
	}
	for _, n := range []Name{WebGPU, CUDA, CoreML} {
		if !v.Knows(n, now) {
			t.Errorf("%s is forgotten", n)
		}
	}
	if v.Knows(WebGPU, now.Add(time.Hour)) || v.Knows(CoreML, now.Add(8*24*time.Hour)) {
		t.Error("a failure counts for ever")
	}
	if !v.Knows(CUDA, now.Add(8*24*time.Hour)) {
		t.Error("what is missing is looked for again")
	}
}

func testKey() Key {
	return Key{Version: stateVersion, Program: runningVersion, Library: "/lib 1 2", System: "linux 6", Processor: "p", Drivers: "d"}
}

// TestStale: any change makes a measurement stale, and the reason names it.
func TestStale(t *testing.T) {
	s := Store{Dirs: []string{filepath.Join(t.TempDir(), "state")}}
	slot := Slot{Tower: "visual", Model: "0123456789abcdef", Session: "background"}
	if _, ok, why := s.Verdict(slot, testKey()); ok || why != "nothing was measured yet" {
		t.Errorf("%v, %q", ok, why)
	}
	v := Verdict{Key: testKey(), Slot: slot, Candidates: []Measured{visual(CPU, 0, 1, true)}, Canary: []float32{1}}
	if err := s.Keep(v); err != nil {
		t.Fatal(err)
	}
	if got, ok, why := s.Verdict(slot, testKey()); !ok || len(got.Candidates) != 1 {
		t.Errorf("%+v, %v, %q", got, ok, why)
	}
	other := slot
	other.Session = "terminal"
	if _, ok, _ := s.Verdict(other, testKey()); ok {
		t.Error("a terminal's is a job's")
	}
	for why, change := range map[string]func(*Key){
		"the runtime library changed":  func(k *Key) { k.Library = "/lib 1 3" },
		"the system changed":           func(k *Key) { k.System = "linux 7" },
		"the graphics drivers changed": func(k *Key) { k.Drivers = "e" },
		"the processor changed":        func(k *Key) { k.Processor = "q" },
		"imgsearch changed":            func(k *Key) { k.Program++ },
	} {
		now := testKey()
		change(&now)
		if _, ok, got := s.Verdict(slot, now); ok || got != why {
			t.Errorf("%v, %q, want %q", ok, got, why)
		}
	}
}

// TestTornState: a state that cannot be read is measured again.
func TestTornState(t *testing.T) {
	s := Store{Dirs: []string{t.TempDir()}}
	slot := Slot{Tower: "visual", Model: "0123456789abcdef", Session: "background"}
	if err := s.Keep(Verdict{Key: testKey(), Slot: slot}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Dirs[0], "providers", slot.file()), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, why := s.Verdict(slot, testKey()); ok || why != "the measurement cannot be read" {
		t.Errorf("%v, %q", ok, why)
	}
}

// TestNoPlace: without a writable folder nothing is stored, and that is an error.
func TestNoPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Store{{}, {Dirs: []string{filepath.Join(file, "below")}}} {
		if err := s.Keep(Verdict{}); err == nil {
			t.Error("kept nowhere")
		}
		if _, err := s.Begin(Use{Provider: CPU}); err == nil {
			t.Error("a sentinel nowhere")
		}
	}
}
