package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/scan"
)

// A run can be divided between machines: one walks (Find), any number of them read what it has found (Read), and the one that has walked settles what is gone
// (Settle). Each part may be repeated: what is in the index is not read again.

// Part is a folder of a root, with everything below it.
type Part struct {
	Root  store.Root
	Start string
}

func (p Part) target() target { return target{root: p.Root, start: p.Start} }

// Prepare returns the parts that paths name, none of which may be a file; no paths name all roots of this machine. It adds and joins roots as a run does.
func Prepare(ctx context.Context, s store.Store, req Request) ([]Part, error) {
	plan, err := makePlan(ctx, s, req.Paths)
	if err != nil {
		return nil, err
	}
	if len(plan.changes) > 0 {
		if known := plan.known(); req.LockRoots != nil && len(known) > 0 {
			lock, err := req.LockRoots(ctx, known)
			if err != nil {
				return nil, err
			}
			defer lock.Unlock() //nolint:errcheck // nothing is locked any more
		}
		if err := plan.makeRoots(ctx, s); err != nil {
			return nil, err
		}
	}
	parts := make([]Part, len(plan.targets))
	for i, t := range plan.targets {
		parts[i] = Part{t.root, t.start}
	}
	return parts, nil
}

// Division receives what a walk finds.
type Division struct {
	// Size returns how many files a batch may have now.
	Size func() int
	// Emit is called for each batch.
	Emit func(context.Context, Batch) error
}

// emitAfter is how long a batch waits until it is full.
const emitAfter = 2 * time.Second

// Find walks a part and compares it with the index. complete is false if it was stopped. Of req, it does not use what concerns reading.
func Find(ctx context.Context, s store.Store, req Request, p Part, d Division, stop <-chan struct{}) (f Found, complete bool, err error) {
	r := newDivided(ctx, s, req, p.Root, stop)
	defer r.stop.end()
	tasks := make(chan task, 1024)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(tasks)
		_, err := r.walk(gctx, []target{p.target()}, tasks)
		return err
	})
	g.Go(func() error { return divide(gctx, tasks, d) })
	if err := g.Wait(); err != nil {
		return f, false, err
	}
	f.Counts = r.counts.get().Counts
	for _, g := range r.gone {
		f.Gone = append(f.Gone, missingOf(g))
	}
	return f, !r.stopped(), nil
}

// newDivided returns the run of a part of the work. The caller ends its stopper.
func newDivided(ctx context.Context, s store.Store, req Request, root store.Root, stop <-chan struct{}) *run {
	req.On = req.On.withDefaults()
	if req.MaxBytes == 0 {
		req.MaxBytes = decodeBudget
	}
	r := newRun(s, req, []store.Root{root})
	r.stop = newStopper(ctx, stop, 0)
	return r
}

// divide makes batches of tasks.
func divide(ctx context.Context, tasks <-chan task, d Division) error {
	var batch Batch
	var patience <-chan time.Time
	emit := func() error {
		err := d.Emit(ctx, batch)
		batch, patience = Batch{}, nil
		return err
	}
	for {
		select {
		case t, ok := <-tasks:
			if !ok {
				if len(batch.Items) == 0 {
					return nil
				}
				return emit()
			}
			if len(batch.Items) > 0 && batch.Len()+1+len(t.twins) > d.Size() {
				if err := emit(); err != nil {
					return err
				}
			}
			if patience == nil {
				patience = time.After(emitAfter)
			}
			if batch.Items = append(batch.Items, itemOf(t)); batch.Len() >= d.Size() {
				if err := emit(); err != nil {
					return err
				}
			}
		case <-patience:
			if err := emit(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Read reads the files of a batch that the index does not have as they are. If another machine has found them, those that are not on this one are returned as
// unseen, for that machine: a disk may be connected there only.
func Read(ctx context.Context, s store.Store, req Request, root store.Root, b Batch, foundHere bool, stop <-chan struct{}) (sum Summary, unseen Batch, err error) {
	begin := time.Now()
	r := newDivided(ctx, s, req, root, stop)
	defer r.stop.end()
	if !foundHere {
		r.unseen = &unseenFiles{places: make(map[store.Place]bool)}
	}
	err = r.readBatch(ctx, b)
	if r.unseen != nil {
		for _, item := range b.Items {
			if r.unseen.places[item.place(root.ID)] {
				unseen.Items = append(unseen.Items, item)
			}
		}
	}
	return r.summary(begin), unseen, err
}

// unseenFiles are files of a batch that are not on this machine.
type unseenFiles struct {
	mu     sync.Mutex
	places map[store.Place]bool
}

// add adds a file; it does nothing if u is nil, since then this machine has found the files itself.
func (u *unseenFiles) add(at store.Place) bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.places[at] = true
	return true
}

func (r *run) readBatch(ctx context.Context, b Batch) (err error) {
	if r.journal, _, err = openJournal(r.req.Journal); err != nil {
		return err
	}
	defer r.journal.release()
	if r.suspects, err = r.store.Suspects(ctx); err != nil {
		return err
	}
	var suspects []task
	err = r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error {
		var err error
		suspects, err = r.compareItems(ctx, b.Items, out)
		if errors.Is(err, errStopped) {
			err = nil
		}
		return err
	})
	if err == nil && len(suspects) > 0 && !r.stopped() {
		err = r.stream(ctx, 1, true, func(ctx context.Context, out chan<- task) error { return r.feed(ctx, suspects, out) })
	}
	if err != nil {
		return err
	}
	r.complete = !r.stopped()
	if err := r.journal.close(); err != nil {
		return fmt.Errorf("close journal: %w", err)
	}
	return nil
}

// compareItems compares the files of a batch with the index, and sends those that must be read.
func (r *run) compareItems(ctx context.Context, items []Item, out chan<- task) (suspects []task, err error) {
	var root store.Root
	for _, root = range r.roots {
		break // there is only one
	}
	c := &comparer{run: r, out: out, root: root, gone: newRootGone(target{root: root})}
	known, err := r.store.Known(ctx, r.req.Model.Identity, Batch{Items: items}.Places(root.ID))
	if err != nil {
		return nil, err
	}
	folders := make(map[string]*folderHere)
	for _, item := range items {
		at := folders[item.Dir]
		if at == nil {
			at = lookAt(store.Folder{Dir: item.Dir}.Path(root.Path))
			folders[item.Dir] = at
		}
		if at.err != nil {
			if !r.unseen.add(item.place(root.ID)) && !at.told { // the next walk finds it again
				at.told = true
				r.counts.add(func(n *Summary) { n.Unreachable++ })
				r.req.On.Noticed(FolderUnreadable{store.Folder{Dir: item.Dir}.Path(root.Path), fserr.Cause(at.err)})
			}
			continue
		}
		members := []found{foundOf(item, at.device, known[item.place(root.ID)])}
		for _, twin := range item.Twins {
			members = append(members, foundOf(twin, at.device, known[twin.place(root.ID)]))
		}
		if len(members) == 1 {
			err = c.single(ctx, members[0])
		} else {
			err = c.pair(ctx, item.Name, members)
		}
		if err != nil {
			return nil, err
		}
	}
	return c.aside, nil
}

// folderHere is a folder as this machine sees it.
type folderHere struct {
	device uint64
	err    error
	told   bool // that it cannot be read
}

// lookAt examines a folder in which another machine has found files. If it is missing or empty here, a disk is not connected.
func lookAt(dir string) *folderHere {
	_, device, _, err := scan.Stat(dir)
	if err == nil {
		err = holdsSomething(dir)
	}
	return &folderHere{device: device, err: err}
}

// holdsSomething returns ErrEmptyRoot for an empty folder.
func holdsSomething(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return ErrEmptyRoot
	}
	return err
}

// Reachable returns why a root cannot be examined on this machine; nil if it can.
func Reachable(root store.Root) error {
	info, err := os.Stat(root.Path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return scan.ErrNotFolder
	}
	return holdsSomething(root.Path)
}

// foundOf returns a file of a batch as a walk on this machine would find it.
func foundOf(i Item, device uint64, known store.Known) found {
	f := found{
		dir: i.Dir, device: device, sidecar: i.Sidecar, sidecarAway: i.SidecarAway, considered: i.Considered,
		file:   scan.File{Name: i.Name, Size: i.Stat.Size, ModTime: time.Unix(0, i.Stat.MTimeNS)},
		export: exported{Sidecar: i.Export, picture: i.ExportPicture, folder: i.ExportOfFolder, away: i.ExportAway},
	}
	if known.File != nil {
		f.known = known.File.State()
	}
	if known.Failure != nil {
		f.failure = *known.Failure
	}
	return f
}

// Settle drops the files that a walk of this machine has found to be gone, once everything else is read. root is where it walked. PrepareSearch follows.
func Settle(ctx context.Context, s store.Store, req Request, root store.Root, f Found, stop <-chan struct{}) (Summary, error) {
	begin := time.Now()
	r := newDivided(ctx, s, req, root, stop)
	defer r.stop.end()
	for _, m := range f.Gone {
		r.gone = append(r.gone, m.gone(root))
	}
	if err := r.embedPreviews(ctx); err != nil || r.stopped() {
		return r.summary(begin), err
	}
	if err := r.settle(ctx); err != nil {
		return r.summary(begin), err
	}
	r.complete = true
	return r.summary(begin), nil
}

// PrepareSearch makes searches over what was added fast.
func PrepareSearch(ctx context.Context, s store.Store, req Request) error {
	req.On = req.On.withDefaults()
	return newRun(s, req, nil).prepareSearch(ctx)
}

// TextsToRead returns the pictures with a file in a part whose text a model has not read, at most size in each batch.
func TextsToRead(ctx context.Context, s store.Store, model string, p Part, size int) (batches []Batch, err error) {
	ids, err := s.TextsToRead(ctx, model)
	if err != nil {
		return nil, err
	}
	var batch Batch
	for len(ids) > 0 {
		some := ids[:min(textsAtOnce, len(ids))]
		ids = ids[len(some):]
		records, err := s.Hits(ctx, some, store.Filter{})
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if !p.holds(r.Files) {
				continue
			}
			if batch.Pictures = append(batch.Pictures, r.ID); batch.Len() >= size {
				batches, batch = append(batches, batch), Batch{}
			}
		}
	}
	if batch.Len() > 0 {
		batches = append(batches, batch)
	}
	return batches, nil
}

// holds reports whether one of the files is in the part.
func (p Part) holds(files []store.FileRecord) bool {
	for _, f := range files {
		if f.Root == p.Root.ID && !f.IsTwin && (p.Start == "" || isBelow(path.Clean(f.Dir), []string{p.Start})) {
			return true
		}
	}
	return false
}

// ReadTexts reads the texts of the pictures of a batch that the text model of req has not read.
func ReadTexts(ctx context.Context, s store.Store, req Request, root store.Root, b Batch, stop <-chan struct{}) (Summary, error) {
	begin := time.Now()
	r := newDivided(ctx, s, req, root, stop)
	defer r.stop.end()
	known, err := s.Pictures(ctx, "", b.Pictures)
	if err != nil {
		return r.summary(begin), err
	}
	var left []store.PictureID
	for _, id := range b.Pictures {
		if k, ok := known[id]; ok && k.TextModel != req.Text.Model {
			left = append(left, id)
		}
	}
	err = r.readTextsOf(ctx, []target{{root: root}}, left)
	r.complete = err == nil && !r.stopped()
	return r.summary(begin), err
}
