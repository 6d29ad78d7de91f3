package index

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/scan"
)

// decodeBudget is how many bytes of files and decoded pictures are in memory at once if the memory allows it: 256 MiB let
// many workers decode baseline JPEGs of 50 MP together; where there is much memory, a part of it, for HEIC. A picture that needs
// more is decoded when no other is.
const (
	decodeBudget = 256 << 20
	budgetPart   = 4
)

// maxSide bounds a side in pixels: twice what JPEG can say. Working memory grows with a side, and a picture of one row
// of 300 million pixels is an attack, not a panorama.
const maxSide = 1 << 17

// plausible refuses shapes and file sizes that no picture has, before memory is taken for them: a file may have 64 MiB
// of metadata and 16 bytes a pixel, twice what the most wasteful format uses.
func plausible(h Header, size int64) error {
	if h.Width > maxSide || h.Height > maxSide {
		return fmt.Errorf("%d x %d pixels: a side is longer than %d", h.Width, h.Height, maxSide)
	}
	if limit := 64<<20 + 16*int64(h.Width)*int64(h.Height); size > limit {
		return fmt.Errorf("a file of %d bytes for %d x %d pixels", size, h.Width, h.Height)
	}
	return nil
}

// decoded is a picture on its way to the tower.
type decoded struct {
	task    task
	picture store.Picture
	tensor  *[]float32
	preview []byte
	damaged bool
}

// errChanged is a file that was written while it was read: the next run reads it whole.
var errChanged = errors.New("the file changed while it was read")

// read decodes tasks until they are drained or ctx ends. What needs no vector, or failed, goes straight to writes.
func (r *run) read(ctx context.Context, workers int, alone bool, tasks <-chan task, ready chan<- decoded, writes chan<- write) error {
	share := min(r.req.MaxBytes, max(decodeBudget, r.req.MaxBytes/budgetPart))
	budget := semaphore.NewWeighted(share)
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		w := &reader{run: r, budget: budget, share: share, slot: i, alone: alone, ready: ready, writes: writes}
		g.Go(func() error {
			for t := range tasks {
				if r.stopped() {
					continue // drain
				}
				if err := w.file(ctx, t); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// reader is one worker of the read stage.
type reader struct {
	*run
	budget *semaphore.Weighted
	share  int64 // of the budget, at most
	slot   int   // in the journal
	alone  bool
	ready  chan<- decoded
	writes chan<- write
}

func (w *reader) file(ctx context.Context, t task) error {
	if t.preview != nil {
		return w.preview(ctx, t)
	}
	w.journal.enter(w.slot, t.place, w.alone)
	defer w.journal.leave(w.slot)
	alone, err := w.open(ctx, &t)
	if errors.Is(err, errChanged) {
		alone, err = w.open(ctx, &t) // it may be finished now
	}
	if ctx.Err() != nil {
		return err
	}
	if err == nil {
		return w.readAlone(ctx, alone)
	}
	if fatal, ok := errors.AsType[*indexError](err); ok {
		return fatal.err
	}
	twins := t.twins
	t.considered, t.twins = nil, nil
	if err := w.failed(ctx, t, err); err != nil {
		return err
	}
	for i := range twins {
		twins[i].considered = nil // what cannot be read is nobody's twin
	}
	return w.readAlone(ctx, twins)
}

// indexError is an error of the index, which ends the run, among those of files.
type indexError struct{ err error }

func (e *indexError) Error() string { return e.err.Error() }

// open reads one file and hands on what it is. The file's stat becomes that of the opened file. alone are the files that were
// taken for its twins, are not, and remain to be read.
func (w *reader) open(ctx context.Context, t *task) (alone []task, err error) {
	if t.refresh {
		return nil, w.refresh(ctx, t)
	}
	all := t.twins
	var twins []twin
	if twins, alone, err = w.readTwins(ctx, t); err != nil {
		return nil, err
	}
	h, data, need, err := w.readFile(ctx, t)
	if err != nil {
		return nil, err
	}
	defer w.budget.Release(need)
	var p store.Picture
	p, t.meta = w.req.Reader.Identify(h, data, 0)
	if err := w.readSidecar(ctx, t); err != nil {
		return nil, err
	}
	if len(all) > 0 {
		var others []task
		p, others = w.join(t, h, data, p, twins)
		alone = append(alone, others...)
	}
	if err := w.hand(ctx, t, h, data, p); err != nil {
		t.twins = all
		return nil, err
	}
	return alone, nil
}

// refresh reads what a known file and its sidecar say now. A picture that is in the index stays in it, whatever a limit or this
// version thinks of its header.
func (w *reader) refresh(ctx context.Context, t *task) error {
	defer w.disks.enter(t.device, w.path(t.place))()
	f, err := os.Open(w.path(t.place))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	t.stat = store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}
	if !t.stat.Same(t.known.Stat) {
		t.refresh, t.considered = false, nil
		return errChanged // it is read again, whole
	}
	op := write{task: *t}
	h, err := w.req.Reader.Header(f)
	if _, content := errors.AsType[*ContentError](err); err != nil && !content {
		return err
	}
	if err != nil {
		return w.send(ctx, op)
	}
	p, meta := w.req.Reader.Meta(h, f)
	op.picture, op.task.meta = &p, meta
	if err := w.readSidecar(ctx, &op.task); err != nil {
		return err
	}
	return w.send(ctx, op)
}

// hand hands on a picture that was read: to the tower, or, where its vector is known, to the index.
func (w *reader) hand(ctx context.Context, t *task, h Header, data []byte, p store.Picture) error {
	mine, c := w.claims.take(p.ID)
	if !mine {
		// Another worker has the same picture in its hands: wait for what it turns out to be.
		select {
		case <-c.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if c.err != nil {
			return c.err
		}
		return w.known(ctx, *t, p)
	}
	// Asked under the claim: what another worker released is committed, and seen here.
	all, err := w.store.Pictures(ctx, w.req.Model.Identity, []store.PictureID{p.ID})
	known := all[p.ID]
	preview := w.req.KeepPreviews && !known.Preview
	if err != nil || known.Embedded && !preview {
		c.finish(err)
		w.claims.release(p.ID)
		if err != nil {
			return &indexError{err}
		}
		return w.known(ctx, *t, p)
	}
	d := decoded{task: *t, picture: p}
	if !known.Embedded {
		d.tensor = w.tensors.Get().(*[]float32) //nolint:forcetypeassert // the pool holds nothing else
	}
	err = w.decode(h, data, &d, preview)
	c.finish(err)
	if err != nil {
		if d.tensor != nil {
			w.tensors.Put(d.tensor)
		}
		w.claims.release(p.ID)
		return err
	}
	if known.Embedded {
		return w.send(ctx, write{task: *t, picture: &p, preview: d.preview, claimed: true})
	}
	select {
	case w.ready <- d:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// openHeader opens a file whose header says that it is a picture that may be read. The task's stat becomes that of the opened
// file.
func (w *reader) openHeader(t *task) (f *os.File, h Header, err error) {
	if f, err = os.Open(w.path(t.place)); err != nil {
		return nil, h, err
	}
	if h, err = w.checkHeader(t, f); err != nil {
		f.Close()
		return nil, h, err
	}
	return f, h, nil
}

func (w *reader) checkHeader(t *task, f *os.File) (h Header, err error) {
	info, err := f.Stat()
	if err != nil {
		return h, err
	}
	if !info.Mode().IsRegular() {
		return h, fmt.Errorf("it became a %v while it was read", info.Mode().Type())
	}
	t.stat = store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}
	if h, err = w.req.Reader.Header(f); err != nil {
		return h, w.blame(t, info, err)
	}
	if pixels := int64(h.Width) * int64(h.Height); pixels > w.req.MaxPixels {
		return h, broken(fmt.Errorf("%d x %d pixels are more than --max-pixels %d", h.Width, h.Height, w.req.MaxPixels))
	}
	if err := plausible(h, t.stat.Size); err != nil {
		return h, broken(err)
	}
	return h, nil
}

// readFile reads a file, after its header has said that it is a picture that may be read. need is what it has taken of the
// budget, for the caller to give back.
func (w *reader) readFile(ctx context.Context, t *task) (h Header, data []byte, need int64, err error) {
	defer w.disks.enter(t.device, w.path(t.place))()
	f, h, err := w.openHeader(t)
	if err != nil {
		return h, nil, 0, err
	}
	defer f.Close()
	need = h.size(t.stat.Size) + h.DecodeBytes
	if need > w.req.MaxBytes {
		// Another run may have the memory: no fault of the file.
		return h, nil, 0, fmt.Errorf("not enough memory: it takes %d MB to read, and there are %d MB for pictures (--max-memory)", need>>20, w.req.MaxBytes>>20)
	}
	need = min(need, w.share)
	if err := w.budget.Acquire(ctx, need); err != nil {
		return h, nil, 0, err
	}
	if data, err = readParts(f, h, t.stat); err != nil {
		w.budget.Release(need)
	}
	return h, data, need, err
}

// decode makes what is wanted of a picture: its tensor, a preview, or both. A panic of a decoder costs this file, not the run.
func (w *reader) decode(h Header, data []byte, d *decoded, preview bool) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = broken(fmt.Errorf("the decoder panicked: %v\n%s", p, debug.Stack()))
		}
	}()
	picture, err := w.req.Reader.Decode(h, d.picture, data)
	if err != nil {
		return err
	}
	d.damaged = picture.Damaged()
	if d.tensor != nil {
		picture.Tensor(*d.tensor)
	}
	if preview {
		d.preview, err = picture.Preview()
	}
	return err
}

func broken(err error) error { return &ContentError{Verdict: Broken, Err: err} }

// blame completes an error of the header. A name that claims to be a picture and is none is a failure; one of camera raw is
// a kind that is not read; another file is a bystander. While a file is being written its content is not to blame.
func (w *reader) blame(t *task, info fs.FileInfo, err error) error {
	content, ok := errors.AsType[*ContentError](err)
	if !ok {
		return err
	}
	if now, statErr := os.Stat(w.path(t.place)); statErr == nil && (now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime())) {
		return errChanged
	}
	if content.Verdict == NotPicture && scan.ClaimsPicture(t.place.Name) {
		return broken(content.Err)
	}
	if content.Verdict == NotPicture && scan.ClaimsRaw(t.place.Name) {
		return &ContentError{Verdict: Unsupported, Err: content.Err}
	}
	return err
}

// readParts reads what the header wants of a file and makes sure that the file is what it was when it was opened.
func readParts(f *os.File, h Header, stat store.Stat) ([]byte, error) {
	extents := h.Extents
	if extents == nil {
		extents = []Extent{{0, stat.Size}}
	}
	data := make([]byte, h.size(stat.Size))
	n := 0
	for _, e := range extents {
		read, err := f.ReadAt(data[n:n+int(e.Length)], e.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if n += read; int64(read) < e.Length {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if n != len(data) || info.Size() != stat.Size || info.ModTime().UnixNano() != stat.MTimeNS {
		return nil, errChanged
	}
	return data, nil
}

// known records a file whose picture has its vector already, or is about to.
func (w *reader) known(ctx context.Context, t task, p store.Picture) error {
	if err := w.findMoved(ctx, &t, p.ID); err != nil {
		return &indexError{err}
	}
	return w.send(ctx, write{task: t, picture: &p})
}

// findMoved finds the files that a new file and its twins were, if the picture's old files are gone for certain: nothing is at
// their old places, and those are still on the disk that held them.
func (w *reader) findMoved(ctx context.Context, t *task, id store.PictureID) error {
	wanted := []*task{}
	if t.known == nil {
		wanted = append(wanted, t)
	}
	for i := range t.twins {
		if t.twins[i].known == nil {
			wanted = append(wanted, &t.twins[i])
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	files, err := w.store.FilesOf(ctx, []store.PictureID{id})
	if err != nil {
		return err
	}
	for _, old := range files[id] {
		if len(wanted) == 0 {
			break
		}
		if _, err := os.Lstat(w.path(old.Place)); errors.Is(err, fs.ErrNotExist) {
			if device, ok := w.deviceAbove(old.Place); ok && device == old.Device {
				wanted[0].movedFrom = &old.Place
				wanted = wanted[1:]
			}
		}
	}
	return nil
}

// deviceAbove is the device of the nearest folder above a place that exists, up to the root; ok is false if even that
// is gone.
func (r *run) deviceAbove(at store.Place) (device uint64, ok bool) {
	root := r.roots[at.Root].Path
	for dir := at.Dir; ; dir = path.Dir(dir) {
		if dir == "." {
			dir = ""
		}
		_, device, _, err := scan.Stat(filepath.Join(root, filepath.FromSlash(dir)))
		if err == nil {
			return device, true
		}
		if dir == "" {
			return 0, false
		}
	}
}

// failed records a file that cannot be indexed: what its bytes are to blame for is remembered.
func (w *reader) failed(ctx context.Context, t task, err error) error {
	content, ok := errors.AsType[*ContentError](err)
	if !ok {
		if errors.Is(err, fs.ErrNotExist) {
			w.req.On.Read() // it went while we were on our way: the next walk knows
			return nil
		}
		w.counts.add(func(n *tally) { n.scanned++; n.failed++ })
		w.req.On.Failed(w.path(t.place), fserr.Cause(err))
		w.req.On.Read()
		return nil
	}
	failure := store.Failure{Place: t.place, Stat: t.stat, Stage: store.StageDecode, Reason: content.Error(), Decoder: w.req.Reader.Version()}
	switch content.Verdict {
	case NotPicture:
		failure.Stage, failure.Reason = store.StageSniff, string(scan.NotPicture)
	case Unsupported:
		failure.Stage, failure.Reason = store.StageSniff, string(scan.Unsupported)
		w.req.On.Unsupported(w.path(t.place), err)
	case Broken:
		w.req.On.Failed(w.path(t.place), err)
	}
	return w.send(ctx, write{task: t, failure: &failure})
}

func (w *reader) send(ctx context.Context, op write) error {
	select {
	case w.writes <- op:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claims are the pictures that some worker has in its hands, so that copies are decoded and embedded once.
type claims struct {
	mu   sync.Mutex
	byID map[store.PictureID]*claim
}

// claim is one picture in a worker's hands. done is closed when it is decoded; err, then, says that it cannot be.
type claim struct {
	done chan struct{}
	err  error
}

func (c *claim) finish(err error) {
	c.err = err
	close(c.done)
}

// take returns a new claim, or the one that another worker holds.
func (c *claims) take(id store.PictureID) (mine bool, held *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held, ok := c.byID[id]; ok {
		return false, held
	}
	if c.byID == nil {
		c.byID = make(map[store.PictureID]*claim)
	}
	held = &claim{done: make(chan struct{})}
	c.byID[id] = held
	return true, held
}

// release ends a claim: the index knows the picture now, or never will.
func (c *claims) release(id store.PictureID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}
