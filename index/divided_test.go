package index_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// divided runs the parts of a run one after another, each with what the one before has encoded. see is how the machine that reads sees each batch.
func (e *engine) divided(size int, see func(batch index.Batch) (foundHere bool, after func())) (sum index.Counts, batches []index.Batch) {
	e.t.Helper()
	ctx := context.Background()
	req := e.request()
	parts, err := index.Prepare(ctx, e.store, req)
	if err != nil || len(parts) != 1 {
		e.t.Fatalf("%+v, %v", parts, err)
	}
	root := parts[0].Root
	var encoded [][]byte
	f, complete, err := index.Find(ctx, e.store, req, parts[0], index.Division{Size: func() int { return size }, Emit: func(_ context.Context, b index.Batch) error {
		data, err := b.Encode()
		encoded = append(encoded, data)
		return err
	}}, nil)
	if err != nil || !complete {
		e.t.Fatalf("%v, %v", complete, err)
	}
	sum = f.Counts
	req.Committing = func(_ context.Context, _ store.Tx, c index.Commit) error {
		sum = sum.Plus(c.Added)
		return nil
	}
	for len(encoded) > 0 {
		b, err := index.DecodeBatch(encoded[0])
		if err != nil {
			e.t.Fatal(err)
		}
		encoded = encoded[1:]
		batches = append(batches, b)
		foundHere, after := true, func() {}
		if see != nil {
			foundHere, after = see(b)
		}
		_, unseen, err := index.Read(ctx, e.store, req, root, b, foundHere, nil)
		if err != nil {
			e.t.Fatal(err)
		}
		if after(); len(unseen.Items) > 0 {
			data, err := unseen.Encode()
			if err != nil {
				e.t.Fatal(err)
			}
			encoded = append(encoded, data)
		}
	}
	data, err := f.Encode()
	if err == nil {
		f, err = index.DecodeFound(data)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	if s, err := index.Settle(ctx, e.store, req, root, f, nil); err != nil || !s.Complete {
		e.t.Fatalf("%+v, %v", s, err)
	}
	return sum, batches
}

// TestDivided compares the parts of a divided run with a run.
func TestDivided(t *testing.T) {
	e, whole := newEngine(t), newEngine(t)
	whole.dir = e.dir
	for i := range 60 {
		e.write(fmt.Sprintf("d%d/%d.jpg", i%4, i), fmt.Sprint("picture ", i))
	}
	for i := range 10 {
		e.write(fmt.Sprintf("pairs/%d.jpg", i), fmt.Sprint("developed ", i))
		e.write(fmt.Sprintf("pairs/%d.cr2", i), fmt.Sprint("raw ", i))
	}
	e.write("bad.jpg", "broken")
	e.write("d0/0.jpg.xmp", "a keyword")
	if runtime.GOOS == "linux" {
		e.write("name\xff.jpg", "not UTF-8")
	}
	compare := func(what string) {
		t.Helper()
		want, err := whole.run(nil)
		if err != nil {
			t.Fatal(err)
		}
		got, batches := e.divided(50, nil)
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want.Counts) {
			t.Errorf("%s:\n got %+v\nwant %+v", what, got, want.Counts)
		}
		for _, b := range batches {
			if b.Len() > 50 {
				t.Errorf("a batch has %d files", b.Len())
			}
		}
	}
	compare("first")
	compare("again")
	for _, name := range []string{"d0/0.jpg", "d1/1.jpg"} {
		if err := os.Remove(filepath.Join(e.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(e.dir, "d2", "2.jpg"), filepath.Join(e.dir, "moved.jpg")); err != nil {
		t.Fatal(err)
	}
	compare("deleted and moved")
	if err := os.Rename(filepath.Join(e.dir, "d3"), filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	compare("a missing folder")
}

// TestUnseen: files that the reading machine does not see are read later, by one that does, and not taken for deleted.
func TestUnseen(t *testing.T) {
	e := newEngine(t)
	for i := range 20 {
		e.write(fmt.Sprintf("d%d/%d.jpg", i%2, i), fmt.Sprint("picture ", i))
	}
	hidden := filepath.Join(t.TempDir(), "d1")
	one, elsewhere := filepath.Join(e.dir, "d0", "0.jpg"), filepath.Join(t.TempDir(), "0.jpg")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	tries := 0
	got, batches := e.divided(100, func(index.Batch) (bool, func()) {
		if tries++; tries > 1 {
			return true, func() {}
		}
		move(filepath.Join(e.dir, "d1"), hidden)
		move(one, elsewhere)
		return false, func() {
			move(hidden, filepath.Join(e.dir, "d1"))
			move(elsewhere, one)
		}
	})
	if got.Added != 20 || got.Scanned != 20 || got.Unreachable != 0 || len(batches) != 2 || batches[1].Len() != 11 {
		t.Errorf("%+v, %d batches", got, len(batches))
	}
}

// TestWithout leaves out the items of which every file is done.
func TestWithout(t *testing.T) {
	b := index.Batch{Items: []index.Item{{Name: "a"}, {Name: "b", Twins: []index.Item{{Name: "b2"}}}, {Name: "c"}}}
	if got := b.Without(map[int]bool{0: true, 1: true}); got.Len() != 3 || got.Items[0].Name != "b" || got.Items[1].Name != "c" {
		t.Errorf("%+v", got)
	}
	if got := b.Without(map[int]bool{1: true, 2: true, 3: true}); got.Len() != 1 || got.Items[0].Name != "a" {
		t.Errorf("%+v", got)
	}
}
