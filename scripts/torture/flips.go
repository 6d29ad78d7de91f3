package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// hit is a result of `imgsearch search --json`.
type hit struct {
	Path     string   `json:"path"`
	Score    float64  `json:"score"`
	Width    int      `json:"width"`
	Height   int      `json:"height"`
	TakenAt  *string  `json:"taken_at"`
	Camera   *string  `json:"camera"`
	Keywords []string `json:"keywords"`
	Missing  bool     `json:"missing"`
}

// view is what a user sees of an index: two searches, one of them for a text that was asked before, and the counts.
type view struct {
	codes    []int
	hits     [2][]hit
	status   status
	warnings string
}

// flips changes one bit at a time in the files beside an index and in the cache. Each change must leave the answer right, or be named by an
// error or a warning, of the search or of doctor.
func (t *torture) flips() error {
	if err := t.copyPhotos(t.path("photos"), photosInIndex); err != nil {
		return err
	}
	if err := os.MkdirAll(t.path("index"), 0o700); err != nil {
		return err
	}
	t.must("index", "photos")
	t.must("search", "a dog") // makes the copies in the cache, and remembers the text
	if err := t.leaveLog(); err != nil {
		return err
	}
	pristine, err := read(t.dir)
	if err != nil {
		return err
	}
	var names []string
	for name, data := range pristine {
		if strings.Contains(name, t.only) && !strings.HasPrefix(name, "photos") && len(data) > 0 && !strings.HasSuffix(name, ".lock") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	fmt.Printf("%d files: %s\n", len(names), strings.Join(names, " "))
	want := t.look()
	for k := range t.n {
		name := names[k%len(names)]
		if err := t.restoreAll(pristine, names); err != nil {
			return err
		}
		data := slices.Clone(pristine[name])
		bit := t.r.Int64N(int64(len(data)) * 8)
		data[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(t.path(name), data, 0o600); err != nil {
			return err
		}
		t.counts[kindOf(name)+" "+t.judge(name, bit, want)]++
	}
	return nil
}

// leaveLog leaves a write-ahead log, as a killed run does.
func (t *torture) leaveLog() error {
	if err := t.copyPhotos(t.path("photos/more"), 10*photosInIndex); err != nil {
		return err
	}
	c := t.command(t.context(), "index", "photos")
	if err := c.Start(); err != nil {
		return err
	}
	defer c.Wait()         //nolint:errcheck // it is killed
	defer c.Process.Kill() //nolint:errcheck // it may have ended
	for range 500 {
		if info, err := os.Stat(t.path("index/i.db-wal")); err == nil && info.Size() > 200_000 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the run left no write-ahead log")
}

// kindOf shortens a file's name for the counts.
func kindOf(name string) string {
	if ext := filepath.Ext(name); ext != "" && len(ext) < 10 {
		return ext
	}
	return filepath.Base(name)
}

// restoreAll puts the files back, and removes new ones beside the index.
func (t *torture) restoreAll(pristine map[string][]byte, names []string) error {
	now, err := read(t.dir)
	if err != nil {
		return err
	}
	for name := range now {
		if _, known := pristine[name]; !known {
			if err := os.Remove(t.path(name)); err != nil {
				return err
			}
		}
	}
	for _, name := range names {
		if string(now[name]) == string(pristine[name]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(t.path(name)), 0o700); err != nil {
			return err
		}
		os.Remove(t.path(name)) // a library is not writable while it is mapped
		mode := os.FileMode(0o600)
		if strings.Contains(name, "runtime") {
			mode = 0o700
		}
		if err := os.WriteFile(t.path(name), pristine[name], mode); err != nil {
			return err
		}
	}
	return nil
}

// look searches and counts.
func (t *torture) look() view {
	var v view
	for i, query := range []string{"a dog", "two boats"} {
		a := t.do("search", "--json", "--top", "10", query)
		v.codes = append(v.codes, a.code)
		v.warnings += a.errs
		answer, err := parse[struct{ Results []hit }](a.out)
		if err == nil {
			v.hits[i] = answer.Results
		}
	}
	a := t.do("status", "--json")
	v.codes = append(v.codes, a.code)
	v.warnings += a.errs
	v.status, _ = parse[status](a.out) // if it failed, the code says so
	return v
}

// same reports whether two views show the same.
func same(a, b view) bool {
	if a.status.Files != b.status.Files || a.status.Pictures != b.status.Pictures || a.status.Failures != b.status.Failures {
		return false
	}
	for i := range a.hits {
		if len(a.hits[i]) != len(b.hits[i]) {
			return false
		}
		for j := range a.hits[i] {
			x, y := a.hits[i][j], b.hits[i][j]
			if math.Abs(x.Score-y.Score) > 2e-4 {
				return false
			}
			x.Score, y.Score = 0, 0
			p, errX := json.Marshal(x)
			q, errY := json.Marshal(y)
			if errX != nil || errY != nil || string(p) != string(q) {
				return false
			}
		}
	}
	return true
}

// difference describes the first difference between two views.
func difference(got, want view) string {
	for i := range got.hits {
		for j := range min(len(got.hits[i]), len(want.hits[i])) {
			if x, y := got.hits[i][j], want.hits[i][j]; x.Path != y.Path || x.Score != y.Score || x.Missing != y.Missing || x.Width != y.Width {
				return fmt.Sprintf("hit %d is %+v, want %+v", j+1, x, y)
			}
		}
	}
	return fmt.Sprintf("%d and %d hits of %+v, want %d and %d of %+v", len(got.hits[0]), len(got.hits[1]), got.status, len(want.hits[0]), len(want.hits[1]), want.status)
}

// judge says what became of a flipped bit.
func (t *torture) judge(name string, bit int64, want view) string {
	got := t.look()
	warned := strings.Contains(got.warnings, "warning:") || strings.Contains(got.warnings, "error:")
	switch {
	case slices.ContainsFunc(got.codes, func(code int) bool { return code != 0 }):
		if !warned && !strings.Contains(got.warnings, `"error"`) {
			t.wrong("%s, bit %d: exit %v with no message", name, bit, got.codes)
		}
		return "error"
	case same(got, want) && warned:
		return "right, warned"
	case same(got, want):
		return "right"
	case warned:
		return "warned"
	}
	if a := t.do("doctor"); a.code != 0 || strings.Contains(a.out, "warn  index") || strings.Contains(a.out, "warn  vectors") || strings.Contains(a.out, "warn  cache") {
		return "doctor"
	}
	t.wrong("%s, bit %d: another answer, and no warning: %s", name, bit, difference(got, want))
	return "silent"
}
