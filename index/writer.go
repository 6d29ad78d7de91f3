package index

import (
	"cmp"
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// write is one file's result.
type write struct {
	task task
	// picture is what was read, nil for a failure.
	picture *store.Picture
	// vector is the picture's packed vector; nil if the index has it, or gets it from a copy in the same run.
	vector []byte
	// preview is a small JPEG of the picture; nil if previews are not kept or the index has it.
	preview []byte
	// claimed means that a worker's claim on the picture ends with the commit.
	claimed bool
	// damaged means that the picture was made from a partly unreadable file.
	damaged bool
	failure *store.Failure
	// text is the text of a picture; the other fields are then empty.
	text *pictureText
}

// commitEvery is the longest time that finished work waits for its commit: half of the second of work that a kill may cost, since
// a commit itself takes a while on a slow disk.
const commitEvery = 500 * time.Millisecond

// write commits results until writes is closed: in transactions, each at most commitEvery long.
func (r *run) write(ctx context.Context, writes <-chan write) error {
	w := &writer{run: r}
	tick := time.NewTicker(commitEvery)
	defer tick.Stop()
	for {
		select {
		case op, ok := <-writes:
			if !ok {
				return w.commit(ctx)
			}
			if err := w.put(ctx, op); err != nil {
				w.rollback()
				return err
			}
			if time.Since(w.begun) >= commitEvery {
				if err := w.commit(ctx); err != nil {
					return err
				}
			}
		case <-tick.C:
			if err := w.commit(ctx); err != nil {
				return err
			}
		}
	}
}

// writer holds the open transaction. It belongs to the write stage's goroutine.
type writer struct {
	*run

	tx      store.Tx
	begun   time.Time
	claimed []store.PictureID              // claims of the transaction, released after the commit
	counts  []func(*Summary)               // applied after the commit
	seen    []func()                       // events, likewise
	skips   []string                       // bystanders, likewise
	done    []store.Place                  // the files of the transaction
	texts   map[store.PictureID]store.Text // of pictures that are not in the index yet
}

func (w *writer) put(ctx context.Context, op write) error {
	if w.tx == nil {
		tx, err := w.store.Begin(ctx)
		if err != nil {
			return err
		}
		w.tx, w.begun = tx, time.Now()
	}
	if op.text != nil {
		return w.putText(ctx, *op.text)
	}
	if op.task.preview == nil && w.suspects[op.task.place] {
		if err := w.tx.DeleteSuspect(ctx, op.task.place); err != nil {
			return err
		}
	}
	w.seen = append(w.seen, w.req.On.Read)
	if op.task.preview == nil {
		w.done = append(w.done, op.task.place)
	}
	switch {
	case op.failure != nil:
		return w.putFailure(ctx, op)
	case op.task.refresh:
		return w.putRefresh(ctx, op)
	case op.task.preview != nil:
		w.counts = append(w.counts, func(n *Summary) { n.Embedded++ })
		return w.tx.PutVector(ctx, w.req.Model.Identity, store.Vector{Picture: *op.task.preview, Data: op.vector})
	}
	return w.putPicture(ctx, op)
}

// putRefresh records a known file's current metadata.
func (w *writer) putRefresh(ctx context.Context, op write) error {
	t := op.task
	file := w.file(t)
	file.IsTwin = t.known.IsTwin
	var meta *store.Metadata // nil: a file whose header this version does not accept keeps its metadata
	if op.picture != nil {
		meta = &t.meta
	}
	changed := !sameSaying(t)
	w.counts = append(w.counts, func(n *Summary) {
		n.Scanned++
		if changed {
			n.Updated++
		} else {
			n.Unchanged++ // read again because this version of imgsearch reads more metadata
		}
	})
	return w.tx.RefreshFile(ctx, file, meta)
}

// sameSaying reports whether the files that say something about a known file are those that were read.
func sameSaying(t task) bool {
	return sameSidecar(t.known.Sidecar, t.sidecar) && sameSidecar(t.known.Export, t.export.Sidecar)
}

// file returns a task's file as a later run will compare it.
func (w *writer) file(t task) store.File {
	return store.File{
		Place: t.place, Stat: t.stat, Device: t.device, MetaVersion: w.req.Reader.MetaVersion(), Sidecar: t.sidecar, Export: t.export.Sidecar, Twins: t.considered, IsTwin: t.format != "",
	}
}

// record returns a task's file as the index stores it.
func (w *writer) record(t task, p store.Picture) store.FileRecord {
	return store.FileRecord{File: w.file(t), Picture: p.ID, Format: cmp.Or(t.format, p.Format), Metadata: t.meta}
}

func (w *writer) putPicture(ctx context.Context, op write) error {
	p := *op.picture
	if err := w.tx.PutPicture(ctx, p); err != nil {
		return err
	}
	if op.vector != nil {
		if err := w.tx.PutVector(ctx, w.req.Model.Identity, store.Vector{Picture: p.ID, Data: op.vector}); err != nil {
			return err
		}
		w.counts = append(w.counts, func(n *Summary) { n.Embedded++ })
		if op.damaged {
			w.counts = append(w.counts, func(n *Summary) { n.Damaged++ })
			w.seen = append(w.seen, func() { w.req.On.Damaged(w.path(op.task.place)) })
		}
	}
	if text, ok := w.texts[p.ID]; ok {
		delete(w.texts, p.ID)
		if err := w.putText(ctx, pictureText{p.ID, text}); err != nil {
			return err
		}
	}
	if op.claimed {
		w.claimed = append(w.claimed, op.picture.ID)
	}
	if op.preview != nil {
		if err := w.tx.PutPreview(ctx, p.ID, op.preview); err != nil {
			return err
		}
	}
	if err := w.putFile(ctx, op.task, p); err != nil {
		return err
	}
	for _, twin := range op.task.twins {
		w.seen = append(w.seen, w.req.On.Read)
		w.done = append(w.done, twin.place)
		if err := w.putFile(ctx, twin, p); err != nil {
			return err
		}
	}
	return nil
}

// putText stores a picture's text. A picture that is still on its way through the tower gets it when it arrives.
func (w *writer) putText(ctx context.Context, t pictureText) error {
	ok, err := w.tx.PutText(ctx, t.picture, t.text)
	if err != nil {
		return err
	}
	if !ok {
		if w.texts == nil {
			w.texts = make(map[store.PictureID]store.Text)
		}
		w.texts[t.picture] = t.text
		return nil
	}
	w.counts = append(w.counts, func(n *Summary) {
		n.TextsRead++
		if len(t.text.Lines) > 0 {
			n.WithText++
		}
	})
	return nil
}

// putFile records a file of a picture.
func (w *writer) putFile(ctx context.Context, t task, p store.Picture) error {
	file := w.record(t, p)
	if t.movedFrom != nil {
		moved, err := w.tx.MoveFile(ctx, *t.movedFrom, file)
		if err != nil {
			return err
		}
		if moved {
			w.counts = append(w.counts, func(n *Summary) { n.Scanned++; n.Moved++ })
			return nil
		}
	}
	samePicture, err := w.tx.PutFile(ctx, file)
	if err != nil {
		return err
	}
	w.counts = append(w.counts, func(n *Summary) {
		n.Scanned++
		switch {
		case t.known == nil:
			n.Added++
		case t.known.Same(t.stat) && samePicture && sameSaying(t):
			n.Unchanged++ // read because this model had no vector of it, or because its twin was read
		default:
			n.Updated++
		}
	})
	return nil
}

func (w *writer) putFailure(ctx context.Context, op write) error {
	if err := w.tx.PutFailure(ctx, *op.failure); err != nil {
		return err
	}
	// The file that was at this place no longer exists; its picture and vector stay for a while.
	if _, err := w.tx.DeleteFiles(ctx, []store.Place{op.task.place}); err != nil {
		return err
	}
	if op.failure.Stage == store.StageSniff {
		w.skips = append(w.skips, op.failure.Reason)
		return nil
	}
	w.counts = append(w.counts, func(n *Summary) { n.Scanned++; n.Failed++ })
	return nil
}

// commit makes the transaction durable and only then counts what it did.
func (w *writer) commit(ctx context.Context) error {
	if w.tx == nil {
		return nil
	}
	if w.req.Committing != nil {
		if err := w.req.Committing(ctx, w.tx, Commit{Added: w.added(), Done: w.done}); err != nil {
			w.rollback()
			return err
		}
	}
	if err := w.tx.Commit(ctx); err != nil {
		w.rollback()
		return err
	}
	w.tx = nil
	for _, id := range w.claimed {
		w.claims.release(id)
	}
	w.run.counts.add(func(n *Summary) {
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
	w.claimed, w.counts, w.seen, w.skips, w.done = w.claimed[:0], w.counts[:0], w.seen[:0], w.skips[:0], w.done[:0]
	return nil
}

// added returns what the transaction adds to the counts.
func (w *writer) added() Counts {
	sum := Summary{Counts: Counts{Skipped: make(map[string]int)}}
	for _, count := range w.counts {
		count(&sum)
	}
	for _, reason := range w.skips {
		sum.Skipped[reason]++
	}
	return sum.Counts
}

func (w *writer) rollback() {
	if w.tx != nil {
		w.tx.Rollback()
		w.tx = nil
	}
}
