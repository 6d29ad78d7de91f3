package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// dateFiles gives a file, and its twins, a date that no camera wrote: that in its name, or its time if the request says so.
func dateFiles(_ context.Context, w *worker, f *reading) (bool, error) {
	if !f.unread {
		w.date(&f.task)
	}
	for i := range f.task.twins {
		w.date(&f.task.twins[i])
	}
	return false, nil
}

func (w *worker) date(t *task) {
	m := &t.meta
	if m.TakenAt == "" || m.TakenSource == store.DateModified {
		if date := dateInName(t.place.Name, time.Now()); date != "" {
			m.TakenAt, m.TakenSource = date, store.DateFileName
		}
	}
	if m.TakenAt == "" && w.req.UseMTime {
		m.TakenAt, m.TakenSource = time.Unix(0, t.stat.MTimeNS).Format("2006-01-02T15:04:05"), store.DateFileTime
	}
}
