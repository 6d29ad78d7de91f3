package jobqueue

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
)

// leastFiles is the number of files below which a batch is not divided any more.
const leastFiles = 8

// divide leaves a part of the attempt's batch to other workers when not much else is left, so that all of them end at about the same time: it keeps half of an
// equal share of what is left, as in guided self-scheduling (Polychronopoulos and Kuck, 1987). It returns the part that it keeps.
func (a *attempt) divide(ctx context.Context, tx pgx.Tx, row sessionRow, b index.Batch) (index.Batch, error) {
	var workers, waiting int
	err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM ("+runningWorkers+") w WHERE $1 = ANY(w.roots)), (SELECT coalesce(sum(files), 0) FROM batches WHERE session_id = $2 AND claim = '')", row.root, row.id).Scan(&workers, &waiting)
	if err != nil || workers < 2 {
		return b, err
	}
	keep := max(leastFiles, (waiting+b.Len())/(2*workers))
	if keep+leastFiles > b.Len() {
		return b, nil
	}
	kept, rest := b.Split(keep)
	if rest.Len() == 0 {
		return b, nil
	}
	content, err := kept.Encode()
	if err != nil {
		return b, err
	}
	if _, err := tx.Exec(ctx, "UPDATE batches SET files = $2, content = $3 WHERE id = $1", a.batch, kept.Len(), content); err != nil {
		return b, err
	}
	if err := a.addBatch(ctx, tx, row, rest, false); err != nil {
		return b, err
	}
	_, err = tx.Exec(ctx, "UPDATE sessions SET open = open + 1 WHERE id = $1", row.id)
	return kept, err
}
