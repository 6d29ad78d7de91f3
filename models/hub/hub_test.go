package hub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

const (
	repository = "someone/model"
	big        = models.VisualFile
)

// exported makes a folder in the layout, with other files in it that must not be fetched.
func exported(t *testing.T) (dir string, files map[string][]byte) {
	t.Helper()
	dir = t.TempDir()
	files = make(map[string][]byte)
	random := rand.NewChaCha8([32]byte{1})
	for _, name := range models.Files() {
		files[name] = []byte(`{"a file": "` + name + `"}`)
	}
	for _, f := range []struct {
		name string
		size int
	}{{big, 3_000_000}, {models.TextualFile, 400_000}, {"visual/weights-of-it", 200_000}} {
		files[f.name] = make([]byte, f.size)
		_, _ = random.Read(files[f.name])
	}
	for _, name := range []string{"visual/fp16/model.armnn", "visual/rknpu/rk3588/model.rknn", "README.md", "textual/vocab.json"} {
		files[name] = []byte("not needed")
	}
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

type puller struct {
	t      *testing.T
	hub    *testkit.Hub
	client *hub.Client
	store  models.Store
	files  map[string][]byte
	waited atomic.Int64
}

func newPuller(t *testing.T) *puller {
	t.Helper()
	dir, files := exported(t)
	p := &puller{t: t, hub: testkit.NewHub(t, repository, dir), files: files, store: models.Store{Dir: filepath.Join(t.TempDir(), "models")}}
	t.Setenv("HF_ENDPOINT", p.hub.URL)
	p.client = hub.NewClient()
	p.client.Sleep = func(ctx context.Context, d time.Duration) error {
		p.waited.Add(int64(d))
		return ctx.Err()
	}
	return p
}

func (p *puller) request() hub.Request {
	return hub.Request{
		Name: "mine", Source: &hub.Repository{Client: p.client, Name: repository}, Store: p.store,
		Weights: func(string) ([]string, error) { return []string{"visual/weights-of-it"}, nil },
		Check:   func(string, *models.Manifest) error { return nil },
		Free:    func(string) (uint64, error) { return 1 << 40, nil },
		Total:   func(int64) {}, Got: func(int64) {},
	}
}

func (p *puller) pull() error {
	_, err := hub.Pull(context.Background(), p.request())
	return err
}

// whole checks that the store has the model and that each file matches the hub's.
func (p *puller) whole() {
	p.t.Helper()
	if problems, err := p.store.Verify("mine", func(string, int64) {}); err != nil || len(problems) > 0 {
		p.t.Fatalf("verify: %v, %v", problems, err)
	}
	for _, name := range append(models.Files(), "visual/weights-of-it") {
		got, err := os.ReadFile(filepath.Join(p.store.Path("mine"), filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, p.files[name]) {
			p.t.Errorf("%s: %d bytes, want %d; %v", name, len(got), len(p.files[name]), err)
		}
	}
}

// absent checks that the store has no model of that name.
func (p *puller) absent() {
	p.t.Helper()
	if _, err := p.store.Manifest("mine"); !errors.Is(err, fs.ErrNotExist) {
		p.t.Errorf("the store has a model: %v", err)
	}
	// Any file that has its final name is correct.
	for name, want := range p.files {
		got, err := os.ReadFile(filepath.Join(p.store.Dir, ".mine.partial", filepath.FromSlash(name)))
		if err == nil && !bytes.Equal(got, want) {
			p.t.Errorf("%s has the wrong contents", name)
		}
	}
}

func TestPull(t *testing.T) {
	p := newPuller(t)
	var total, got atomic.Int64
	req := p.request()
	req.Total = func(n int64) { total.Store(n) }
	req.Got = func(n int64) { got.Add(n) }
	m, err := hub.Pull(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	p.whole()
	if m.Revision != testkit.HubCommit || m.Source != repository || len(m.Files) != 7 {
		t.Errorf("manifest: %s at %s, %d files", m.Source, m.Revision, len(m.Files))
	}
	if total.Load() != m.Bytes() || got.Load() != m.Bytes() {
		t.Errorf("progress: %d of %d, want %d", got.Load(), total.Load(), m.Bytes())
	}
	for _, name := range []string{"README.md", "textual/vocab.json", "visual/fp16/model.armnn"} {
		if p.hub.Requests(name) > 0 {
			t.Errorf("%s was fetched", name)
		}
	}
	if err := p.pull(); err != nil { // again: the model replaces itself
		t.Fatal(err)
	}
	p.whole()
}

func rangeStart(r *http.Request) (from int) {
	_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return from
}

// TestContinues: a pull resumes an interrupted one, and recovers if its part was modified.
func TestContinues(t *testing.T) {
	for name, spoil := range map[string]bool{"unchanged": false, "spoilt": true} {
		t.Run(name, func(t *testing.T) {
			p := newPuller(t)
			ctx, cancel := context.WithCancel(context.Background())
			req := p.request()
			var got atomic.Int64
			req.Got = func(n int64) {
				if got.Add(n) > 1_500_000 {
					cancel()
				}
			}
			p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
				if path != big || r.Header.Get("Range") != "" || ctx.Err() != nil {
					return false
				}
				_, _ = w.Write(data[:2_000_000])
				w.(http.Flusher).Flush()
				<-ctx.Done()
				return true
			})
			if _, err := hub.Pull(ctx, req); !errors.Is(err, context.Canceled) {
				t.Fatalf("err = %v", err)
			}
			p.absent()
			part := filepath.Join(p.store.Dir, ".mine.partial", "visual", "model.onnx.part")
			info, err := os.Stat(part)
			if err != nil || info.Size() == 0 {
				t.Fatalf("no part was kept: %v", err)
			}
			if spoil {
				f, err := os.OpenFile(part, os.O_WRONLY, 0)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = f.WriteAt([]byte("spoilt"), 10)
				f.Close()
			}
			if err := p.pull(); err != nil {
				t.Fatal(err)
			}
			p.whole()
		})
	}
}

// TestTaken: a pull does not replace a model from another source, or a folder with the owner's files.
func TestTaken(t *testing.T) {
	p := newPuller(t)
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	dir, _ := exported(t)
	req := p.request()
	req.Source = hub.Folder{Dir: dir}
	if _, err := hub.Pull(context.Background(), req); !errors.Is(err, hub.ErrTaken) {
		t.Errorf("another source: %v", err)
	}
	notes := filepath.Join(p.store.Path("mine"), "notes.txt")
	if err := os.WriteFile(notes, []byte("the owner's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.pull(); !errors.Is(err, hub.ErrTaken) {
		t.Errorf("with the owner's file: %v", err)
	}
	if _, err := os.Stat(notes); err != nil {
		t.Error(err)
	}
	p.whole()
}

func TestNoSpace(t *testing.T) {
	p := newPuller(t)
	req := p.request()
	req.Free = func(string) (uint64, error) { return 1 << 20, nil }
	if _, err := hub.Pull(context.Background(), req); !errors.Is(err, hub.ErrNoSpace) {
		t.Errorf("err = %v", err)
	}
	if p.hub.Requests(big) > 0 {
		t.Error("a file was fetched")
	}
}

// TestOnePuller: only one pull runs at a time, as two would write into the same files.
func TestOnePuller(t *testing.T) {
	p := newPuller(t)
	req := p.request()
	req.Check = func(string, *models.Manifest) error {
		if err := p.pull(); !errors.Is(err, hub.ErrBusy) {
			t.Errorf("the second pull: %v", err)
		}
		return nil
	}
	if _, err := hub.Pull(context.Background(), req); err != nil {
		t.Fatal(err)
	}
}

// TestCheckFails: a model that fails its check is not installed, and the one installed before stays.
func TestCheckFails(t *testing.T) {
	p := newPuller(t)
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	req := p.request()
	broken := errors.New("broken")
	req.Check = func(string, *models.Manifest) error { return broken }
	if _, err := hub.Pull(context.Background(), req); !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
	p.whole()
}

func TestOtherSources(t *testing.T) {
	p := newPuller(t)
	dir, _ := exported(t)
	plain := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer plain.Close()
	for name, source := range map[string]hub.Source{"folder": hub.Folder{Dir: dir}, "address": &hub.Address{Client: p.client, URL: plain.URL + "/"}} {
		p.store.Dir = filepath.Join(t.TempDir(), "models")
		req := p.request()
		req.Source = source
		req.Store = p.store
		if _, err := hub.Pull(context.Background(), req); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p.whole()
	}
}

func TestVerifyAndRemove(t *testing.T) {
	p := newPuller(t)
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.store.Path("mine"), "config.json")
	if err := os.WriteFile(path, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems, err := p.store.Verify("mine", func(string, int64) {}); err != nil || len(problems) != 1 || problems[0].File != "config.json" {
		t.Errorf("problems = %v, %v", problems, err)
	}
	if err := os.WriteFile(filepath.Join(p.store.Path("mine"), "notes.txt"), []byte("the owner's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.store.Remove("mine"); err != nil {
		t.Fatal(err)
	}
	if list, err := p.store.Installed(); err != nil || len(list) != 0 {
		t.Errorf("installed: %v, %v", list, err)
	}
	if _, err := os.Stat(filepath.Join(p.store.Path("mine"), "notes.txt")); err != nil {
		t.Error("the owner's file was removed")
	}
}
