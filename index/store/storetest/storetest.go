// Package storetest is the conformance test suite that every implementation of store.Store must pass.
// It must not know which store it tests.
package storetest

import (
	"crypto/sha256"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// Run tests the stores that open returns. Each must be empty and writable; Run closes it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"a folder lists its files and failures", (*suite).folders},
		{"many places are looked up at once", (*suite).places},
		{"a picture's metadata does not depend on the order of its files", (*suite).derived},
		{"a picture without a file keeps its vector for a while", (*suite).orphans},
		{"a moved file is the same file in another place", (*suite).moved},
		{"an uncommitted transaction changes nothing", (*suite).rollback},
		{"roots are absorbed, moved and removed", (*suite).roots},
		{"roots of another index are imported", (*suite).imported},
		{"device numbers of disks can change", (*suite).devices},
		{"models have roles and counts of their pictures", (*suite).models},
		{"totals stay correct", (*suite).totals},
		{"the nearest pictures are found", (*suite).nearest},
		{"pictures outside the nearest are ranked", (*suite).alsoRanked},
		{"a picture's score is that of its best moment", (*suite).moments},
		{"the pages of a list add up to the list", (*suite).lists},
		{"shapes are those of the list by date", (*suite).shapes},
		{"every filter selects what Match selects", (*suite).filters},
		{"pictures are found by their ids", (*suite).ids},
		{"copies are found, and twins are not copies", (*suite).copies},
		{"previews", (*suite).previews},
		{"texts of pictures are found by their phrases", (*suite).texts},
		{"texts are matched by words", (*suite).matchTexts},
		{"settings", (*suite).settings},
		{"pictures are labelled", (*suite).labels},
		{"queries are remembered", (*suite).queries},
		{"suspects and failures", (*suite).suspects},
		{"runs", (*suite).runs},
		{"one indexer at a time", (*suite).lock},
		{"searches see only committed states", (*suite).concurrent},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, store: open(t)}
			t.Cleanup(func() {
				if err := s.store.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			c.test(s)
		})
	}
}

// suite runs one test on one store.
type suite struct {
	*testing.T
	store store.Store
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// equal reports an error if two values differ.
func equal[T any](s *suite, what string, got, want T) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Errorf("%s: %+v, want %+v", what, got, want)
	}
}

// write runs work in a transaction and commits it.
func (s *suite) write(work func(tx store.Tx) error) {
	s.Helper()
	tx, err := s.store.Begin(s.Context())
	s.must(err)
	defer tx.Rollback()
	s.must(work(tx))
	s.must(tx.Commit(s.Context()))
}

func (s *suite) root(path string) store.RootID {
	s.Helper()
	r, err := s.store.AddRoot(s.Context(), path, true)
	s.must(err)
	return r.ID
}

const dim = 8

// model adds a model.
func (s *suite) model(identity string) string {
	s.Helper()
	m, err := s.store.PutModel(s.Context(), store.Model{Identity: identity, Name: identity, Ref: identity, Dim: dim, Precision: "fp32"})
	s.must(err)
	return m.Identity
}

// id returns the id of the picture with a name.
func id(name string) store.PictureID { return sha256.Sum256([]byte(name)) }

// file returns a file of the picture with a name.
func file(root store.RootID, dir, name, picture string) store.FileRecord {
	return store.FileRecord{
		File:    store.File{Place: store.Place{Root: root, Dir: dir, Name: name}, Stat: store.Stat{Size: 10, MTimeNS: 1e18}, Device: 1, MetaVersion: 1},
		Picture: id(picture), Format: "jpeg",
	}
}

// put adds files and their pictures.
func (s *suite) put(files ...store.FileRecord) {
	s.Helper()
	s.write(func(tx store.Tx) error {
		for _, f := range files {
			if err := tx.PutPicture(s.Context(), store.Picture{ID: f.Picture, Format: "jpeg", Width: 40, Height: 30, Orientation: 1}); err != nil {
				return err
			}
			if _, err := tx.PutFile(s.Context(), f); err != nil {
				return err
			}
		}
		return nil
	})
}

// unit returns a unit vector that depends on n.
func unit(n int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(math.Sin(float64((n + 1) * (i + 3))))
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

func (s *suite) vector(model, picture string, moment int, v []float32) {
	s.Helper()
	s.write(func(tx store.Tx) error {
		out := store.Vector{Picture: id(picture), Data: vec.Pack(v)}
		if moment > 0 {
			at := time.Duration(moment) * time.Second
			out.Moment = store.Moment{Number: moment, Time: &at}
		}
		return tx.PutVector(s.Context(), model, out)
	})
}

// record returns the current record of a picture.
func (s *suite) record(picture string) store.Record {
	s.Helper()
	hits, err := s.store.Hits(s.Context(), []store.PictureID{id(picture)}, store.Filter{})
	s.must(err)
	if len(hits) != 1 {
		s.Fatalf("%d hits for one picture", len(hits))
	}
	return hits[0]
}
