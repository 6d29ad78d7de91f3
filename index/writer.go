package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// write is one file's result.
type write struct {
	task task
	// content is the picture, nil for a failure.
	content *sqlite.Content
	// vector is the picture's, packed; nil where the index has it, or gets it from a copy in the same run.
	vector []byte
	// damaged tells that the picture is what there was of a file.
	damaged bool
	// movedFrom is the file that this one was.
	movedFrom *sqlite.File
	failure   *sqlite.Failure
}

// commitEvery is the longest that finished work waits for its commit. Half of the second that a kill may cost, since
// a commit itself takes a while on a slow disk.
const commitEvery = 500 * time.Millisecond

// write commits results until writes is closed: in transactions, each at most commitEvery long.
func (r *run) write(ctx context.Context, writes <-chan write) error {
	w := &writer{run: r, ctx: ctx}
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case op, ok := <-writes:
			if !ok {
				return w.commit()
			}
			if err := w.put(op); err != nil {
				w.rollback()
				return err
			}
			if time.Since(w.begun) >= commitEvery {
				if err := w.commit(); err != nil {
					return err
				}
			}
		case <-tick.C:
			if err := w.commit(); err != nil {
				return err
			}
		}
	}
}

// writer holds the open transaction. It belongs to the write stage's goroutine.
type writer struct {
	*run
	ctx    context.Context
	batch  *sqlite.Batch
	begun  time.Time
	hashes [][32]byte     // of the pictures in the transaction, to release
	counts []func(*tally) // what it will have done once it is committed
	seen   []func()       // events, likewise
	skips  []string       // bystanders, likewise
}

func (w *writer) put(op write) error {
	if w.batch == nil {
		b, err := w.store.Begin(w.ctx)
		if err != nil {
			return err
		}
		w.batch, w.begun = b, time.Now()
	}
	if w.suspects[op.task.place] {
		if err := w.batch.DeleteSuspect(w.ctx, op.task.place); err != nil {
			return err
		}
	}
	w.seen = append(w.seen, w.req.On.Read)
	if op.failure != nil {
		return w.putFailure(op)
	}
	return w.putFile(op)
}

func (w *writer) putFile(op write) error {
	id, err := w.batch.PutContent(w.ctx, *op.content)
	if err != nil {
		return err
	}
	if op.vector != nil {
		if err := w.batch.PutEmbedding(w.ctx, w.req.Model.ID, id, op.vector); err != nil {
			return err
		}
		w.hashes = append(w.hashes, op.content.Hash)
		w.counts = append(w.counts, func(n *tally) { n.embedded++ })
		if op.damaged {
			w.counts = append(w.counts, func(n *tally) { n.damaged++ })
			w.seen = append(w.seen, func() { w.req.On.Damaged(w.path(op.task.place)) })
		}
	}
	t := op.task
	file := sqlite.File{Place: t.place, Stat: t.stat, Device: t.device, ContentID: id}
	if op.movedFrom != nil {
		moved, err := w.batch.MoveFile(w.ctx, *op.movedFrom, file)
		if err != nil {
			return err
		}
		if moved {
			w.counts = append(w.counts, func(n *tally) { n.scanned++; n.moved++ })
			return nil
		}
	}
	if err := w.batch.PutFile(w.ctx, file); err != nil {
		return err
	}
	w.counts = append(w.counts, func(n *tally) {
		n.scanned++
		switch {
		case t.known == nil:
			n.added++
		case sameStat(t.known.Stat, t.stat) && t.known.ContentID == id:
			n.unchanged++ // read only because this model had no vector of it
		default:
			n.updated++
		}
	})
	return nil
}

func (w *writer) putFailure(op write) error {
	if err := w.batch.PutFailure(w.ctx, *op.failure); err != nil {
		return err
	}
	// What the place held before is not there any more; its picture and vector stay for a while.
	if _, err := w.batch.DeleteFile(w.ctx, op.task.place); err != nil {
		return err
	}
	if op.failure.Stage == sqlite.StageSniff {
		w.skips = append(w.skips, op.failure.Reason)
		return nil
	}
	w.counts = append(w.counts, func(n *tally) { n.scanned++; n.failed++ })
	return nil
}

// commit makes the transaction durable and only then counts what it did.
func (w *writer) commit() error {
	if w.batch == nil {
		return nil
	}
	if err := w.batch.Commit(); err != nil {
		w.rollback()
		return err
	}
	w.batch = nil
	for _, hash := range w.hashes {
		w.claims.release(hash)
	}
	w.run.counts.add(func(n *tally) {
		for _, count := range w.counts {
			count(n)
		}
	})
	for _, reason := range w.skips {
		w.run.counts.skip(reason)
	}
	for _, event := range w.seen {
		event()
	}
	w.hashes, w.counts, w.seen, w.skips = w.hashes[:0], w.counts[:0], w.seen[:0], w.skips[:0]
	return nil
}

func (w *writer) rollback() {
	if w.batch != nil {
		w.batch.Rollback()
		w.batch = nil
	}
}
