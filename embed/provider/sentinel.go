package provider

import (
	"bufio"
	"bytes"
	"context"
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

var errNoPlace = errors.New("no folder takes it")

// Sentinel is a small file that is there while a provider is in use in this process. It goes at every orderly end; one that
// is left tells of a death. The file is locked by its process, so that whose process is gone is known for certain.
type Sentinel struct {
	path string
	lock *flock.Flock
}

// Use is what a sentinel says at the beginning of its file. Lines behind it tell what happened next.
type Use struct {
	Provider Name   `json:"provider"`
	Variant  string `json:"variant,omitempty"`
	Slot     Slot   `json:"slot"`
	Key      Key    `json:"key"`
	// Tried tells that a child of the process had just found the provider to work.
	Tried   bool      `json:"tried,omitempty"`
	PID     int       `json:"pid"`
	Boot    string    `json:"boot"`
	Started time.Time `json:"started"`
}

// The lines of a sentinel: what the process had come to.
const (
	lineRunning = "running" // the provider is initialised and in use
	lineCrashed = "crashed" // the signal's name behind it (package guard writes it)
)

// Begin leaves a sentinel for a provider that is about to be initialised in this process.
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
	return nil, fmt.Errorf("leave a crash sentinel: %w", err)
}

func beginIn(dir string, u Use, data []byte) (*Sentinel, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, fmt.Sprintf("%s-%d-*", u.Provider, u.PID))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lock := flock.New(f.Name())
	// Locked while it is still empty: an empty file is nobody's yet.
	// Another process that looks for deaths holds it for an instant.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if ok, err := lock.TryLockContext(ctx, time.Millisecond); err != nil || !ok {
		os.Remove(f.Name())
		return nil, errors.Join(err, errors.New("lock it"))
	}
	if _, err := f.Write(data); err != nil {
		_ = lock.Unlock()
		os.Remove(f.Name())
		return nil, err
	}
	return &Sentinel{path: f.Name(), lock: lock}, nil
}

// Path is the file, which a crash handler may append a line to.
func (s *Sentinel) Path() string { return s.path }

// Running notes that the initialisation is through.
func (s *Sentinel) Running() error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lineRunning + "\n")
	return errors.Join(err, f.Close())
}

// End removes the sentinel: the provider is not in use any more, in an orderly way.
func (s *Sentinel) End() error {
	err := os.Remove(s.path)
	unlocked := s.lock.Unlock()
	if err != nil { // Windows removes no file that is locked
		err = os.Remove(s.path)
	}
	return errors.Join(err, unlocked)
}

// Death is a process that died with a provider in use.
type Death struct {
	Use
	// Running tells that the provider was initialised; else it died while that was done.
	Running bool
	// Signal is the signal that native code raised; "": the process just ended (killed, or the power was cut).
	Signal string
	// Earlier tells that the machine was started anew since.
	Earlier bool

	path string
}

// Text tells of a death, for people.
func (d Death) Text() string {
	what, when := "died", "while it was initialised"
	if d.Signal != "" {
		what = "crashed (" + d.Signal + ")"
	}
	if d.Running {
		when = "while it ran"
	}
	return fmt.Sprintf("%s %s %s on %s", d.Provider, what, when, d.Started.Format("2006-01-02 15:04"))
}

// Deaths are the sentinels that processes which are gone have left.
func (s Store) Deaths() []Death {
	var list []Death
	for _, dir := range s.Dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "inflight", "*"))
		for _, path := range files {
			if d, ok := readDeath(path); ok {
				list = append(list, d)
			}
		}
	}
	return list
}

func readDeath(path string) (Death, bool) {
	lock := flock.New(path)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return Death{}, false // its process lives
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
		os.Remove(path) // torn: nobody can tell what it was
		return Death{}, false
	}
	for lines.Scan() {
		switch word, rest, _ := strings.Cut(lines.Text(), " "); word {
		case lineRunning:
			d.Running = true
		case lineCrashed:
			d.Signal = rest
		}
	}
	d.Earlier = d.Boot != machine.Boot()
	return d, true
}

// Record is what is remembered of a provider's deaths with a tower, until warmup finds that it works.
type Record struct {
	Key  Key  `json:"key"`
	Slot Slot `json:"slot"`
	// Provider is the one that died, Deaths how often, Last the last time in words.
	Provider Name   `json:"provider"`
	Deaths   int    `json:"deaths"`
	Last     string `json:"last"`
	// Avoid tells that it is not initialised in a main process any more.
	Avoid bool `json:"avoid"`
	// Told tells that its user was told.
	Told bool `json:"told"`
}

func recordFile(slot Slot, n Name) string { return fmt.Sprintf("%s-%s", n, slot.file()) }

// Record reads what is remembered of a provider; the zero value where nothing is, or where it holds no longer.
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

// Records are all that are remembered.
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

// KeepRecord writes down what is remembered of a provider.
func (s Store) KeepRecord(r Record) error {
	return s.write("crashes", recordFile(r.Slot, r.Provider), r)
}

// Forgive forgets a provider's deaths: it was seen to work.
func (s Store) Forgive(slot Slot, n Name) {
	for _, dir := range s.Dirs {
		os.Remove(filepath.Join(dir, "crashes", recordFile(slot, n)))
	}
}

// Settle takes over the sentinels that dead processes left for a provider: they become its record. suspect tells that one
// was left since the machine was started: the provider must prove itself in a child process first.
//
// A native crash in a run that had begun well, or where a child had just found nothing, is what a trial in a child does not
// show: the provider is avoided at once. Another one is believed when it happens again. An end without a signal of native code (kill -9, a
// power cut) while it ran says nothing against the provider.
func (s Store) Settle(slot Slot, n Name, now Key) (r Record, suspect bool, err error) {
	r = s.Record(slot, n, now)
	for _, d := range s.Deaths() {
		if d.Provider != n || d.Slot != slot {
			continue
		}
		if d.Key.Differs(now) == "" && (d.Signal != "" || !d.Earlier) {
			suspect = true
			r.Last = d.Text()
			if d.Signal != "" || !d.Running {
				r.Deaths++
			}
			r.Avoid = r.Avoid || d.Signal != "" && (d.Running || d.Tried) || r.Deaths > 1
			if err := s.KeepRecord(r); err != nil {
				return r, suspect, err
			}
		}
		os.Remove(d.path)
	}
	return r, suspect, nil
}
