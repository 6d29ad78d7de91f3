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
	// preview is a small JPEG of the picture, nil where none is to be kept or the index has it.
	preview []byte
	// claimed tells that a worker's claim on the picture ends with the commit.
	claimed bool
	// damaged tells that the picture is what there was of a file.
	damaged bool
	failure *sqlite.Failure
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
	if op.task.preview == 0 && w.suspects[op.task.place] {
		if err := w.batch.DeleteSuspect(w.ctx, op.task.place); err != nil {
			return err
		}
	}
	w.seen = append(w.seen, w.req.On.Read)
	switch {
	case op.failure != nil:
		return w.putFailure(op)
	case op.task.refresh:
		return w.putRefresh(op)
	case op.task.preview != 0:
		w.counts = append(w.counts, func(n *tally) { n.embedded++ })
		return w.batch.PutEmbedding(w.ctx, w.req.Model.ID, op.task.preview, op.vector)
	}
	return w.putPicture(op)
}

// putRefresh notes what a known file says of itself now.
func (w *writer) putRefresh(op write) error {
	t := op.task
	if op.content != nil && t.known.TwinFormat == "" { // a twin's content is its JPEG's
		if err := w.batch.RefreshContent(w.ctx, t.known.ContentID, *op.content); err != nil {
			return err
		}
	}
	file := w.row(t, t.known.ContentID)
	file.TwinFormat = t.known.TwinFormat
	changed := !sameSidecar(t.known.Sidecar, t.sidecar)
	w.counts = append(w.counts, func(n *tally) {
		n.scanned++
		if changed {
			n.updated++
		} else {
			n.unchanged++ // this version of imgsearch reads more of it
		}
	})
	return w.batch.RefreshFile(w.ctx, file)
}

// row is a file as the index keeps it.
func (w *writer) row(t task, contentID int64) sqlite.File {
	return sqlite.File{
		Place: t.place, Stat: t.stat, Device: t.device, ContentID: contentID, Labels: t.labels, Meta: w.req.Reader.MetaVersion(),
		Sidecar: t.sidecar, Twins: t.considered, TwinFormat: t.format,
	}
}

func (w *writer) putPicture(op write) error {
	id, err := w.batch.PutContent(w.ctx, *op.content)
	if err != nil {
		return err
	}
	if op.vector != nil {
		if err := w.batch.PutEmbedding(w.ctx, w.req.Model.ID, id, op.vector); err != nil {
			return err
		}
		w.counts = append(w.counts, func(n *tally) { n.embedded++ })
		if op.damaged {
			w.counts = append(w.counts, func(n *tally) { n.damaged++ })
			w.seen = append(w.seen, func() { w.req.On.Damaged(w.path(op.task.place)) })
		}
	}
	if op.claimed {
		w.hashes = append(w.hashes, op.content.Hash)
	}
	if op.preview != nil {
		if err := w.batch.PutPreview(w.ctx, id, op.preview); err != nil {
			return err
		}
	}
	if err := w.putFile(op.task, id); err != nil {
		return err
	}
	for _, twin := range op.task.twins {
		w.seen = append(w.seen, w.req.On.Read)
		if err := w.putFile(twin, id); err != nil {
			return err
		}
	}
	return nil
}

// putFile records a file of a picture.
func (w *writer) putFile(t task, id int64) error {
	file := w.row(t, id)
	if t.movedFrom != nil {
		moved, err := w.batch.MoveFile(w.ctx, *t.movedFrom, file)
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
		case sameStat(t.known.Stat, t.stat) && t.known.ContentID == id && sameSidecar(t.known.Sidecar, t.sidecar):
			n.unchanged++ // read because this model had no vector of it, or for its twin's sake
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
