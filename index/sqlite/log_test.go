package sqlite_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// TestDamagedLog flips bits in the write-ahead log that a killed run has left. If pictures are missing because of it, that is reported; an intact
// log, or one that ends within a frame, as after a kill, is not.
func TestDamagedLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "i.db")
	withLog(t, path, 300)
	db, err := os.ReadFile(path)
	must(t, err)
	log, err := os.ReadFile(path + "-wal")
	must(t, err)
	look := func(log []byte) (pictures int, reported bool) {
		t.Helper()
		must(t, os.WriteFile(path, db, 0o600))
		must(t, os.WriteFile(path+"-wal", log, 0o600))
		os.Remove(path + "-shm")
		s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{LogDamaged: func() { reported = true }})
		if err != nil {
			return -1, reported
		}
		defer s.Close()
		n, err := s.Totals(t.Context())
		if err != nil {
			return -1, reported
		}
		return n.Pictures, reported
	}
	if n, reported := look(log); n != 300 || reported {
		t.Fatalf("intact: %d pictures, reported %v", n, reported)
	}
	if _, reported := look(log[:len(log)-1000]); reported {
		t.Error("a log that ends within a frame is reported")
	}
	r := rand.New(rand.NewPCG(13, 14))
	lost := 0
	for range 60 {
		data := append([]byte(nil), log...)
		bit := r.IntN(len(data) * 8)
		data[bit/8] ^= 1 << (bit % 8)
		n, reported := look(data)
		if n >= 0 && n != 300 {
			lost++
			if !reported {
				t.Errorf("bit %d: %d pictures, and no warning", bit, n)
			}
		}
	}
	if lost == 0 {
		t.Error("no flip had an effect")
	}
}

// TestUncommittedLog checks that frames of a transaction that never ended are not taken for damage, whatever a kill has left of them: SQLite
// writes them early if they do not fit in its cache.
func TestUncommittedLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "i.db")
	withLog(t, path, 300)
	db := raw(t, path)
	tx, err := db.Begin()
	must(t, err)
	defer tx.Rollback()
	for range 4 { // more than the cache holds, each page more than once
		_, err = tx.Exec("INSERT INTO previews(picture_id, jpeg) SELECT id, randomblob(20000) FROM pictures WHERE true ON CONFLICT DO UPDATE SET jpeg = randomblob(20000)")
		must(t, err)
	}
	other := filepath.Join(dir, "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		copyTo(t, path+suffix, other+suffix)
	}
	reported := false
	s, err := sqlite.OpenReadOnly(t.Context(), other, sqlite.Options{LogDamaged: func() { reported = true }})
	must(t, err)
	defer s.Close()
	if n, err := s.Totals(t.Context()); err != nil || n.Pictures != 300 || reported {
		t.Errorf("%d pictures, %v, reported %v", n.Pictures, err, reported)
	}
}
