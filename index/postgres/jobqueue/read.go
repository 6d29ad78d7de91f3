package jobqueue

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// read reads a batch of files, or the texts of pictures.
func (a *attempt) read(ctx context.Context) error {
	s, root, unlock, err := a.begin(ctx, true)
	if err != nil {
		return err
	}
	defer unlock()
	select {
	case a.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-a.reading }()
	batch, done, foundHere, err := a.claimBatch(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	r := &Report{a: a, numbers: make(map[store.Place]int)}
	var sum index.Summary
	var unseen index.Batch
	if len(batch.Pictures) > 0 {
		sum, err = a.o.Handler.ReadTexts(ctx, s, root, batch, r, a.stopped)
	} else {
		for n, place := range batch.Places(root.ID) {
			r.numbers[place] = n
		}
		sum, unseen, err = a.o.Handler.Read(ctx, s, root, batch.Without(done), foundHere, r, a.stopped)
	}
	if err != nil {
		return err
	}
	if !sum.Complete {
		return a.returnJob(ctx)
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		var files, counted int
		err := tx.QueryRow(ctx, "DELETE FROM batches WHERE id = $1 AND claim = $2 RETURNING files, cardinality(done)", a.batch, a.claim).Scan(&files, &counted)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLost
		}
		if err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		if len(batch.Pictures) > 0 {
			files, counted, seconds = 0, 0, 0
		}
		if len(unseen.Items) > 0 { // the machine that has found them reads them
			if err := a.addBatch(ctx, tx, row, unseen, true); err != nil {
				return err
			}
			files -= unseen.Len()
			row.open++
		}
		if row, err = r.add(ctx, tx, row, sum, files-counted, seconds); err != nil {
			return err
		}
		cancelled, err := a.closeJob(ctx, tx, &row)
		if cancelled || err != nil {
			return err
		}
		return a.next(ctx, tx, row)
	})
}

// claimBatch takes the attempt's batch, of which it may leave a part to other workers. done are the numbers of its files that an earlier attempt has committed;
// foundHere reports whether this machine has walked.
func (a *attempt) claimBatch(ctx context.Context) (b index.Batch, done map[int]bool, foundHere bool, err error) {
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		foundHere = row.walker == a.s.Host()
		var content []byte
		var numbers []int
		var own bool
		err := tx.QueryRow(ctx, "UPDATE batches SET claim = $2 WHERE id = $1 RETURNING content, done, own", a.batch, a.claim).Scan(&content, &numbers, &own)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLost
		}
		if err == nil {
			b, err = index.DecodeBatch(content)
		}
		if err != nil {
			return err
		}
		done = make(map[int]bool)
		for _, n := range numbers {
			done[n] = true
		}
		if len(done) == 0 && !own && !row.cancelling {
			b, err = a.divide(ctx, tx, row, b)
		}
		return err
	})
	return b, done, foundHere, err
}
