package query_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

const dim = 8

// direction is the unit vector of a text or a file's content.
func direction(text string) []float32 {
	sum := sha256.Sum256([]byte(text))
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(sum[i]) - 127.5
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// textReader reads any file as a picture: its content is its identity, and its vector that of the same text.
type textReader struct{}

func (textReader) Open(io.ReadSeeker) (index.Source, error)    { return textSource{}, nil }
func (textReader) Sidecar([]byte) (store.OwnerMetadata, error) { return store.OwnerMetadata{}, nil }
func (textReader) MetaVersion() int                            { return 1 }
func (textReader) TensorLen() int                              { return dim }
func (textReader) Version() int                                { return 1 }

type textSource struct{}

func (textSource) Header() index.Header {
	return index.Header{Format: "text", Width: 2, Height: 1, DecodeBytes: 1}
}

func (textSource) Meta(r index.Content) (store.Metadata, int) {
	data, err := io.ReadAll(r)
	if err != nil {
		return store.Metadata{}, 1
	}
	return store.Metadata{TakenAt: fmt.Sprintf("20%02d-01-01T00:00:00", sha256.Sum256(data)[0]%24)}, 1
}

func (textSource) Picture(orientation int) store.Picture {
	return store.Picture{Format: "text", Width: 2, Height: 1, Orientation: orientation}
}

func (textSource) Identity(data []byte, _ int) store.PictureID { return sha256.Sum256(data) }

func (textSource) Decode(data []byte, _ int) (index.Picture, error) { return textPicture(data), nil }

type textPicture []byte

func (p textPicture) Tensor(dst []float32)     { copy(dst, direction(string(bytes.TrimSpace(p)))) }
func (p textPicture) Preview() ([]byte, error) { return p, nil }
func (p textPicture) Damaged() bool            { return false }

type tower struct{}

func (tower) Batch() (size, parallel int) { return 4, 2 }
func (tower) Embed(tensors []float32, n int) ([][]float32, error) {
	out := make([][]float32, n)
	for i := range out {
		out[i] = slices.Clone(tensors[i*dim : (i+1)*dim])
	}
	return out, nil
}

// encoder counts the texts that it embeds.
type encoder struct{ texts atomic.Int64 }

func (e *encoder) Start(bool, bool) {}
func (e *encoder) Texts(_ context.Context, texts []string) ([][]float32, error) {
	e.texts.Add(int64(len(texts)))
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = direction(t)
	}
	return out, nil
}

func (e *encoder) Picture(context.Context, query.Given) ([]float32, error) {
	return nil, errors.New("no picture is given here")
}

// world is a folder of photos with its index.
type world struct {
	*testing.T
	dir, path string
	store     *sqlite.Store
	model     store.Model
	encoder   *encoder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), path: filepath.Join(t.TempDir(), "i.db"), encoder: &encoder{}}
	w.store = w.open()
	var err error
	if w.model, err = w.store.PutModel(t.Context(), store.Model{Identity: "m", Name: "m", Ref: "m", Dim: dim, Precision: "fp32"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open() *sqlite.Store {
	w.Helper()
	s, err := sqlite.Open(w.Context(), w.path, sqlite.Options{})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { s.Close() })
	return s
}

func (w *world) engine() *query.Engine {
	return query.New(w.store, func(context.Context, store.Model) (query.Encoder, error) { return w.encoder, nil })
}

func (w *world) add(name, content string) {
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Error(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Error(err)
	}
}

func (w *world) index(s store.Store) {
	sum, err := index.Run(context.Background(), s, index.Request{
		Paths: []string{w.dir}, Jobs: 2, MaxPixels: 100, Model: w.model, Reader: textReader{}, Journal: w.path + ".inflight",
		Load: func(context.Context) (index.Embedder, error) { return tower{}, nil },
	}, nil)
	if err != nil || sum.Failed > 0 {
		w.Errorf("index: %+v, %v", sum, err)
	}
}

func text(weight float64, s string) query.Term {
	return query.Term{Weight: weight, Label: s, Texts: []string{s}}
}

func (w *world) search(r query.Request) *query.Response {
	w.Helper()
	a, err := w.engine().Search(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func paths(hits []query.Hit) (list []string) {
	for _, h := range hits {
		list = append(list, filepath.Base(h.Path))
	}
	return list
}

func filled(t *testing.T, n int) *world {
	w := newWorld(t)
	for i := range n {
		w.add(fmt.Sprintf("%d/%03d.jpg", i%3, i), fmt.Sprint("picture ", i))
	}
	w.index(w.store)
	return w
}

// TestPagesCompose: pages of a ranking are the ranking, and an order that only arranges the best has no pages.
func TestPagesCompose(t *testing.T) {
	w := filled(t, 60)
	all := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 60})
	if len(all.Hits) != 60 || all.Searched != 60 || all.Hits[0].Relative != 1 {
		t.Fatalf("%d hits of %d, the best at %v", len(all.Hits), all.Searched, all.Hits[0].Relative)
	}
	var pages []string
	for at := 0; at < 60; at += 7 {
		pages = append(pages, paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Offset: at, Limit: 7}).Hits)...)
	}
	if !slices.Equal(pages, paths(all.Hits)) {
		t.Errorf("pages %v, want %v", pages, paths(all.Hits))
	}
	best := paths(all.Hits[:10])
	slices.Sort(best)
	if got := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Order: store.ByPath}).Hits); len(got) != 10 {
		t.Errorf("by path: %v", got)
	} else if slices.Sort(got); !slices.Equal(got, best) {
		t.Errorf("by path other hits are shown: %v, want %v", got, best)
	}
	for _, order := range []store.Order{store.ByDate, store.ByPath} {
		_, err := w.engine().Search(t.Context(), query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Offset: 1, Order: order})
		if !errors.Is(err, query.ErrOffset) {
			t.Errorf("an offset by %s: %v", order, err)
		}
		listed := w.search(query.Request{Limit: 100, Order: order})
		var list []string
		for at := 0; at < 60; at += 11 {
			list = append(list, paths(w.search(query.Request{Limit: 11, Offset: at, Order: order}).Hits)...)
		}
		if len(list) != 60 || !slices.Equal(list, paths(listed.Hits)) {
			t.Errorf("pages of a listing by %s: %v", order, list)
		}
	}
}

// TestRemembered: what was asked before needs no model.
func TestRemembered(t *testing.T) {
	w := filled(t, 10)
	asked := query.Request{Terms: []query.Term{text(1, "sea"), text(-0.5, "people")}, Limit: 3}
	first := w.search(asked)
	if !first.Asked() || w.encoder.texts.Load() != 2 {
		t.Fatalf("%d texts were embedded", w.encoder.texts.Load())
	}
	if err := w.engine().Remember(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	modelless := query.New(w.store, nil)
	again, err := modelless.Search(t.Context(), asked)
	if err != nil || again.Asked() || !slices.Equal(paths(again.Hits), paths(first.Hits)) {
		t.Errorf("%v, %v, want %v", again, err, first)
	}
	if _, err := modelless.Search(t.Context(), query.Request{Terms: []query.Term{text(1, "new")}, Limit: 3}); !errors.Is(err, query.ErrNoEncoder) {
		t.Errorf("a new text without a model: %v", err)
	}
	if asked.Terms[0].Label != "sea" || len(asked.Terms[0].Texts) != 1 {
		t.Error("the asker's request was changed")
	}
}

// TestHostileRequests: what a door passes on unchecked is refused, and no request changes the asker's.
func TestHostileRequests(t *testing.T) {
	w := filled(t, 10)
	for _, r := range []query.Request{{}, {Limit: -1}, {Limit: 1, Offset: -1}} {
		for _, terms := range [][]query.Term{nil, {text(1, "sea")}} {
			r.Terms = terms
			if _, err := w.engine().Search(t.Context(), r); !errors.Is(err, query.ErrLimit) {
				t.Errorf("limit %d, offset %d: %v", r.Limit, r.Offset, err)
			}
		}
	}
	for _, r := range []query.Request{{Limit: math.MaxInt, Offset: 1}, {Limit: math.MaxInt, Offset: math.MaxInt}, {Limit: 1, Offset: math.MaxInt, Order: store.ByPath}} {
		for _, missing := range []query.Missing{query.MarkMissing, query.DropMissing} {
			r.Missing = missing
			w.search(r)
			if r.Order == "" {
				r.Terms = []query.Term{text(1, "sea")}
				w.search(r)
				r.Terms = nil
			}
		}
	}
	rs := []query.Request{{Terms: []query.Term{text(1, "sea")}, Limit: 1}, {Terms: []query.Term{text(1, "sky")}, Limit: 1, Model: "another"}}
	if _, err := w.engine().SearchBatch(t.Context(), rs); !errors.Is(err, query.ErrModels) {
		t.Errorf("a batch for two models: %v", err)
	}
	shared := rs[:1]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := w.engine().SearchBatch(context.Background(), shared); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestBatch: many queries are embedded together, each text once.
func TestBatch(t *testing.T) {
	w := filled(t, 20)
	var rs []query.Request
	for i := range 9 {
		rs = append(rs, query.Request{Terms: []query.Term{text(1, fmt.Sprint("query ", i%4))}, Limit: 5})
	}
	all, err := w.engine().SearchBatch(t.Context(), rs)
	if err != nil || len(all) != 9 || w.encoder.texts.Load() != 4 {
		t.Fatalf("%d answers, %d texts, %v", len(all), w.encoder.texts.Load(), err)
	}
	for i, a := range all {
		if one := w.search(rs[i]); !slices.Equal(paths(one.Hits), paths(a.Hits)) {
			t.Errorf("query %d: %v, alone %v", i, paths(a.Hits), paths(one.Hits))
		}
	}
}

// TestExplained: what the terms contribute is the score.
func TestExplained(t *testing.T) {
	w := filled(t, 20)
	a := w.search(query.Request{Terms: []query.Term{text(1, "sea"), text(0.5, "sunset"), text(-1, "people")}, Limit: 5, Explain: true})
	for _, h := range a.Hits {
		sum := 0.0
		for _, c := range h.Contributions {
			sum += c.Contribution
		}
		if len(h.Contributions) != 3 || math.Abs(sum-h.Score) > 2e-3 {
			t.Errorf("%s: %+v make %v, not %v", h.Path, h.Contributions, sum, h.Score)
		}
	}
	if _, err := w.engine().Search(t.Context(), query.Request{Terms: []query.Term{text(1, "sea"), text(-1, "sea")}, Limit: 5}); !errors.Is(err, query.ErrCancelOut) {
		t.Errorf("terms that cancel each other out: %v", err)
	}
}

// TestMissing: a picture whose file is gone is marked, left out, or not looked at.
func TestMissing(t *testing.T) {
	w := filled(t, 30)
	all := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 30}).Hits)
	gone := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 1}).Hits[0]
	if err := os.Remove(gone.Path); err != nil {
		t.Fatal(err)
	}
	for _, terms := range [][]query.Term{nil, {text(1, "sea")}} {
		has := func(m query.Missing, limit int) (present, marked bool, n int) {
			hits := w.search(query.Request{Terms: terms, Limit: limit, Missing: m}).Hits
			i := slices.IndexFunc(hits, func(h query.Hit) bool { return h.ID == gone.ID })
			return i >= 0, i >= 0 && hits[i].Missing, len(hits)
		}
		if present, marked, _ := has(query.MarkMissing, 30); !present || !marked {
			t.Errorf("marked: %v, %v", present, marked)
		}
		if present, _, n := has(query.DropMissing, 30); present || n != 29 {
			t.Errorf("dropped: %v, %d hits", present, n)
		}
		if present, marked, _ := has(query.IgnoreMissing, 30); !present || marked {
			t.Errorf("ignored: %v, %v", present, marked)
		}
	}
	hits := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 5, Missing: query.DropMissing}).Hits
	if got := paths(hits); !slices.Equal(got, all[1:6]) {
		t.Errorf("others follow: %v, want %v", got, all[1:6])
	}
}

// TestAmong: listed files are searched instead of the index, others merged by their scores, and shown by their own paths.
func TestAmong(t *testing.T) {
	w := filled(t, 30)
	all := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 30}).Hits
	among := &query.Among{
		Pictures: map[store.PictureID][]string{all[3].ID: {"/list/b.jpg", "/list/a.jpg"}, all[7].ID: {"/list/c.jpg"}},
		Others:   []query.Other{{Record: store.Record{Picture: store.Picture{ID: store.PictureID{1}, Width: 3, Height: 2}}, Paths: []string{"/list/other.jpg"}, Vector: direction("sea")}},
	}
	a := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Among: among, Missing: query.IgnoreMissing, Explain: true})
	if got := paths(a.Hits); !slices.Equal(got, []string{"other.jpg", "a.jpg", "c.jpg"}) || math.Abs(a.Hits[0].Score-1) > 1e-5 || len(a.Hits[1].Also) != 1 || len(a.Hits[0].Contributions) != 1 {
		t.Errorf("%v: %+v", got, a.Hits)
	}
	if got := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 1, Offset: 1, Among: among, Missing: query.IgnoreMissing}).Hits); !slices.Equal(got, []string{"a.jpg"}) {
		t.Errorf("the second page: %v", got)
	}
	if got := paths(w.search(query.Request{Limit: 10, Order: store.ByPath, Among: among, Missing: query.IgnoreMissing}).Hits); !slices.Equal(got, []string{"a.jpg", "c.jpg", "other.jpg"}) {
		t.Errorf("listed: %v", got)
	}
}

// TestVectors: all vectors are told with their pictures, also of more pictures than are looked up at once, and no more than are wanted.
func TestVectors(t *testing.T) {
	w := filled(t, 1100)
	n := 0
	for v, err := range w.engine().Vectors(t.Context(), store.Filter{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(v.Path)
		if err != nil {
			t.Fatal(err)
		}
		if c := vec.Dot(direction(string(data)), vec.Unpack(v.Data)); c < 0.999 {
			t.Fatalf("%s has another picture's vector (%v)", v.Path, c)
		}
		n++
	}
	if n != 1100 {
		t.Errorf("%d vectors", n)
	}
	n = 0
	for range w.engine().Vectors(t.Context(), store.Filter{}, "") {
		if n++; n == 3 {
			break
		}
	}
	for _, err := range w.engine().Vectors(t.Context(), store.Filter{}, "no such model") {
		t.Errorf("vectors of no model: %v", err)
	}
}

// TestConcurrent: eight goroutines search with different terms and filters while the index grows.
func TestConcurrent(t *testing.T) {
	w := filled(t, 50)
	reading, err := sqlite.OpenReadOnly(t.Context(), w.path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	engine := query.New(reading, func(context.Context, store.Model) (query.Encoder, error) { return w.encoder, nil })
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				r := query.Request{Limit: 1 + i, Explain: i%2 == 0}
				if i != 3 {
					r.Terms = []query.Term{text(1, fmt.Sprint("query ", i)), text(0.5, fmt.Sprint("with ", n%5))}
				}
				switch i % 4 {
				case 1:
					r.Filter.Names = []string{fmt.Sprintf("*%d.jpg", n%10)}
				case 2:
					r.Filter.Taken = store.Period{From: "2010-01-01T00:00:00"}
				case 3:
					r.Order = store.ByPath
				}
				a, err := engine.Search(context.Background(), r)
				if err != nil {
					t.Errorf("search %d: %v", i, err)
					return
				}
				for _, h := range a.Hits {
					if h.Path == "" || i%4 == 1 && len(r.Terms) > 0 && filepath.Base(h.Path)[2] != byte('0'+n%10) {
						t.Errorf("search %d: %+v", i, h)
						return
					}
				}
			}
		})
	}
	for round := range 8 {
		for i := range 40 {
			w.add(fmt.Sprintf("more%d/%03d.jpg", round, i), fmt.Sprint("more ", round, " ", i))
		}
		if round > 4 { // and shrinks
			if err := os.RemoveAll(filepath.Join(w.dir, fmt.Sprint("more", round-4))); err != nil {
				t.Error(err)
			}
		}
		w.index(w.store)
	}
	close(done)
	wg.Wait()
	if a, err := engine.Search(t.Context(), query.Request{Terms: []query.Term{text(1, "more 7 3")}, Limit: 1}); err != nil || filepath.Base(a.Hits[0].Path) != "003.jpg" || math.Abs(a.Hits[0].Score-1) > 2e-3 {
		t.Errorf("what was indexed last: %+v, %v", a, err)
	}
}
