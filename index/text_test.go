package index_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// fakeText reads the words of text files that begin with "says".
type fakeText struct {
	mu     sync.Mutex
	read   []string
	onRead func(text string) error
}

func (r *fakeText) ReadText(p index.Picture) ([]store.TextLine, error) {
	fake, ok := p.(fakePicture)
	if !ok {
		return nil, errors.New("a foreign picture")
	}
	text := strings.TrimPrefix(string(fake), "small ")
	r.mu.Lock()
	r.read = append(r.read, text)
	r.mu.Unlock()
	if r.onRead != nil {
		if err := r.onRead(text); err != nil {
			return nil, err
		}
	}
	words, ok := strings.CutPrefix(text, "says ")
	if !ok {
		return nil, nil
	}
	return []store.TextLine{{Text: words, Score: 1}}, nil
}

// runTexts runs the pipeline and reads texts with a model.
func (e *engine) runTexts(r *fakeText, model string, change func(*index.Request)) (index.Summary, error) {
	return e.run(func(req *index.Request) {
		req.Text = &index.TextRequest{Model: model, Reader: e.reader, Least: 1, Load: func(context.Context) (index.TextReader, error) { return r, nil }}
		if change != nil {
			change(req)
		}
	})
}

// saying returns the number of pictures whose text contains a phrase.
func (e *engine) saying(phrase string) int {
	e.t.Helper()
	n, err := e.store.Count(context.Background(), store.Filter{Texts: []string{phrase}})
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}

// TestTexts: texts are read once, by either way, and again for another model or another content.
func TestTexts(t *testing.T) {
	for _, inline := range []bool{false, true} {
		t.Run(fmt.Sprint("inline ", inline), func(t *testing.T) {
			e, r := newEngine(t), &fakeText{}
			for i := range 40 {
				e.write(fmt.Sprintf("%d.jpg", i), fmt.Sprint("says number ", i))
				e.write(fmt.Sprintf("copies/%d.jpg", i), fmt.Sprint("says number ", i))
			}
			e.write("none.jpg", "nothing")
			e.write("bad.jpg", "broken")
			run := func(model string, want index.Counts) {
				t.Helper()
				sum, err := e.runTexts(r, model, func(req *index.Request) { req.Text.Inline = inline })
				if err != nil || sum.TextsRead != want.TextsRead || sum.WithText != want.WithText || sum.TextsLeft != 0 || !sum.Complete {
					t.Fatalf("%+v, %v", sum, err)
				}
			}
			run("one", index.Counts{TextsRead: 41, WithText: 40})
			if n := e.saying("number 7"); n != 1 || len(r.read) != 41 {
				t.Errorf("%d pictures, %d texts read", n, len(r.read))
			}
			if decoded := e.reader.decoded["says number 7"]; inline && decoded != 1 || !inline && decoded != 2 {
				t.Errorf("decoded %d times", decoded)
			}
			run("one", index.Counts{})
			e.write("7.jpg", "says another")
			run("one", index.Counts{TextsRead: 1, WithText: 1})
			run("two", index.Counts{TextsRead: 42, WithText: 41})
			if n := e.saying("number"); n != 40 {
				t.Errorf("%d pictures", n)
			}
		})
	}
}

// TestTextsContinue: a stopped run says what is left, which the next run reads.
func TestTextsContinue(t *testing.T) {
	e := newEngine(t)
	for i := range 200 {
		e.write(fmt.Sprintf("%03d.jpg", i), fmt.Sprint("says ", i))
	}
	stop := make(chan struct{})
	enough := sync.OnceFunc(func() { close(stop) })
	r := &fakeText{}
	r.onRead = func(string) error {
		enough()
		time.Sleep(10 * time.Millisecond)
		return nil
	}
	req := e.request()
	req.Text = &index.TextRequest{Model: "one", Reader: e.reader, Least: 1, Load: func(context.Context) (index.TextReader, error) { return r, nil }}
	sum, err := index.Run(context.Background(), e.store, req, stop)
	if err != nil || !sum.Complete || sum.Stopped != index.Interrupted || sum.Embedded != 200 || sum.TextsRead == 0 || sum.TextsRead+sum.TextsLeft != 200 {
		t.Fatalf("%+v, %v", sum, err)
	}
	left := sum.TextsLeft
	r.onRead = nil
	if sum, err = e.runTexts(r, "one", nil); err != nil || sum.TextsRead != left || sum.TextsLeft != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// TestTextsOfUnreadableFiles: a picture whose file is gone, has changed or can no longer be decoded is left to a later run; a copy is read instead.
func TestTextsOfUnreadableFiles(t *testing.T) {
	e, r := newEngine(t), &fakeText{}
	for _, name := range []string{"a.jpg", "b.jpg", "other/b.jpg", "c.jpg"} {
		e.write(name, "says "+strings.TrimPrefix(name, "other/"))
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	var notices []index.Notice
	harm := func(req *index.Request) {
		req.On.Noticed = func(n index.Notice) { notices = append(notices, n) }
		req.On.TextFound = sync.OnceFunc(func() { // after the walk
			if err := errors.Join(os.Remove(filepath.Join(e.dir, "a.jpg")), os.Remove(filepath.Join(e.dir, "b.jpg"))); err != nil {
				t.Error(err)
			}
		})
		e.reader.onRead = func(data []byte) {
			if string(data) == "says c.jpg" {
				panic("as asked")
			}
		}
	}
	sum, err := e.runTexts(r, "one", harm)
	if err != nil || sum.TextsRead != 1 || sum.TextsLeft != 2 || e.saying("b.jpg") != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	if len(notices) != 1 {
		t.Errorf("notices: %v", notices)
	} else if n, ok := notices[0].(index.TextUnread); !ok || filepath.Base(n.Path) != "c.jpg" {
		t.Errorf("notices: %+v", notices)
	}
	e.reader.onRead = nil
	e.write("a.jpg", "says a.jpg")
	if sum, err = e.runTexts(r, "one", nil); err != nil || sum.TextsLeft != 0 || e.saying("c.jpg") != 1 || e.saying("a.jpg") != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// TestTextsOfPreviews: a text is read from a preview that is large enough, also while the disk is not connected.
func TestTextsOfPreviews(t *testing.T) {
	e, r := newEngine(t), &fakeText{}
	e.write("a.jpg", "says a")
	if _, err := e.run(func(req *index.Request) { req.KeepPreviews = true }); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(e.dir, e.dir+" away"); err != nil {
		t.Fatal(err)
	}
	paths := func(req *index.Request) { req.Paths = nil }
	if sum, err := e.runTexts(r, "one", paths); err != nil || sum.TextsRead != 1 || e.saying("a") != 1 || sum.Unreachable != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
	// One that is too small is not used.
	tooSmall := func(req *index.Request) { req.Paths, req.Text.Least, req.Text.Reader = nil, 1, smallHeader{e.reader} }
	if sum, err := e.runTexts(r, "two", tooSmall); err != nil || sum.TextsRead != 0 || sum.TextsLeft != 1 || e.saying("a") != 1 {
		t.Fatalf("%+v, %v", sum, err)
	}
}

// smallHeader reads pictures whose header gives no size.
type smallHeader struct{ *fakeReader }

func (r smallHeader) Open(in io.ReadSeeker) (index.Source, error) {
	s, err := r.fakeReader.Open(in)
	return smallSource{s}, err
}

type smallSource struct{ index.Source }

func (s smallSource) Header() index.Header { return index.Header{Format: "fake"} }

// TestTextsAfterCrash: a file that was being read for its text when a run crashed is read last and alone; if that crashes too, its text is not read.
func TestTextsAfterCrash(t *testing.T) {
	e, r := newEngine(t), &fakeText{}
	for i := range 9 {
		e.write(fmt.Sprintf("%02d.jpg", i), fmt.Sprint("says ", i))
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	roots, err := e.store.Roots(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	journal := index.Journals(e.store.Location() + ".inflight")[1]
	leave := func(state byte) {
		slot := append([]byte{state, byte(len(roots[0].ID)), 0, 0, 0, 6, 0}, string(roots[0].ID)+"00.jpg"...)
		if err := os.WriteFile(journal, slot, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave(3)
	if sum, err := e.runTexts(r, "one", nil); err != nil || sum.TextsRead != 9 || r.read[8] != "says 0" {
		t.Fatalf("%+v, %v, %v", sum, err, r.read)
	}
	leave(4)
	var notices []index.Notice
	sum, err := e.runTexts(r, "two", func(req *index.Request) { req.On.Noticed = func(n index.Notice) { notices = append(notices, n) } })
	if err != nil || sum.TextsRead != 8 || sum.TextsLeft != 1 || len(notices) != 1 {
		t.Fatalf("%+v, %v, %v", sum, err, notices)
	}
	sum, err = e.runTexts(r, "two", func(req *index.Request) { req.On.Noticed = func(n index.Notice) { notices = append(notices, n) } })
	if err != nil || sum.TextsRead != 0 || sum.TextsLeft != 1 || len(notices) != 2 {
		t.Fatalf("it is not set aside any more: %+v, %v, %v", sum, err, notices)
	}
	sum, err = e.runTexts(r, "two", func(req *index.Request) { req.RetryFailed = true })
	if err != nil || sum.TextsRead != 1 || sum.TextsLeft != 0 {
		t.Fatalf("a retry: %+v, %v", sum, err)
	}
	if _, err := os.Stat(journal); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the journal is left: %v", err)
	}
	// A run that is stopped before it comes to the file leaves it to the next one.
	leave(3)
	stop := make(chan struct{})
	r.onRead = func(string) error {
		if len(r.read) == 1 {
			close(stop)
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	}
	req := e.request()
	req.Jobs, req.Text = 1, &index.TextRequest{Model: "three", Reader: e.reader, Least: 1, Load: func(context.Context) (index.TextReader, error) { return r, nil }}
	r.read = nil
	if sum, err := index.Run(t.Context(), e.store, req, stop); err != nil || sum.TextsLeft == 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	r.onRead, r.read = nil, nil
	if sum, err := e.runTexts(r, "three", nil); err != nil || sum.TextsLeft != 0 || r.read[len(r.read)-1] != "says 0" {
		t.Fatalf("%+v, %v, %v", sum, err, r.read)
	}
}

// TestTextModelFails: a text model that always fails ends the run, and the vectors are in the index; if it fails on one picture, that one is left.
func TestTextModelFails(t *testing.T) {
	e, r := newEngine(t), &fakeText{}
	for i := range 9 {
		e.write(fmt.Sprintf("%02d.jpg", i), fmt.Sprint("says ", i))
	}
	broken := errors.New("out of order")
	r.onRead = func(string) error { return broken }
	if sum, err := e.runTexts(r, "one", nil); !errors.Is(err, broken) || sum.Embedded != 9 || !sum.Complete {
		t.Fatalf("%+v, %v", sum, err)
	}
	missing := func(req *index.Request) {
		req.Text.Load = func(context.Context) (index.TextReader, error) { return nil, broken }
	}
	if sum, err := e.runTexts(r, "one", missing); !errors.Is(err, broken) || sum.Unchanged != 9 {
		t.Fatalf("%+v, %v", sum, err)
	}
	r.onRead = func(text string) error {
		if text == "says 3" {
			panic("as asked")
		}
		return nil
	}
	var notices []index.Notice
	sum, err := e.runTexts(r, "one", func(req *index.Request) { req.On.Noticed = func(n index.Notice) { notices = append(notices, n) } })
	if err != nil || sum.TextsRead != 8 || sum.TextsLeft != 1 || len(notices) != 1 {
		t.Errorf("a picture on which the model panics: %+v, %v, %v", sum, err, notices)
	}
}

// TestTextsDryRun: a dry run counts the texts to read and measures a sample, and stores nothing.
func TestTextsDryRun(t *testing.T) {
	e, r := newEngine(t), &fakeText{}
	for i := range 5 {
		e.write(fmt.Sprintf("%02d.jpg", i), fmt.Sprint("says ", i))
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	e.write("new.jpg", "says new")
	r.onRead = func(string) error { time.Sleep(5 * time.Millisecond); return nil }
	sum, err := e.runTexts(r, "one", func(req *index.Request) { req.DryRun = true })
	if err != nil || sum.TextsPending != 6 || sum.TextEstimate == 0 || e.saying("new") != 0 || !slices.Contains(r.read, "says new") {
		t.Fatalf("%+v, %v, %v", sum, err, r.read)
	}
}
