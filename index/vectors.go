package index

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// flatPath is where a model's vectors lie beside an index NAME.db: in NAME.vectors.
func flatPath(store *sqlite.Store, m sqlite.Model) string {
	return filepath.Join(strings.TrimSuffix(store.Path(), ".db")+".vectors", m.Identity[:min(len(m.Identity), 32)]+".f16")
}

// RemoveVectorFile removes a model's file, when its vectors leave the index.
func RemoveVectorFile(store *sqlite.Store, m sqlite.Model) error {
	path := flatPath(store, m)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(path)) // if it is empty now
	return nil
}

// RebuildVectorFile makes a model's file anew from the index. The caller holds the index's lock.
func RebuildVectorFile(ctx context.Context, store *sqlite.Store, m sqlite.Model) error {
	if err := RemoveVectorFile(store, m); err != nil {
		return err
	}
	var failed error
	r := run{store: store, req: Request{Model: m, On: Events{Warned: func(text string) { failed = errors.New(text) }}.withDefaults()}}
	return errors.Join(r.syncVectors(ctx), failed)
}

// maxDead is the share of a file's rows whose vectors are not in the index any more from which it is made anew.
const maxDead = 0.1

// syncVectors adds to the model's file what the index has got since. It only saves time: what keeps it from being written is
// reported, and searches read the index instead.
func (r *run) syncVectors(ctx context.Context) error {
	if r.store.OnNetwork() {
		return nil // not mapped there
	}
	last, err := r.store.LastVector(ctx)
	if err != nil {
		return err
	}
	noted, ok, err := r.store.FlatFile(ctx, r.req.Model.ID)
	if err != nil || last == 0 {
		return err
	}
	have := flat.Stamp(noted)
	dead, err := r.deadRows(ctx, have.Rows)
	if err != nil {
		return err
	}
	usable := ok && have.Seq <= last && !dead
	w, after, err := openVectors(flatPath(r.store, r.req.Model), r.req.Model.Dim, have, usable, last)
	if err != nil {
		r.cannotSync(err)
		return nil
	}
	if w == nil {
		return nil
	}
	var full error
	err = r.store.VectorsAfter(ctx, r.req.Model.ID, after, func(number, id int64, vector []byte) error {
		after = number
		full = w.Add(id, vector)
		return full
	})
	if err != nil {
		w.Abort()
		if full == nil {
			return err
		}
		r.cannotSync(full)
		return nil
	}
	stamp, err := w.Commit(rand.Uint64(), max(after, last)) // what came after the last of this model is others'
	if err != nil {
		r.cannotSync(err)
		return nil
	}
	return r.store.NoteFlatFile(ctx, r.req.Model.ID, sqlite.FlatFile(stamp))
}

// deadRows tells whether too many of the file's rows are of vectors that the index has not any more.
func (r *run) deadRows(ctx context.Context, rows int64) (bool, error) {
	withFile, _, err := r.store.Coverage(ctx, r.req.Model.ID)
	if err != nil || float64(rows-int64(withFile)) <= maxDead*float64(rows) {
		return false, err
	}
	n, err := r.store.VectorCount(ctx, r.req.Model.ID) // those without a file are kept for a while
	return float64(rows-n) > maxDead*float64(rows), err
}

// openVectors opens a file to add the vectors that came after a number: the one that there is, or a new one. A nil writer:
// nothing is to be added.
func openVectors(path string, dim int, have flat.Stamp, usable bool, last int64) (w *flat.Writer, after int64, err error) {
	if usable && have.Seq == last {
		f, err := flat.Open(path, dim, have)
		if err == nil {
			return nil, 0, f.Close()
		}
		usable = false
	}
	if usable {
		if w, err = flat.Append(path, dim, have); !errors.Is(err, flat.ErrStale) {
			return w, have.Seq, err
		}
	}
	w, err = flat.Create(path, dim)
	return w, 0, err
}

func (r *run) cannotSync(err error) {
	r.req.On.Warned(fmt.Sprintf("the vectors beside the index could not be written, searches will be slower: %v", err))
}
