package provider

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgsearch/imgsearch/internal/machine"
)

var errNoPlace = errors.New("there is no folder for it")

// Sentinel is a small file that exists while a provider is in use in this process. It is removed at every orderly end; one
// that is left behind means that its process died. The process locks the file, so that it is certain whether it still runs.
type Sentinel struct {
	path string
	lock *flock.Flock
}

// Use is the first line of a sentinel. The lines after it say what happened next.
type Use struct {
	Provider Name   `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Slot     Slot   `json:"slot"`
	Key      Key    `json:"key"`
	// Tried reports whether a child of the process had just found that the provider works.
	Tried   bool      `json:"tried,omitempty"`
	PID     int       `json:"pid"`
	Boot    string    `json:"boot"`
	Started time.Time `json:"started"`
}

// The lines of a sentinel: how far the process got.
const (
	lineRunning = "running" // the provider is initialised and in use
	lineCrashed = "crashed" // followed by the signal's name (package guard writes it)
	// lineInterrupted: the user ended the process
	lineInterrupted = "interrupted"
)

// Begin creates a sentinel for a provider that is about to be initialised in this process.
func (s Store) Begin(u Use) (*Sentinel, error) {
	u.PID, u.Boot, u.Started = os.Getpid(), machine.Boot(), time.Now()
	data, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	err = errNoPlace
	for _, dir := range s.Dirs {
		var left *Sentinel
		if left, err = beginIn(filepath.Join(dir, "inflight"), u, append(data, '\n')); err == nil {
			return left, nil
		}
	}
	return nil, fmt.Errorf("create a crash sentinel: %w", err)
}

// lockSuffix is the suffix of a sentinel's lock file: on Windows a locked file cannot be read or written.
const (
	sentinelSuffix = ".json"
	lockSuffix     = ".lock"
)

func beginIn(dir string, u Use, data []byte) (*Sentinel, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, fmt.Sprintf("%s-%d-*%s", u.Provider, u.PID, lockSuffix))
	if err != nil {
		return nil, err
	}
	f.Close()
	s := &Sentinel{path: strings.TrimSuffix(f.Name(), lockSuffix) + sentinelSuffix, lock: flock.New(f.Name())}
	if ok, err := s.lock.TryLock(); err != nil || !ok {
		os.Remove(f.Name())
		return nil, errors.Join(err, errors.New("cannot lock it"))
	}
	if err := os.WriteFile(s.path, data, 0o600); err != nil {
		return nil, errors.Join(err, s.End())
	}
	return s, nil
}

// Path returns the path of the file, which a crash handler may append a line to.
func (s *Sentinel) Path() string { return s.path }

// Running records that the provider was initialised.
func (s *Sentinel) Running() error { return s.note(lineRunning) }

// Interrupted records that the user is ending the process, so that its end is not taken for a crash.
func (s *Sentinel) Interrupted() error { return s.note(lineInterrupted) }

func (s *Sentinel) note(line string) error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// End removes the sentinel when the use of the provider ends in an orderly way.
func (s *Sentinel) End() error {
	err := os.Remove(s.path)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	err = errors.Join(err, s.lock.Unlock())
	os.Remove(s.lock.Path())
	return err
}

// Death is a process that died while a provider was in use.
type Death struct {
	Use
	// Running reports whether the provider was initialised; if not, the process died while initialising it.
	Running bool
	// Signal is the signal that native code raised; "": the process just ended (killed, or the power was cut).
	Signal string
	// Earlier reports whether the machine was restarted since.
	Earlier bool
	// Interrupted reports whether the user ended the process.
	Interrupted bool

	path string
}

// Text describes a death for people.
func (d Death) Text() string {
	what, when := "died", "while it was being initialised"
	if d.Signal != "" {
		what = "crashed (" + d.Signal + ")"
	}
	if d.Running {
		when = "while it was running"
	}
	return fmt.Sprintf("%s %s on %s, %s", d.Provider, what, d.Started.Format("2006-01-02 15:04"), when)
}

// Deaths returns the sentinels left by processes that are gone.
func (s Store) Deaths() []Death {
	var list []Death
	for _, dir := range s.Dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "inflight", "*"+sentinelSuffix))
		for _, path := range files {
			if d, ok := readDeath(path); ok {
				list = append(list, d)
			}
		}
	}
	return list
}

func readDeath(path string) (Death, bool) {
	lock := flock.New(strings.TrimSuffix(path, sentinelSuffix) + lockSuffix)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return Death{}, false // its process is running
	}
	defer lock.Unlock() //nolint:errcheck // it is closed with it
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return Death{}, false
	}
	d := Death{path: path}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Scan()
	if json.Unmarshal(lines.Bytes(), &d.Use) != nil {
		removeSentinel(path) // incomplete: its provider is unknown
		return Death{}, false
	}
	for lines.Scan() {
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case lineRunning:
			d.Running = true
		case lineCrashed:
			d.Signal = rest
		case lineInterrupted:
			d.Interrupted = true
		}
	}
	d.Earlier = d.Boot != machine.Boot()
	return d, true
}

func removeSentinel(path string) {
	os.Remove(path)
	os.Remove(strings.TrimSuffix(path, sentinelSuffix) + lockSuffix)
}

// Counts reports whether a death counts against the provider: not one that the user caused, and not one without a signal
// before the machine was restarted, which may have been a power cut.
func (d Death) Counts() bool { return d.Signal != "" || !d.Interrupted && !d.Earlier }

// Record is what is remembered about a provider's deaths with a tower, until warmup finds that it works.
type Record struct {
	Key  Key  `json:"key"`
	Slot Slot `json:"slot"`
	// Provider is the one that died, Deaths how often, Last a description of the last time.
	Provider Name   `json:"provider"`
	Deaths   int    `json:"deaths"`
	Last     string `json:"last"`
	// Avoid reports whether it is no longer initialised in a main process.
	Avoid bool `json:"avoid"`
	// Reported reports whether the user was told.
	Reported bool `json:"told"`
}

func recordFile(slot Slot, n Name) string { return fmt.Sprintf("%s-%s", n, slot.file()) }

// Record reads what is remembered about a provider. It returns a record without deaths if there is none, or if the stored one no longer applies.
func (s Store) Record(slot Slot, n Name, now Key) Record {
	for _, dir := range s.Dirs {
		var r Record
		data, err := os.ReadFile(filepath.Join(dir, "crashes", recordFile(slot, n)))
		if err == nil && json.Unmarshal(data, &r) == nil && r.Key.Differs(now) == "" {
			return r
		}
	}
	return Record{Key: now, Slot: slot, Provider: n}
}

// Records returns all stored records.
func (s Store) Records() []Record {
	var list []Record
	for _, dir := range s.Dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "crashes", "*.json"))
		for _, path := range files {
			var r Record
			if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &r) == nil {
				list = append(list, r)
			}
		}
	}
	return list
}

// KeepRecord stores what is remembered about a provider.
func (s Store) KeepRecord(r Record) error {
	return s.write("crashes", recordFile(r.Slot, r.Provider), r)
}

// Forgive forgets a provider's deaths in sessions of the slot's kind, where it was seen to work. In sessions of other kinds
// it gets another chance: it must first work in a child process there.
func (s Store) Forgive(slot Slot, n Name) {
	for _, dir := range s.Dirs {
		os.Remove(filepath.Join(dir, "crashes", recordFile(slot, n)))
	}
	for _, r := range s.Records() {
		if r.Provider == n && r.Slot.Model == slot.Model && r.Slot.Tower == slot.Tower && r.Avoid {
			r.Avoid, r.Reported, r.Deaths = false, false, 1
			_ = s.KeepRecord(r) // on an error the record stays as it was
		}
	}
}

// Blame counts a failure of a provider in a main process: after the second one in a row it is avoided.
func (r *Record) Blame(what string) {
	r.Deaths++
	r.Last = what
	r.Avoid = r.Avoid || r.Deaths > 1
}

// Settle turns the sentinels that dead processes left for a provider into its record. suspect reports whether something
// counts against the provider: it must then first work in a child process.
//
// A native crash after the provider was initialised, or after a child had just found nothing wrong, is not something that a trial in a
// child shows: the provider is avoided at once. Any other death (a crash while it was initialised, kill -9, out of memory, on Windows every
// crash) has to happen twice; a run that ends well in between clears it.
func (s Store) Settle(slot Slot, n Name, now Key) (r Record, suspect bool, err error) {
	r = s.Record(slot, n, now)
	for _, d := range s.Deaths() {
		if d.Provider != n || d.Slot != slot {
			continue
		}
		if d.Key.Differs(now) == "" && d.Counts() {
			r.Blame(d.Text())
			r.Avoid = r.Avoid || d.Signal != "" && (d.Running || d.Tried)
			if err := s.KeepRecord(r); err != nil {
				return r, true, err
			}
		}
		removeSentinel(d.path)
	}
	return r, r.Deaths > 0, nil
}
