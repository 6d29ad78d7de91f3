package index

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// A camera that is told to writes a raw file and a JPEG of each exposure, a phone's photos are copied as HEIC and as JPEG. The
// two are one picture: the JPEG's, and the other file stands behind it.

// pairs are a folder's JPEGs with the files that may stand behind them.
type pairs struct {
	behind map[string][]string // by the JPEG's name, in order
	byName map[string]string   // of every member, the JPEG's name
	// frozen are the stems of which a file is away in the cloud: what is known of them still holds.
	frozen map[string]bool
}

// pairs finds the files of a folder that go by their names together: one JPEG, and one or more that may be its twins.
func (c *comparer) pairs(f scan.Folder, failures map[string]store.Failure) (p pairs) {
	if c.req.NoPairs || !slices.ContainsFunc(f.Files, func(f scan.File) bool { return scan.ClaimsTwin(f.Name) }) {
		return p
	}
	p.behind, p.byName, p.frozen = make(map[string][]string), make(map[string]string), make(map[string]bool)
	jpegs, others := make(map[string][]string), make(map[string][]string)
	for _, file := range f.Files {
		one := found{dir: f.Rel, file: file, failure: failures[file.Name]}
		stem := scan.Stem(file.Name)
		if file.Placeholder {
			p.frozen[stem] = true
		}
		if c.failedBefore(one) || c.suspects[one.place(c.root)] {
			continue // it is looked at alone, or not at all
		}
		switch {
		case scan.ClaimsJPEG(file.Name):
			jpegs[stem] = append(jpegs[stem], file.Name)
		case scan.ClaimsTwin(file.Name):
			others[stem] = append(others[stem], file.Name)
		}
	}
	for stem, names := range others {
		if len(jpegs[stem]) != 1 || p.frozen[stem] { // none, or it cannot be told which
			continue
		}
		jpeg := jpegs[stem][0]
		p.behind[jpeg] = names
		for _, name := range append([]string{jpeg}, names...) {
			p.byName[name] = jpeg
		}
	}
	return p
}

// isFrozen tells that what is known of a file's twins still holds.
func (p pairs) isFrozen(name string) bool { return len(p.frozen) > 0 && p.frozen[scan.Stem(name)] }

// considered are the files that a file is compared with as its twins.
func (p pairs) considered(name string) []string {
	jpeg, ok := p.byName[name]
	switch {
	case !ok:
		return nil
	case jpeg == name:
		return p.behind[jpeg]
	}
	return []string{jpeg}
}

// pair compares the members of a pair with what the index has. They are read together, if one of them must be.
func (c *comparer) pair(jpeg string, members []found) error {
	read := false
	for _, f := range members {
		if n := c.look(f); n != unchanged {
			read = true // and not only to know it: the others' files are noted as seen
		}
	}
	if !read {
		c.countUnchanged(len(members))
		return nil
	}
	var t task
	for _, f := range members {
		if f.file.Name == jpeg {
			twins := t.twins
			t = f.task(c.root)
			t.twins = twins
		} else {
			t.twins = append(t.twins, f.task(c.root))
		}
	}
	return c.emit(t)
}

// twin is what was read of a file that may be one.
type twin struct {
	task
	picture store.Picture
	isRaw   bool
}

// readTwins reads what the files behind a JPEG say of themselves. Those that cannot be twins are left to be read alone; of one that
// cannot be read at all, the JPEG has not been a twin.
func (w *reader) readTwins(ctx context.Context, t *task) (twins []twin, alone []task, err error) {
	if len(t.twins) == 0 {
		return nil, nil, nil
	}
	for _, one := range t.twins {
		w.journal.enter(w.slot, one.place, w.alone)
		read, err := w.readTwin(ctx, one)
		if _, ok := errors.AsType[*indexError](err); ok {
			return nil, nil, err
		}
		if err != nil {
			if _, ok := errors.AsType[*ContentError](err); ok {
				t.considered = slices.DeleteFunc(slices.Clone(t.considered), func(name string) bool { return name == one.place.Name })
				one.considered = nil
			}
			alone = append(alone, one) // reading it alone says what is wrong with it
			continue
		}
		twins = append(twins, read)
	}
	w.journal.enter(w.slot, t.place, w.alone)
	return twins, alone, nil
}

var errNoTwin = errors.New("no file that stands behind a JPEG")

func (w *reader) readTwin(ctx context.Context, t task) (read twin, err error) {
	defer w.disks.enter(t.device, w.path(t.place))()
	f, h, err := w.openHeader(&t)
	if err != nil {
		return read, err
	}
	defer f.Close()
	if h.Format == "jpeg" || h.Width <= 0 {
		return read, errNoTwin // whatever its name says
	}
	read.picture, t.meta = w.req.Reader.Meta(h, f)
	if err := w.readSidecar(ctx, &t); err != nil {
		return read, err
	}
	t.format = h.Format
	read.isRaw = scan.ClaimsRaw(t.place.Name)
	read.task = t
	return read, nil
}

// join decides which of the twins are the JPEG's, which is p, and how it is turned. Those that are not are left to be
// read alone.
//
// A raw file that was held upright says how, and the JPEG beside it may have lost that. Where the JPEG's stored sides are those of
// the upright picture already, a program has turned its pixels; of a half turn the sides say nothing, and the JPEG's word counts.
func (w *reader) join(t *task, h Header, data []byte, p store.Picture, twins []twin) (store.Picture, []task) {
	var alone []task
	t.twins = nil
	orientation := 0
	for _, one := range twins {
		if !sameMoment(t.meta.TakenAt, one.meta.TakenAt) {
			alone = append(alone, one.task)
			continue
		}
		t.twins = append(t.twins, one.task)
		if o := one.picture.Orientation; one.isRaw && orientation == 0 && o >= 5 && (h.Width > h.Height) != (one.picture.Width > one.picture.Height) {
			orientation = o
		}
	}
	if orientation != 0 && orientation != p.Orientation {
		p, _ = w.req.Reader.Identify(h, data, orientation)
	}
	// What is said of one is said of the exposure.
	together := t.meta.OwnerMetadata
	for _, one := range t.twins {
		together = fill(together, one.meta.OwnerMetadata)
	}
	t.meta.OwnerMetadata = fill(t.meta.OwnerMetadata, together)
	for i := range t.twins {
		t.twins[i].meta.OwnerMetadata = fill(t.twins[i].meta.OwnerMetadata, together)
	}
	return p, alone
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

// readAlone reads files that were looked at as twins, each for itself.
func (w *reader) readAlone(ctx context.Context, tasks []task) error {
	for _, t := range tasks {
		if err := w.file(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
