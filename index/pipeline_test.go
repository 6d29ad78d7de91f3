package index_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// fakeReader reads text files: those that begin with "broken" cannot be decoded, those that begin with "panic" make it panic. It
// tests the engine without codecs; the scenarios in package cmd run the real ones.
type fakeReader struct {
	mu      sync.Mutex
	decoded map[string]int
	onRead  func(data []byte)
	// meta is the MetaVersion, 1 if 0; refreshed counts the calls of Meta.
	meta, refreshed int
	// decodeBytes is the memory that decoding claims to take, at least a megabyte.
	decodeBytes int64
	// slow is how long it takes to open a file.
	slow time.Duration
}

func (r *fakeReader) Open(io.ReadSeeker) (index.Source, error) {
	time.Sleep(r.slow)
	return fakeSource{r}, nil
}

// fakeSource is a text file that a fakeReader has opened.
type fakeSource struct{ *fakeReader }

func (s fakeSource) Header() index.Header {
	return index.Header{Format: "fake", Width: 1, Height: 1, DecodeBytes: max(s.decodeBytes, 1<<20)}
}

func (s fakeSource) Meta(r index.Content) (store.Metadata, int) {
	if _, ok := r.(*os.File); !ok {
		return store.Metadata{}, 1
	}
	s.mu.Lock()
	s.refreshed++
	s.mu.Unlock()
	return store.Metadata{Camera: "seen again", OwnerMetadata: store.OwnerMetadata{Rating: 1, Rated: true}}, 1
}

func (s fakeSource) Picture(orientation int) store.Picture {
	return store.Picture{Format: "fake", Width: 1, Height: 1, Orientation: orientation}
}

func (s fakeSource) Identity(data []byte, _ int) store.PictureID { return sha256.Sum256(data) }

func (r *fakeReader) Sidecar(data []byte) (store.Metadata, error) {
	return store.Metadata{OwnerMetadata: store.OwnerMetadata{Keywords: strings.Fields(string(data))}}, nil
}

func (r *fakeReader) Export(_ string, data []byte) (store.Metadata, error) { return r.Sidecar(data) }

func (r *fakeReader) Album(data []byte) (store.Metadata, error) { return r.Sidecar(data) }

// fakePicture is what a fakeReader decoded.
type fakePicture []byte

func (p fakePicture) Tensor(dst []float32)     { dst[0] = float32(len(p)) }
func (p fakePicture) Preview() ([]byte, error) { return append([]byte("small "), p...), nil }
func (p fakePicture) Damaged() bool            { return bytes.HasPrefix(p, []byte("damaged")) }

func (s fakeSource) Decode(data []byte, _ int) (index.Picture, error) {
	s.mu.Lock()
	s.decoded[string(data)]++
	s.mu.Unlock()
	if s.onRead != nil {
		s.onRead(data)
	}
	if bytes.HasPrefix(data, []byte("broken")) {
		return nil, &index.ContentError{Verdict: index.Broken, Err: errors.New("broken indeed")}
	}
	if bytes.HasPrefix(data, []byte("panic")) {
		panic("as asked")
	}
	return fakePicture(data), nil
}

func (r *fakeReader) TensorLen() int { return 4 }
func (r *fakeReader) Version() int   { return 1 }

func (r *fakeReader) MetaVersion() int { return max(r.meta, 1) }

// fakeTower embeds in batches of three, two at once.
type fakeTower struct{ err error }

func (t fakeTower) Batch() (size, parallel int) { return 3, 2 }

func (t fakeTower) Embed(tensors []float32, n int) ([][]float32, error) {
	out := make([][]float32, n)
	for i := range out {
		out[i] = []float32{1, 0}
	}
	return out, t.err
}

type engine struct {
	t      *testing.T
	store  *sqlite.Store
	model  store.Model
	reader *fakeReader
	tower  fakeTower
	dir    string
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	return newEngineAt(t, filepath.Join(t.TempDir(), "i.db"))
}

func newEngineAt(t *testing.T, path string) *engine {
	t.Helper()
	ctx := context.Background()
	ix, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	model, err := ix.PutModel(ctx, store.Model{Identity: "m", Name: "m", Ref: "m", Dim: 2, Precision: "fp32"})
	if err != nil {
		t.Fatal(err)
	}
	return &engine{t: t, store: ix, model: model, reader: &fakeReader{decoded: make(map[string]int)}, dir: t.TempDir()}
}

func (e *engine) write(name, content string) {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

func (e *engine) request() index.Request {
	return index.Request{
		Paths: []string{e.dir}, Jobs: 3, MaxPixels: 100, Model: e.model, Reader: e.reader,
		Load:    func(context.Context) (index.Embedder, error) { return e.tower, nil },
		Journal: e.store.Location() + ".inflight",
	}
}

func (e *engine) run(change func(*index.Request)) (index.Summary, error) {
	req := e.request()
	if change != nil {
		change(&req)
	}
	// A deadlock must fail the test, not hang it.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return index.Run(ctx, e.store, req, nil)
}

func TestEachPictureOnce(t *testing.T) {
	e := newEngine(t)
	for i := range 100 {
		e.write(fmt.Sprintf("d%d/%d.jpg", i%7, i), fmt.Sprintf("picture %d", i%50)) // each twice
	}
	e.write("bad1.jpg", "broken")
	e.write("bad2.jpg", "broken")
	e.write("panic.jpg", "panic")
	sum, err := e.run(nil)
	if err != nil || sum.Added != 100 || sum.Embedded != 50 || sum.Failed != 3 || sum.Scanned != 103 || !sum.Complete {
		t.Fatalf("%+v, %v", sum, err)
	}
	for content, n := range e.reader.decoded {
		if n != 1 && content != "broken" {
			t.Errorf("%q was decoded %d times", content, n)
		}
	}
	if sum, err = e.run(nil); err != nil || sum.Unchanged != 100 || sum.FailedKnown != 3 || sum.Embedded != 0 {
		t.Fatalf("second run: %+v, %v", sum, err)
	}
}

// TestTowerFails: an error of the tower ends the run with that error, and what was committed stays.
func TestTowerFails(t *testing.T) {
	e := newEngine(t)
	for i := range 30 {
		e.write(fmt.Sprintf("%d.jpg", i), fmt.Sprint(i))
	}
	e.tower.err = errors.New("out of order")
	if _, err := e.run(nil); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Fatalf("err = %v", err)
	}
	e.tower.err = nil
	if sum, err := e.run(nil); err != nil || sum.Added != 30 {
		t.Fatalf("the next run: %+v, %v", sum, err)
	}
	if _, err := e.run(func(r *index.Request) {
		r.Load = func(context.Context) (index.Embedder, error) { return nil, errors.New("no model") }
	}); err != nil {
		t.Fatalf("a run with nothing to embed needs no model: %v", err)
	}
}

// TestStop: a graceful stop keeps finished work, drops nothing, and the next run continues.
func TestStop(t *testing.T) {
	e := newEngine(t)
	for i := range 300 {
		e.write(fmt.Sprintf("%03d.jpg", i), fmt.Sprint(i))
	}
	stop := make(chan struct{})
	var once sync.Once
	e.reader.onRead = func([]byte) {
		time.Sleep(time.Millisecond)
		e.reader.mu.Lock()
		n := len(e.reader.decoded)
		e.reader.mu.Unlock()
		if n > 40 {
			once.Do(func() { close(stop) })
		}
	}
	sum, err := index.Run(context.Background(), e.store, e.request(), stop)
	if err != nil || sum.Complete || sum.Stopped != index.Interrupted || sum.Added < 40 || sum.Added == 300 {
		t.Fatalf("%+v, %v", sum, err)
	}
	rest, err := e.run(nil)
	if err != nil || !rest.Complete || rest.Unchanged != sum.Added || rest.Added != 300-sum.Added {
		t.Fatalf("the next run: %+v, %v", rest, err)
	}
}

func TestTimeIsUp(t *testing.T) {
	e := newEngine(t)
	for i := range 500 {
		e.write(fmt.Sprintf("%03d.jpg", i), fmt.Sprint(i))
	}
	e.reader.onRead = func([]byte) { time.Sleep(20 * time.Millisecond) } // 3 s in all
	sum, err := e.run(func(r *index.Request) { r.For = 500 * time.Millisecond })
	if err != nil || sum.Complete || sum.Stopped != index.TimeUp || sum.Added == 500 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// TestChangesWhileRead: a file that is written to while it is read is recorded neither as indexed nor as failed.
func TestChangesWhileRead(t *testing.T) {
	e := newEngine(t)
	e.write("a.jpg", "first")
	path := filepath.Join(e.dir, "a.jpg")
	n := 0
	grow := growingReader{e.reader, func() {
		n++
		if err := os.WriteFile(path, []byte(strings.Repeat("x", 10+n)), 0o600); err != nil {
			t.Error(err)
		}
	}}
	var failures []error
	sum, err := e.run(func(r *index.Request) {
		r.Reader = grow
		r.On.Failed = func(_ string, err error) { failures = append(failures, err) }
	})
	if err != nil || sum.Failed != 1 || sum.Added != 0 || len(failures) != 1 || !strings.Contains(failures[0].Error(), "changed while") {
		t.Fatalf("%+v, %v, %v", sum, err, failures)
	}
	if sum, err := e.run(nil); err != nil || sum.Added != 1 || sum.FailedKnown != 0 {
		t.Fatalf("the next run: %+v, %v", sum, err)
	}
}

// growingReader changes the file between its header and its contents.
type growingReader struct {
	*fakeReader
	grow func()
}

func (r growingReader) Open(in io.ReadSeeker) (index.Source, error) {
	r.grow()
	return r.fakeReader.Open(in)
}

// TestDeadRunsFilesComeLast: a file that was in flight when a run crashed is read alone, last. If that run crashes too, the file is
// set aside until it changes or a retry is requested.
func TestDeadRunsFilesComeLast(t *testing.T) {
	e := newEngine(t)
	for i := range 20 {
		e.write(fmt.Sprintf("%02d.jpg", i), fmt.Sprint(i))
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	e.write("00.jpg", "poison")
	e.write("99.jpg", "harmless")
	roots, err := e.store.Roots(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// A crashed run leaves the journal with the file in a slot.
	leave := func(state byte) {
		slot := append([]byte{state, byte(len(roots[0].ID)), 0, 0, 0, 6, 0}, string(roots[0].ID)+"00.jpg"...)
		if err := os.WriteFile(e.store.Location()+".inflight", slot, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave(3)
	var order []string
	e.reader.onRead = func(data []byte) {
		e.reader.mu.Lock()
		defer e.reader.mu.Unlock()
		order = append(order, string(data))
	}
	sum, err := e.run(nil)
	if err != nil || sum.Updated != 1 || sum.Added != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if len(order) != 2 || order[1] != "poison" {
		t.Errorf("order = %q, want the suspect last", order)
	}
	e.write("00.jpg", "poison again")
	leave(4)
	if sum, err = e.run(nil); err != nil || sum.FailedKnown != 1 || sum.Updated != 0 {
		t.Errorf("a file that killed twice: %+v, %v", sum, err)
	}
	if sum, err = e.run(func(r *index.Request) { r.RetryFailed = true }); err != nil || sum.Updated+sum.Added != 1 {
		t.Errorf("asked for again: %+v, %v", sum, err)
	}
}
