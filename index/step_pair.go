package index

import (
	"cmp"
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// joinTwins decides which of the files that were read with a JPEG are its twins, and how the picture is turned. The others are
// read separately.
//
// The raw file of a portrait photo says how to turn it, which its JPEG may have lost. If the JPEG's stored sides already are those of
// the upright picture, a program has turned its pixels. A half turn does not change the sides, so there the JPEG's orientation counts.
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

// taskAt returns the task of a file as the comparison made it.
func taskAt(tasks []task, place store.Place) task {
	for _, t := range tasks {
		if t.place == place {
			return t
		}
	}
	return task{place: place}
}

// isLandscape reports whether the picture is wider than high as stored.
func (f *reading) isLandscape() bool { return f.header.Width > f.header.Height }

// isUprightLandscape reports whether the picture is wider than high when it is turned upright.
func (f *reading) isUprightLandscape() bool {
	p := f.source.Picture(f.orientation)
	return p.Width > p.Height
}

// shareOwnerMetadata gives all files of an exposure the owner metadata of each one.
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

// fill returns l with its gaps filled from another file's owner metadata. Zero stars mean that none were given: cameras write them into each file.
func fill(l, from store.OwnerMetadata) store.OwnerMetadata {
	if l.Rating == 0 && from.Rated {
		l.Rating, l.Rated = from.Rating, true
	}
	if len(l.Keywords) == 0 {
		l.Keywords = from.Keywords
	}
	if len(l.People) == 0 {
		l.People, l.Boxes = from.People, from.Boxes
	}
	l.Description = cmp.Or(l.Description, from.Description)
	return l
}

// sameMoment reports whether two times can be of one exposure. Cameras record whole seconds, and some round them differently in the two
// files. A missing time matches any.
func sameMoment(a, b string) bool {
	const local = "2006-01-02T15:04:05"
	if len(a) < len(local) || len(b) < len(local) {
		return true
	}
	x, err1 := time.Parse(local, a[:len(local)])
	y, err2 := time.Parse(local, b[:len(local)])
	return err1 != nil || err2 != nil || x.Sub(y).Abs() <= 2*time.Second
}
