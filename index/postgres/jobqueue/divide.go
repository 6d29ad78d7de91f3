package jobqueue

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// leastFiles is the number of files below which a batch is not divided any more.
const leastFiles = 8

// divide leaves a part of the attempt's batch to other workers when not much else is left, so that all of them end at about the same time: it keeps half of an
// equal share of what is left, as in guided self-scheduling (Polychronopoulos and Kuck, 1987). It returns the part that it keeps.
func (a *attempt) divide(ctx context.Context, tx pgx.Tx, row sessionRow, kind string, files int, content []byte) ([]byte, error) {
	root, err := row.rootID()
	if err != nil {
		return nil, err
	}
	var workers, waiting int
	err = tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM ("+livingWorkers+") w WHERE $1 = ANY(w.roots)), (SELECT coalesce(sum(files), 0) FROM batches WHERE session_id = $2 AND claim = '')", root, row.id).Scan(&workers, &waiting)
	if err != nil || workers < 2 {
		return content, err
	}
	keep := max(leastFiles, (waiting+files)/(2*workers))
	if keep+leastFiles > files {
		return content, nil
	}
	kept, rest, err := split(kind, content, keep)
	if err != nil || rest.files == 0 {
		return content, err
	}
	of := readKind(root)
	if kind == "text" {
		of = textKind(root)
	}
	if _, err := a.addBatch(ctx, tx, row, of, kind, rest.files, rest.content); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, "UPDATE batches SET files = $2, content = $3 WHERE id = $1", a.batch, kept.files, kept.content); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, "UPDATE sessions SET open = open + 1 WHERE id = $1", row.id)
	return kept.content, err
}

// share is a part of a batch.
type share struct {
	files   int
	content []byte
}

// split divides the content of a batch after about n files.
func split(kind string, content []byte, n int) (first, rest share, err error) {
	if kind == "text" {
		ids, err := decodeIDs(content)
		if err != nil {
			return first, rest, err
		}
		n = min(n, len(ids))
		if first, err = shareOf(n, ids[:n], encodeIDs); err != nil {
			return first, rest, err
		}
		rest, err = shareOf(len(ids)-n, ids[n:], encodeIDs)
		return first, rest, err
	}
	batch, err := index.DecodeBatch(content)
	if err != nil {
		return first, rest, err
	}
	items := 0
	for files := 0; items < len(batch.Items) && files < n; items++ {
		files += 1 + len(batch.Items[items].Twins)
	}
	a, b := index.Batch{Items: batch.Items[:items]}, index.Batch{Items: batch.Items[items:]}
	if first, err = shareOf(a.Files(), a, index.Batch.Encode); err != nil {
		return first, rest, err
	}
	rest, err = shareOf(b.Files(), b, index.Batch.Encode)
	return first, rest, err
}

func shareOf[T any](files int, of T, encode func(T) ([]byte, error)) (share, error) {
	data, err := encode(of)
	return share{files, data}, err
}

func encodeIDs(ids []store.PictureID) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(ids)
	return b.Bytes(), err
}

func decodeIDs(content []byte) (ids []store.PictureID, err error) {
	if err := gob.NewDecoder(bytes.NewReader(content)).Decode(&ids); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	return ids, nil
}
