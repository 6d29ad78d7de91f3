package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// joinTwins decides which of the files that were read with a JPEG are its twins, and how the picture is turned. Those that are not are
// left to be read apart.
//
// A raw file that was held upright says how, and the JPEG beside it may have lost that. Where the JPEG's stored sides are those of
// the upright picture already, a program has turned its pixels; of a half turn the sides say nothing, and the JPEG's word counts.
func joinTwins(_ context.Context, _ *worker, f *reading) (bool, error) {
	asFound := f.task.twins
	f.task.twins = nil
	turned := 0
	for _, twin := range f.twins {
		if !sameMoment(f.task.meta.TakenAt, twin.task.meta.TakenAt) {
			f.apart = append(f.apart, taskAt(asFound, twin.task.place))
			continue
		}
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

// taskAt is the task of a file as the comparison made it.
func taskAt(tasks []task, place store.Place) task {
	for _, t := range tasks {
		if t.place == place {
			return t
		}
	}
	return task{place: place}
}

// isLandscape reports whether the picture is as it is stored.
func (f *reading) isLandscape() bool { return f.header.Width > f.header.Height }

// isUprightLandscape reports whether the picture is when it is turned upright.
func (f *reading) isUprightLandscape() bool {
	p := f.source.Picture(f.orientation)
	return p.Width > p.Height
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
