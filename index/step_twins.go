package index

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// joinTwins decides which of the files that the comparison took for a JPEG's twins are, and how the picture is turned. Those that are
// not are left to be read apart; of one that cannot be read at all, the JPEG has not been a twin.
//
// A raw file that was held upright says how, and the JPEG beside it may have lost that. Where the JPEG's stored sides are those of
// the upright picture already, a program has turned its pixels; of a half turn the sides say nothing, and the JPEG's word counts.
func joinTwins(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	if len(f.task.twins) == 0 {
		return false, nil
	}
	var twins []*reading
	for _, one := range f.task.twins {
		twin := &reading{task: one}
		w.journal.enter(w.slot, one.place, w.alone)
		err := w.follow(ctx, twin, twinWay)
		if _, fatal := errors.AsType[*indexError](err); fatal {
			return false, err
		}
		if err == nil && sameMoment(f.task.meta.TakenAt, twin.task.meta.TakenAt) {
			twins = append(twins, twin)
			continue
		}
		if _, content := errors.AsType[*ContentError](err); content {
			f.task.considered = slices.DeleteFunc(slices.Clone(f.task.considered), func(name string) bool { return name == one.place.Name })
			one.considered = nil
		}
		if err == nil {
			one = twin.task
		}
		f.apart = append(f.apart, one) // reading it apart says what is wrong with it
	}
	w.journal.enter(w.slot, f.task.place, w.alone)
	f.task.twins = nil
	turned := 0
	for _, twin := range twins {
		f.task.twins = append(f.task.twins, twin.task)
		if o := twin.orientation; turned == 0 && o >= 5 && scan.ClaimsRaw(twin.task.place.Name) && f.isLandscape() != twin.isUprightLandscape() {
			turned = o
		}
	}
	if turned != 0 {
		f.orientation = turned
	}
	shareOwnerMetadata(&f.task)
	return false, nil
}

// isLandscape reports whether the picture is as it is stored.
func (f *reading) isLandscape() bool { return f.header.Width > f.header.Height }

// isUprightLandscape reports whether the picture is when it is turned upright.
func (f *reading) isUprightLandscape() bool {
	p := f.source.Picture(f.orientation)
	return p.Width > p.Height
}

var errNoTwin = errors.New("no file that stands behind a JPEG")

// checkTwin refuses what cannot stand behind a JPEG, whatever its name says.
func checkTwin(_ context.Context, _ *worker, f *reading) (bool, error) {
	if f.header.Format == "jpeg" || f.header.Width <= 0 {
		return false, errNoTwin
	}
	f.task.format = f.header.Format
	return false, nil
}

// shareOwnerMetadata gives to all files of an exposure what is said of one.
func shareOwnerMetadata(t *task) {
	together := t.meta.OwnerMetadata
	for _, twin := range t.twins {
		together = fill(together, twin.meta.OwnerMetadata)
	}
	t.meta.OwnerMetadata = fill(t.meta.OwnerMetadata, together)
	for i := range t.twins {
		t.twins[i].meta.OwnerMetadata = fill(t.twins[i].meta.OwnerMetadata, together)
	}
}

// fill is what the owner says in l, and, where that says nothing, in another file. No stars are none given: cameras write that into each file.
func fill(l, from store.OwnerMetadata) store.OwnerMetadata {
	if l.Rating == 0 && from.Rated {
		l.Rating, l.Rated = from.Rating, true
	}
	if len(l.Keywords) == 0 {
		l.Keywords = from.Keywords
	}
	return l
}

// sameMoment tells whether two times can be of one exposure: cameras count seconds, and some round those of the two files
// differently. A file without a time contradicts nothing.
func sameMoment(a, b string) bool {
	const local = "2006-01-02T15:04:05"
	if len(a) < len(local) || len(b) < len(local) {
		return true
	}
	x, err1 := time.Parse(local, a[:len(local)])
	y, err2 := time.Parse(local, b[:len(local)])
	return err1 != nil || err2 != nil || x.Sub(y).Abs() <= 2*time.Second
}
