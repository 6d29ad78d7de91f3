package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// stateVersion is incremented when the format of a state changes: an older one is measured again.
const stateVersion = 1

// Key is what a measurement is valid for. When any of it changes, the measurement is stale.
type Key struct {
	Version   int    `json:"version"`
	Program   int    `json:"program"` // version of the way in which we run a provider
	Library   string `json:"library"` // path, size and mtime
	System    string `json:"system"`
	Processor string `json:"processor"`
	Drivers   string `json:"drivers"`
}

// runningVersion is incremented when towers are run on a provider in another way.
const runningVersion = 1

// drivers looks up the graphics drivers, once per process.
var drivers = sync.OnceValue(machine.Drivers)

// KeyFor returns the key of this machine with a runtime library.
func KeyFor(l ortlib.Library) Key {
	return Key{
		Version: stateVersion, Program: runningVersion, Library: fileKey(l.Path), System: machine.System(),
		Processor: machine.Processor(), Drivers: drivers(),
	}
}

func fileKey(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return path
	}
	return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano())
}

// Differs says, in words for people, how the machine differs from what a measurement is valid for; "": it does not.
func (k Key) Differs(now Key) string {
	switch {
	case k == now:
		return ""
	case k.Library != now.Library:
		return "the runtime library changed"
	case k.System != now.System:
		return "the system changed"
	case k.Drivers != now.Drivers:
		return "the graphics drivers changed"
	case k.Processor != now.Processor:
		return "the processor changed"
	}
	return "imgsearch changed"
}

// The towers of a model.
const (
	Visual  = "visual"
	Textual = "textual"
)

// Slot identifies one measurement: a tower of a model, in a kind of session.
type Slot struct {
	// Tower is Visual or Textual.
	Tower string `json:"tower"`
	// Model identifies the tower's contents (a digest), Title names the model for people.
	Model string `json:"model"`
	Title string `json:"title"`
	// Session is the kind of session.
	Session machine.Session `json:"session"`
}

func (s Slot) file() string {
	return fmt.Sprintf("%s-%.16s-%s.json", s.Tower, s.Model, s.Session)
}

// Measured is what was found out about one candidate: a provider with a setting and a batch size.
type Measured struct {
	Provider Name   `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Batch    int    `json:"batch,omitempty"`
	// OK reports whether it worked and its vectors agree with the processor's.
	OK bool `json:"ok"`
	// Missing reports whether the runtime library lacks it, Absent whether the machine has no such device.
	Missing bool `json:"missing,omitempty"`
	Absent  bool `json:"absent,omitempty"`
	// TimedOut reports whether it did not answer in time.
	TimedOut bool `json:"timed_out,omitempty"`
	// Reason says why it did not work, Hint what to do.
	Reason string `json:"reason,omitempty"`
	Hint   Remedy `json:"mend,omitempty"`
	// LoadMS is the time from the start of loading to the end of the first run, in milliseconds.
	LoadMS float64 `json:"load_ms,omitempty"`
	// PerSecond is the number of pictures or texts a second, once it runs.
	PerSecond float64 `json:"per_s,omitempty"`
	// Cosine is the least similarity with the processor's vectors.
	Cosine float64   `json:"cosine,omitempty"`
	At     time.Time `json:"at"`
}

// Title names a candidate for people.
func (m Measured) Title() string {
	title := string(m.Provider)
	if m.Variant != "" {
		title += " " + m.Variant
	}
	if m.Batch > 0 {
		title += fmt.Sprintf(", batch %d", m.Batch)
	}
	return title
}

// Measurement is how a tower was measured.
type Measurement string

// The ways.
const (
	InFull Measurement = "warmup" // everything was tried
	InARun Measurement = "index"  // only the likeliest setting of each provider was tried
)

// Verdict is what was measured for a tower on this machine.
type Verdict struct {
	Key  Key  `json:"key"`
	Slot Slot `json:"slot"`
	// By is how it was measured.
	By         Measurement `json:"by"`
	Candidates []Measured  `json:"candidates"`
	// Canary is the processor's vector of the picture that is compared in every batch.
	Canary []float32 `json:"canary,omitempty"`
}

// worthGain is how much faster an accelerator must be to be chosen: a smaller gain may be noise, and the processor cannot
// fail.
const worthGain = 1.1

// patience is how long a failure counts: its cause may be gone by the next night. A failure that cost minutes of waiting
// counts for longer.
const (
	patience     = time.Hour
	dayPatience  = 24 * time.Hour // an absent device may be passed through tomorrow; looking for it is quick
	longPatience = 7 * 24 * time.Hour
)

// counts reports whether what was found about a candidate still counts.
func (m Measured) counts(now time.Time) bool {
	age := now.Sub(m.At)
	return m.OK || m.Missing || age < patience || m.Absent && age < dayPatience || m.TimedOut && age < longPatience
}

// CPU returns the processor's measurement; ok is false if there is none.
func (v Verdict) CPU() (Measured, bool) {
	i := slices.IndexFunc(v.Candidates, func(m Measured) bool { return m.Provider == CPU })
	if i < 0 {
		return Measured{}, false
	}
	return v.Candidates[i], true
}

// Of returns the best candidate of a provider; ok is false if none works.
func (v Verdict) Of(n Name) (best Measured, ok bool) {
	for _, m := range v.Candidates {
		if m.Provider == n && m.OK && (!ok || v.better(m, best)) {
			best, ok = m, true
		}
	}
	return best, ok
}

// Best returns the fastest candidate: the processor unless another is clearly faster.
func (v Verdict) Best() Measured {
	best, ok := v.CPU()
	if !ok {
		best = Measured{Provider: CPU, OK: true}
	}
	for _, m := range v.Candidates {
		switch {
		case !m.OK || m.Provider == CPU:
		case best.Provider == CPU && ok && v.clearlyBetter(m, best), best.Provider != CPU && v.better(m, best):
			best = m
		}
	}
	return best
}

// better compares running for pictures, which come by the thousand, and loading for a text, which comes alone.
func (v Verdict) better(a, b Measured) bool {
	if v.Slot.Tower == Textual {
		return a.LoadMS < b.LoadMS
	}
	return a.PerSecond > b.PerSecond
}

func (v Verdict) clearlyBetter(a, cpu Measured) bool {
	if v.Slot.Tower == Textual {
		return a.LoadMS*worthGain < cpu.LoadMS
	}
	return a.PerSecond > cpu.PerSecond*worthGain
}

// Knows reports whether the verdict says something about a provider that still counts.
func (v Verdict) Knows(n Name, now time.Time) bool {
	for _, m := range v.Candidates {
		if m.Provider == n && m.counts(now) {
			return true
		}
	}
	return false
}

// Failure returns a candidate that says why none of a provider works; ok is false if one works or nothing is known.
func (v Verdict) Failure(n Name) (m Measured, ok bool) {
	if _, works := v.Of(n); works {
		return Measured{}, false
	}
	for _, m := range v.Candidates {
		if m.Provider == n {
			return m, true
		}
	}
	return Measured{}, false
}

// Put replaces what is known about the candidate's provider, variant and batch.
func (v *Verdict) Put(m Measured) {
	v.Candidates = slices.DeleteFunc(v.Candidates, func(old Measured) bool {
		return old.Provider == m.Provider && old.Variant == m.Variant && old.Batch == m.Batch
	})
	v.Candidates = append(v.Candidates, m)
}

// Fail records that a provider failed in a main process, for all its settings.
func (v *Verdict) Fail(n Name, reason string, at time.Time) {
	for i := range v.Candidates {
		if m := &v.Candidates[i]; m.Provider == n {
			m.OK, m.Reason, m.At = false, reason, at
		}
	}
}

// Store stores what is known about providers in a folder. Its zero value stores nothing.
type Store struct {
	// Dirs are the folders to use, best first; files go to the first one that is writable.
	Dirs []string
}

// Verdict reads what was measured for a slot. ok is false if there is no measurement or it is stale; why then says so.
func (s Store) Verdict(slot Slot, now Key) (v Verdict, ok bool, why string) {
	why = "nothing was measured yet"
	for _, dir := range s.Dirs { // the first one may be older, and no longer writable
		data, err := os.ReadFile(filepath.Join(dir, "providers", slot.file()))
		if err != nil {
			continue
		}
		var v Verdict
		if json.Unmarshal(data, &v) != nil {
			why = "the measurement cannot be read"
			continue
		}
		if why = v.Key.Differs(now); why == "" {
			return v, true, ""
		}
	}
	return Verdict{}, false, why
}

// Verdicts returns all verdicts, fresh or stale.
func (s Store) Verdicts() []Verdict {
	var list []Verdict
	for _, dir := range s.Dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "providers", "*.json"))
		for _, path := range files {
			var v Verdict
			if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &v) == nil {
				list = append(list, v)
			}
		}
	}
	return list
}

// Keep stores a verdict.
func (s Store) Keep(v Verdict) error { return s.write("providers", v.Slot.file(), v) }

// Vetted reports whether a child process has loaded the library on this machine in its present state.
func (s Store) Vetted(l ortlib.Library) bool {
	now := KeyFor(l)
	for _, dir := range s.Dirs {
		var k Key
		data, err := os.ReadFile(filepath.Join(dir, "libraries", libraryFile(l)))
		if err == nil && json.Unmarshal(data, &k) == nil && k.Differs(now) == "" {
			return true
		}
	}
	return false
}

// Vet records that a child process has loaded the library.
func (s Store) Vet(l ortlib.Library) error { return s.write("libraries", libraryFile(l), KeyFor(l)) }

func libraryFile(l ortlib.Library) string {
	sum := sha256.Sum256([]byte(l.Path))
	return hex.EncodeToString(sum[:8]) + ".json"
}

// write writes a file atomically, into the first folder that is writable.
func (s Store) write(sub, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	err = errNoPlace
	for _, dir := range s.Dirs {
		if err = atomicfile.Write(filepath.Join(dir, sub, name), append(data, '\n')); err == nil {
			return nil
		}
	}
	return fmt.Errorf("store what is known about providers: %w", err)
}
