package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"

	"github.com/imgsearch/imgsearch/index/flat"
)

// errVectorFile means that a vector file has rows that are not those of the index.
var errVectorFile = errors.New("the vector file is damaged")

const (
	// maxCosine bounds the scores of intact rows: vectors and queries are L2-normalised, and half precision changes a length by less than 0.001.
	maxCosine = 1 + maxLengthError
	// maxScoreError is the largest difference between the scores of equal rows in the file and in the index. They are added up in the same order.
	maxScoreError = 1e-4
	// maxTrusted is the number of hits that are compared with the index: as many as people look at, 0.5 ms of work for 100.
	maxTrusted = 1000
)

// inRange returns errVectorFile if a score of the file's rows cannot be a cosine.
func inRange(scores []float32) error {
	for _, x := range scores {
		if (x > maxCosine || x < -maxCosine || math.IsNaN(float64(x))) && x != outside {
			return errVectorFile
		}
	}
	return nil
}

// compareHits compares the best rows that are in the file with the vectors in the index, and returns errVectorFile if they differ. A row
// whose vector is no longer in the index is not compared.
func (s *Store) compareHits(ctx context.Context, snap *snapshot, query, scores []float32, best []int) error {
	if snap.file == nil {
		return nil
	}
	inFile := make(map[int64]float32) // score by row
	var pictures []int64
	for _, i := range best {
		if i >= snap.file.Len() || len(pictures) == maxTrusted {
			continue
		}
		row, err := snap.file.ID(i)
		if err != nil {
			return err
		}
		inFile[row] = scores[i]
		pictures = append(pictures, pictureOf(row))
	}
	stored := flat.NewSet(snap.dim)
	err := inChunks(pictures, func(chunk []int64) error {
		args := append([]any{snap.model}, numbers(chunk)...)
		_, err := collect(ctx, s.read, "SELECT picture_id, moment, vector FROM embeddings WHERE model_id = ? AND picture_id IN "+marks(len(chunk)), func(scan scanFunc) (struct{}, error) {
			var id int64
			var moment int
			var vector sql.RawBytes
			if err := scan(&id, &moment, &vector); err != nil {
				return struct{}{}, err
			}
			if _, ok := inFile[rowOf(id, moment)]; !ok {
				return struct{}{}, nil
			}
			if len(vector) != 2*snap.dim {
				return struct{}{}, errVectorFile // one of the two is damaged
			}
			return struct{}{}, stored.Add(rowOf(id, moment), vector)
		}, args...)
		return explain(err)
	})
	if err != nil {
		return err
	}
	again := make([]float32, stored.Len())
	if err := stored.Scan(query, again, nil, outside); err != nil {
		return err
	}
	differs := false
	err = stored.IDs(func(i int, row int64) {
		differs = differs || math.Abs(float64(again[i]-inFile[row])) > maxScoreError
	})
	if err == nil && differs {
		err = errVectorFile
	}
	return err
}

// dropVectorFile stops using a model's vector file and removes it; the next run of the indexer rebuilds it. Until then, vectors are read
// from the database.
func (s *Store) dropVectorFile(identity string) error {
	c := &s.vectors
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == nil {
		c.dropped = make(map[string]bool)
	}
	c.dropped[identity] = true
	if old := c.snapshots[identity]; old != nil {
		delete(c.snapshots, identity)
		if err := old.replace(); err != nil {
			return err
		}
	}
	os.Remove(s.flatPath(identity)) // if it may be changed
	return nil
}
