package provider

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/machine"
)

func testSlot() Slot {
	return Slot{Tower: "visual", Model: "0123456789abcdef", Title: "m", Session: "background"}
}

// leave writes a sentinel as a process that is gone leaves it.
func leave(t *testing.T, s Store, u Use, lines string) {
	t.Helper()
	data, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(s.Dirs[0], "inflight")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "dead.json"), append(data, []byte("\n"+lines)...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSettle: what a death means for the next run.
func TestSettle(t *testing.T) {
	boot := machine.Boot()
	for _, c := range []struct {
		name           string
		use            Use
		lines          string
		before         int // deaths on record
		suspect, avoid bool
		deaths         int
	}{
		{"killed while it ran", Use{Boot: boot}, "running\n", 0, true, false, 1},
		{"killed while it ran, again", Use{Boot: boot}, "running\n", 1, true, true, 2},
		{"interrupted", Use{Boot: boot}, "running\ninterrupted\n", 0, false, false, 0},
		{"interrupted while it was initialised", Use{Boot: boot}, "interrupted\n", 0, false, false, 0},
		{"killed while it was initialised", Use{Boot: boot}, "", 0, true, false, 1},
		{"killed while it was initialised, again", Use{Boot: boot}, "", 1, true, true, 2},
		{"crashed while it was initialised", Use{Boot: boot}, "crashed SIGABRT\n", 0, true, false, 1},
		{"crashed while it was initialised, again", Use{Boot: boot}, "crashed SIGABRT\n", 1, true, true, 2},
		{"crashed though a child had just found that it works", Use{Boot: boot, Tried: true}, "crashed SIGABRT\n", 0, true, true, 1},
		{"crashed while it ran", Use{Boot: boot}, "running\ncrashed SIGSEGV\n", 0, true, true, 1},
		{"the power was cut", Use{Boot: "earlier"}, "running\n", 0, false, false, 0},
		{"the power was cut while it was initialised", Use{Boot: "earlier"}, "", 0, false, false, 0},
		{"crashed before the machine was started", Use{Boot: "earlier"}, "running\ncrashed SIGSEGV\n", 0, true, true, 1},
	} {
		s := Store{Dirs: []string{t.TempDir()}}
		c.use.Provider, c.use.Slot, c.use.Key = WebGPU, testSlot(), testKey()
		if c.before > 0 {
			if err := s.KeepRecord(Record{Key: testKey(), Slot: testSlot(), Provider: WebGPU, Deaths: c.before}); err != nil {
				t.Fatal(err)
			}
		}
		leave(t, s, c.use, c.lines)
		r, suspect, err := s.Settle(testSlot(), WebGPU, testKey())
		if err != nil || suspect != c.suspect || r.Avoid != c.avoid || r.Deaths != c.deaths {
			t.Errorf("%s: suspect %v, %+v, %v", c.name, suspect, r, err)
		}
		if len(s.Deaths()) > 0 {
			t.Errorf("%s: the sentinel is left", c.name)
		}
		// It stays suspect until a run ends well.
		if again, suspect, _ := s.Settle(testSlot(), WebGPU, testKey()); suspect != c.suspect || again.Avoid != c.avoid {
			t.Errorf("%s, the run after: suspect %v, %+v", c.name, suspect, again)
		}
	}
}

// TestSettleOthers: deaths of another provider, with another model or in another state of the machine do not count.
func TestSettleOthers(t *testing.T) {
	other := testSlot()
	other.Model = "fedcba9876543210"
	stale := testKey()
	stale.Drivers = "before the update"
	for _, u := range []Use{
		{Provider: CUDA, Slot: testSlot(), Key: testKey()}, {Provider: WebGPU, Slot: other, Key: testKey()}, {Provider: WebGPU, Slot: testSlot(), Key: stale},
	} {
		s := Store{Dirs: []string{t.TempDir()}}
		u.Boot = machine.Boot()
		leave(t, s, u, "running\ncrashed SIGSEGV\n")
		if r, suspect, err := s.Settle(testSlot(), WebGPU, testKey()); err != nil || suspect || r.Avoid {
			t.Errorf("%+v: suspect %v, %+v, %v", u, suspect, r, err)
		}
	}
}

// TestSentinel: a sentinel is not a death while its process runs, and is gone after an orderly end.
func TestSentinel(t *testing.T) {
	s := Store{Dirs: []string{t.TempDir()}}
	left, err := s.Begin(Use{Provider: WebGPU, Slot: testSlot(), Key: testKey()})
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Deaths(); len(d) > 0 {
		t.Errorf("a death of the living: %+v", d)
	}
	if err := left.Running(); err != nil {
		t.Fatal(err)
	}
	if err := left.lock.Unlock(); err != nil { // as the system does when the process is gone
		t.Fatal(err)
	}
	if d := s.Deaths(); len(d) != 1 || !d[0].Running || d[0].Earlier || d[0].Signal != "" {
		t.Errorf("deaths %+v", d)
	}
	if err := left.End(); err != nil {
		t.Fatal(err)
	}
	if d := s.Deaths(); len(d) > 0 {
		t.Errorf("left: %+v", d)
	}
}

// TestForgive: a provider that warmup found to work is trusted again.
func TestForgive(t *testing.T) {
	s := Store{Dirs: []string{t.TempDir()}}
	if err := s.KeepRecord(Record{Key: testKey(), Slot: testSlot(), Provider: WebGPU, Deaths: 2, Avoid: true}); err != nil {
		t.Fatal(err)
	}
	if r := s.Record(testSlot(), WebGPU, testKey()); !r.Avoid || len(s.Records()) != 1 {
		t.Fatalf("%+v", r)
	}
	changed := testKey()
	changed.Library = "another"
	if r := s.Record(testSlot(), WebGPU, changed); r.Avoid {
		t.Error("another library is blamed")
	}
	job := testSlot()
	job.Session = "launchd"
	if err := s.KeepRecord(Record{Key: testKey(), Slot: job, Provider: WebGPU, Deaths: 2, Avoid: true}); err != nil {
		t.Fatal(err)
	}
	s.Forgive(testSlot(), WebGPU)
	if r, suspect, err := s.Settle(job, WebGPU, testKey()); err != nil || r.Avoid || !suspect {
		t.Errorf("in a session of another kind: %+v, suspect %v, %v", r, suspect, err)
	}
	if r := s.Record(testSlot(), WebGPU, testKey()); r.Avoid || r.Deaths != 0 {
		t.Errorf("%+v", r)
	}
}

// BenchmarkSentinel measures what the sentinel costs a run.
func BenchmarkSentinel(b *testing.B) {
	s := Store{Dirs: []string{b.TempDir()}}
	u := Use{Provider: WebGPU, Slot: testSlot(), Key: testKey()}
	for b.Loop() {
		if _, _, err := s.Settle(testSlot(), WebGPU, testKey()); err != nil {
			b.Fatal(err)
		}
		left, err := s.Begin(u)
		if err != nil {
			b.Fatal(err)
		}
		if err := left.Running(); err != nil {
			b.Fatal(err)
		}
		if err := left.End(); err != nil {
			b.Fatal(err)
		}
	}
}
