package jobqueue

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
)

// settle drops what is gone, and finds the texts to read.
func (a *attempt) settle(ctx context.Context) error {
	s, root, unlock, err := a.begin(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	var data []byte
	var settled bool
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.stage != "settle" && row.stage != "settled" || row.walker != a.s.Host() {
			return errLost
		}
		settled = row.stage == "settled"
		return tx.QueryRow(ctx, "UPDATE sessions SET claim = $2 WHERE id = $1 RETURNING found", row.id, a.claim).Scan(&data)
	})
	if err != nil {
		return err
	}
	f, err := index.DecodeFound(data)
	if err != nil {
		return err
	}
	r := &Report{a: a}
	sum := index.Summary{Complete: true}
	if !settled {
		if sum, err = a.o.Handler.Settle(ctx, s, root, f, r, a.stopped); err != nil {
			return err
		}
	}
	if !sum.Complete {
		return a.returnJob(ctx)
	}
	if err := a.o.Handler.Conclude(ctx, s, root, r); err != nil {
		return err
	}
	batches, err := a.o.Handler.Texts(ctx, s, root)
	if err != nil {
		return err
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.claim != a.claim {
			return errLost
		}
		row, err := r.add(ctx, tx, row, sum, 0, 0)
		if err != nil {
			return err
		}
		cancelled, err := a.closeJob(ctx, tx, &row)
		if cancelled || err != nil {
			return err
		}
		if len(batches) == 0 {
			return a.done(ctx, tx, row)
		}
		return a.beginTexts(ctx, tx, row, batches)
	})
}

// beginTexts adds the jobs that read texts.
func (a *attempt) beginTexts(ctx context.Context, tx pgx.Tx, row sessionRow, batches []index.Batch) error {
	pictures := 0
	for _, b := range batches {
		pictures += b.Len()
		if err := a.addBatch(ctx, tx, row, b, false); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, "UPDATE sessions SET stage = 'text', claim = '', found = NULL, open = $2, texts = $3, texts_at = now(), revision = revision + 1, changed_at = now() WHERE id = $1", row.id, len(batches), pictures)
	return err
}
