package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// photosInIndex is the number of photos in the index that is killed.
const photosInIndex = 60

// victim is a command to kill.
type victim struct {
	name string
	args []string
	// before prepares its state; after checks the result of running the command again to its end.
	before func() error
	after  func(a answer)
	// codes are the exit codes that running it again may have; nil: only 0.
	codes []int
}

// again returns the arguments to complete what was killed. Two kills may have hit the same file: like two crashes, they set it aside, until a retry.
func (v *victim) again() []string {
	if v.args[0] == "index" {
		return append(slices.Clone(v.args), "--retry-failed")
	}
	return v.args
}

// kills kills each command that writes at random moments. After each kill, the index must be whole; running the command again must
// complete it, and leave nothing behind.
func (t *torture) kills() error {
	if err := t.copyPhotos(t.path("photos"), photosInIndex); err != nil {
		return err
	}
	before := digests(t.path("photos"))
	if err := os.MkdirAll(t.path("index"), 0o700); err != nil {
		return err
	}
	t.must("index", "photos")
	t.must("search", "a dog")
	pristine, err := read(t.path("index"))
	if err != nil {
		return err
	}
	server := t.models()
	defer server.Close()
	victims := t.victims(pristine, server.URL)
	for i := range victims {
		v := &victims[i]
		if err := v.before(); err != nil {
			return err
		}
		full := t.do(v.args...).took // the longest that a kill may wait
		for k := range (t.n + len(victims) - 1) / len(victims) {
			if k%3 != 2 { // sometimes twice in a row, over what the first kill left
				if err := v.before(); err != nil {
					return err
				}
			}
			t.killOnce(v, full)
			if k%3 == 1 {
				continue
			}
			a := t.do(v.again()...)
			if a.code != 0 && !slices.Contains(v.codes, a.code) {
				t.wrong("%s after a kill: exit %d: %s", v.name, a.code, a.errs)
			}
			t.checkIndex(v.name)
			v.after(a)
			t.checkLeftovers(v.name)
		}
		fmt.Printf("%-8s %v, %d bad so far\n", v.name, full.Round(time.Millisecond), t.bad)
	}
	if now := digests(t.path("photos")); now != before {
		t.wrong("the photos have changed")
	}
	return nil
}

// killOnce starts a command and kills it after a random part of its usual time.
func (t *torture) killOnce(v *victim, full time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := t.command(ctx, v.args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.wrong("%s: %v", v.name, err)
		return
	}
	timer := time.AfterFunc(time.Duration(t.r.Float64()*1.1*float64(full)), cancel) // SIGKILL
	_ = c.Wait()
	timer.Stop()
	if ctx.Err() != nil {
		t.counts[v.name+" killed"]++
	} else {
		t.counts[v.name+" ended"]++
	}
	if strings.Contains(errs.String(), "goroutine ") {
		t.wrong("%s: %s", v.name, errs.String())
	}
}

// victims returns all commands that write, with pristine as the state of the index before each.
func (t *torture) victims(pristine map[string][]byte, url string) []victim {
	restored := func() error { return t.restore(pristine) }
	fresh := func() error { return os.RemoveAll(t.path("index")) }
	touched := func() error {
		if err := restored(); err != nil {
			return err
		}
		now := time.Now()
		return filepath.WalkDir(t.path("photos"), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				err = os.Chtimes(path, now, now)
			}
			return err
		})
	}
	damaged := func() error {
		if err := restored(); err != nil {
			return err
		}
		data := slices.Clone(pristine["i.db"])
		copy(data[8192:], bytes.Repeat([]byte{0xaa}, 4096))
		return os.WriteFile(t.path("index/i.db"), data, 0o600)
	}
	nothing := func(answer) {}
	all := func(a answer) { t.checkStatus(a) }
	written := func(name string) func(answer) {
		return func(answer) {
			if info, err := os.Stat(t.path(name)); err != nil || info.Size() == 0 {
				t.wrong("%s is missing or empty: %v", name, err)
			}
		}
	}
	return []victim{
		{"index", []string{"index", "photos"}, func() error { t.makeIndex(fresh); return nil }, all, nil},
		{"again", []string{"index", "photos"}, touched, all, nil},
		{"previews", []string{"index", "--keep-previews", "photos"}, touched, all, nil},
		{"backup", []string{"backup", "index/copy.db"}, restored, func(answer) { t.checkBackup() }, nil},
		{"restore", []string{"restore", "copy.db"}, func() error {
			if err := restored(); err != nil {
				return err
			}
			t.must("backup", "copy.db")
			return nil
		}, all, nil},
		{"repair", []string{"doctor", "--repair"}, damaged, func(answer) { t.must("index", "photos"); t.checkStatus(answer{}) }, nil},
		{"migrate", []string{"index", "photos"}, func() error { return t.older() }, nothing, []int{4, 12}},
		{"page", []string{"search", "--html", "index/page.html", "a dog"}, restored, written("index/page.html"), nil},
		{"copies", []string{"search", "--copy-to", "out", "a dog"}, func() error { return os.RemoveAll(t.path("out")) }, func(answer) { t.checkCopies() }, nil},
		{"export", []string{"export", "--format", "npy", "--output", "index/vectors.npy"}, restored, written("index/vectors.npy"), nil},
		{"move", []string{"roots", "move", t.path("photos"), t.path("moved")}, func() error {
			os.Remove(t.path("moved"))
			if err := restored(); err != nil {
				return err
			}
			return os.Symlink(t.path("photos"), t.path("moved"))
		}, func(answer) { os.Remove(t.path("moved")) }, []int{1, 2}},
		{"remove", []string{"roots", "rm", t.path("photos")}, restored, nothing, []int{1, 2}},
		{"search", []string{"search", "a cat on a sofa"}, func() error {
			if err := os.RemoveAll(t.path("home/.cache")); err != nil {
				return err
			}
			return restored()
		}, all, nil},
		{"warmup", []string{"warmup"}, func() error { return os.RemoveAll(t.path("home/.cache")) }, all, nil},
		{"pull", []string{"models", "pull", "--from", url, "mine"}, func() error { return os.RemoveAll(t.path("home/models")) }, func(answer) { t.must("models", "verify", "mine") }, nil},
		{"use", []string{"models", "use", "starter"}, restored, all, nil},
	}
}

func (t *torture) makeIndex(clean func() error) {
	if err := clean(); err != nil {
		t.wrong("%v", err)
	}
	if err := os.MkdirAll(t.path("index"), 0o700); err != nil {
		t.wrong("%v", err)
	}
}

// older puts an index of the first schema in place.
func (t *torture) older() error {
	t.makeIndex(func() error { return os.RemoveAll(t.path("index")) })
	data, err := os.ReadFile("testdata/backcompat/schema-1.db")
	if err != nil {
		return err
	}
	return os.WriteFile(t.path("index/i.db"), data, 0o600)
}

// models serves the built-in model's files slowly, as a plain folder.
func (t *torture) models() *httptest.Server {
	files := http.FileServer(http.Dir("models/starter"))
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { files.ServeHTTP(slow{w}, r) }))
}

// slow sends a few megabytes per second.
type slow struct{ http.ResponseWriter }

func (s slow) Write(p []byte) (int, error) {
	time.Sleep(5 * time.Millisecond)
	return s.ResponseWriter.Write(p)
}

// restore puts the files of an index back, and removes all others.
func (t *torture) restore(files map[string][]byte) error {
	if err := os.RemoveAll(t.path("index")); err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(t.path("index"), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// read returns the files below a folder, by their relative paths.
func read(dir string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err == nil {
			files[rel], err = os.ReadFile(path)
		}
		return err
	})
	return files, err
}

// digests returns one digest of all files below a folder.
func digests(dir string) string {
	h := sha256.New()
	files, err := read(dir)
	if err != nil {
		return err.Error()
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintln(h, name, len(files[name]))
		_, _ = io.Copy(h, bytes.NewReader(files[name]))
	}
	return string(h.Sum(nil))
}

// checkIndex examines the index: the database, and its vectors against the vector file.
func (t *torture) checkIndex(after string) {
	ctx := context.Background()
	ix, err := app.Index{Path: t.path("index/i.db")}.OpenForReading(ctx)
	if err != nil {
		t.wrong("%s: %v", after, err)
		return
	}
	defer ix.Close()
	checker, ok := ix.(store.Checker)
	if !ok {
		t.wrong("the index cannot be checked")
		return
	}
	if findings, err := checker.Integrity(ctx); err != nil || len(findings) > 0 {
		t.wrong("%s: %v, %v", after, findings, err)
	}
	if damage, err := checker.CheckVectors(ctx); err != nil || damage.Vectors > 0 || len(damage.Copies) > 0 {
		t.wrong("%s: %+v, %v", after, damage, err)
	}
}

// status is what `imgsearch status --json` says.
type status struct {
	Files    int `json:"files"`
	Pictures int `json:"pictures"`
	Failures int `json:"failures"`
	Models   []struct {
		Embedded int `json:"embedded"`
	} `json:"models"`
}

// checkStatus checks that the index has every photo with a vector, and that a run reported as many.
func (t *torture) checkStatus(a answer) {
	s, err := parse[status](t.must("status", "--json").out)
	if err != nil || s.Files != photosInIndex || s.Failures != 0 || len(s.Models) == 0 || s.Models[0].Embedded != s.Pictures {
		t.wrong("the index is not complete: %+v, %v\n%s", s, err, a.errs)
	}
	run, err := parse[struct{ Scanned, Unchanged, Updated int }](t.must("index", "--json", "photos").out)
	if err != nil || run.Scanned != photosInIndex || run.Unchanged+run.Updated != photosInIndex {
		t.wrong("the next run counts %+v, %v", run, err)
	}
}

// checkBackup checks that the copy is an index with all photos.
func (t *torture) checkBackup() {
	s, err := parse[status](t.must("status", "--json", "--index", t.path("index/copy.db")).out)
	if err != nil || s.Files != photosInIndex {
		t.wrong("the backup is not complete: %+v, %v", s, err)
	}
}

// checkCopies checks that every file of --copy-to is a whole photo, and that there are as many as hits.
func (t *torture) checkCopies() {
	photos, err := read(t.path("photos"))
	if err != nil {
		t.wrong("%v", err)
	}
	copies, err := read(t.path("out"))
	if err != nil || len(copies) != 10 {
		t.wrong("%d copies, %v", len(copies), err)
	}
	for name, data := range copies {
		_, original, _ := strings.Cut(name, "-") // behind the rank
		if !bytes.Equal(photos[original], data) {
			t.wrong("%s is not a copy of %s: %d bytes", name, original, len(data))
		}
	}
}

// checkLeftovers checks that nothing unfinished is left in the folders that commands write to.
func (t *torture) checkLeftovers(after string) {
	for _, dir := range []string{"index", "home", "out", "."} {
		files, err := os.ReadDir(t.path(dir))
		if err != nil {
			continue
		}
		for _, f := range files {
			name := f.Name()
			if strings.HasPrefix(name, ".imgsearch-") || strings.HasPrefix(name, ".new-") || strings.HasSuffix(name, ".inflight") || strings.HasSuffix(name, ".replacement") {
				t.wrong("%s left %s/%s", after, dir, name)
			}
		}
	}
}
