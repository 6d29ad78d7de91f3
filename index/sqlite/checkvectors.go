package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"hash/maphash"
	"math"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// maxLengthError is the largest difference between the length of an intact vector and 1: half precision changes a length by less than 0.001.
const maxLengthError = 0.002

// isFit reports whether a stored vector can be one: dim half-precision numbers of length 1. Most damaged vectors are not.
func isFit(vector []byte, dim int) bool {
	if len(vector) != 2*dim {
		return false
	}
	return math.Abs(vec.PackedLength(vector)-1) <= maxLengthError // false for NaN
}

// dropUnfit removes the scores of the newest rows that are among the best limit ones and whose vectors cannot be right: most flips of a high
// bit make a vector longer, and so its score higher. Rows in the file are compared with the index instead. It reports whether there were any.
func (n *snapshot) dropUnfit(scores []float32, limit int) (found bool, err error) {
	inFile := 0
	if n.file != nil {
		inFile = n.file.Len()
	}
	if inFile == len(scores) {
		return false, nil
	}
	for again := true; again; {
		again = false
		for _, i := range topK(scores, limit) {
			if i < inFile {
				continue
			}
			vector, err := n.newest.Vector(i - inFile)
			if err != nil {
				return found, err
			}
			if !isFit(vector, n.dim) {
				scores[i], again, found = outside, true, true
			}
		}
	}
	return found, nil
}

// CheckVectors examines all vectors in the index, and the vector files. A vector is damaged if its length is not 1, or if it differs from
// that in a vector file whose checksum is right.
func (s *Store) CheckVectors(ctx context.Context) (store.VectorDamage, error) {
	var d store.VectorDamage
	all, err := s.Models(ctx)
	if err != nil {
		return d, err
	}
	for _, m := range all {
		seqs, file, err := s.damagedVectors(ctx, m.Identity)
		if err != nil {
			return d, err
		}
		d.Vectors += len(seqs)
		if errors.Is(file, flat.ErrDamaged) {
			d.Copies = append(d.Copies, m)
		}
	}
	return d, nil
}

// damagedVectors returns the sequence numbers of a model's damaged vectors, and what is wrong with its vector file. If the index cannot be read
// to the end, it returns what was found up to there.
func (s *Store) damagedVectors(ctx context.Context, identity string) (seqs []int64, file, err error) {
	var id int64
	var dim int
	if err := s.read.QueryRowContext(ctx, "SELECT id, dim FROM models WHERE identity = ?", identity).Scan(&id, &dim); err != nil {
		return nil, nil, explain(err)
	}
	copied, stamp, file := s.intactRows(ctx, id, dim, identity)
	rows, err := s.read.QueryContext(ctx, "SELECT seq, picture_id, moment, vector FROM embeddings NOT INDEXED WHERE model_id = ?", id)
	if err != nil {
		return nil, file, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var seq, picture int64
		var moment int
		var vector sql.RawBytes
		if err := rows.Scan(&seq, &picture, &moment, &vector); err != nil {
			return seqs, file, explain(err)
		}
		want, known := copied[rowOf(picture, moment)]
		if !isFit(vector, dim) || known && seq <= stamp.Seq && maphash.Bytes(hashSeed, vector) != want {
			seqs = append(seqs, seq)
		}
	}
	return seqs, file, explain(rows.Err())
}

var hashSeed = maphash.MakeSeed()

// intactRows returns the hashes of the vectors in a model's vector file, by row; none if the file is not what was written, which err
// explains.
func (s *Store) intactRows(ctx context.Context, model int64, dim int, identity string) (rows map[int64]uint64, stamp flat.Stamp, err error) {
	stamp, ok, err := s.flatFile(ctx, model)
	if err != nil || !ok || s.onNetwork() {
		return nil, stamp, err
	}
	f, err := flat.Open(s.flatPath(identity), dim, stamp)
	if err != nil {
		return nil, stamp, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err = f.Verify(); err == nil {
		rows = make(map[int64]uint64, f.Len())
		err = f.Vectors(func(row int64, vector []byte) { rows[row] = maphash.Bytes(hashSeed, vector) })
	}
	return rows, stamp, err
}

// hasIntactFile reports whether a model has a vector file that is what was written.
func (s *Store) hasIntactFile(ctx context.Context, identity string) bool {
	snap, err := s.acquire(ctx, identity)
	if err != nil || snap == nil {
		return false
	}
	defer snap.release()
	return snap.file != nil && snap.file.Verify() == nil
}
