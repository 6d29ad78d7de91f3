package index

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// A dry run times at most sampleFiles files, spread evenly over what it found, for at most sampleTime.
const (
	sampleFiles = 48
	sampleTime  = 3 * time.Second
)

// dryRun walks and compares, and reads a sample to estimate how long the rest would take. It writes nothing.
func (r *run) dryRun(ctx context.Context, targets []target) error {
	// A crashed run leaves suspects in the index, which do not matter here; the journal is not touched.
	tasks := make(chan task, 1024)
	var sample sampler
	reads := 0
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(tasks)
		defer r.req.On.Walked()
		_, err := r.walk(gctx, targets, tasks)
		return err
	})
	g.Go(func() error {
		for t := range tasks {
			r.counts.add(func(n *Summary) { n.Pending += 1 + len(t.twins) })
			if !t.refresh { // reading only a file's metadata takes almost no time
				reads += 1 + len(t.twins)
				sample.offer(t)
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	r.complete = !r.stopped()
	for _, g := range r.gone {
		n, err := r.countGone(ctx, g)
		if err != nil {
			return err
		}
		r.counts.add(func(t *Summary) { t.Gone += n })
		r.reportUnread(g, n)
	}
	if reads > 0 && !r.stopped() {
		perFile, err := r.timeSample(ctx, sample.tasks)
		if err != nil {
			return err
		}
		r.counts.add(func(n *Summary) { n.Estimate = time.Duration(reads) * perFile })
	}
	if r.req.Text == nil || r.stopped() {
		return nil
	}
	return r.estimateTexts(ctx, targets, sample.tasks, reads)
}

// estimateTexts counts the texts that a run would read, of which fresh are of new files, and measures a sample of them.
func (r *run) estimateTexts(ctx context.Context, targets []target, newFiles []task, fresh int) error {
	left, err := r.store.TextsToRead(ctx, r.req.Text.Model)
	if err != nil || len(left)+fresh == 0 {
		return err
	}
	var known sampler
	for i := range left {
		known.offer(task{text: &textTask{picture: store.Picture{ID: left[i]}}})
	}
	ids := make([]store.PictureID, len(known.tasks))
	for i, t := range known.tasks {
		ids[i] = t.text.picture.ID
	}
	sample, err := r.newTextStage(targets).tasksOf(ctx, ids)
	if err != nil {
		return err
	}
	for _, t := range newFiles {
		file := store.FileRecord{File: store.File{Place: t.place, Stat: t.stat, Device: t.device}}
		sample = append(sample, task{text: &textTask{picture: store.Picture{Orientation: 1}, files: []store.FileRecord{file}}})
	}
	perText, err := r.timeTexts(ctx, sample)
	r.counts.add(func(n *Summary) {
		n.TextsPending, n.TextEstimate = len(left)+fresh, time.Duration(len(left)+fresh)*perText
	})
	return err
}

// timeTexts measures the time per text with all workers busy. It does not include loading the text model.
func (r *run) timeTexts(ctx context.Context, sample []task) (perText time.Duration, err error) {
	reader, err := r.req.Text.Load(ctx)
	if err != nil {
		return 0, err
	}
	text := *r.req.Text
	text.Load = func(context.Context) (TextReader, error) { return reader, nil }
	trial, end := r.trial(ctx)
	defer end()
	trial.req.Text = &text
	var timed progress
	begin := time.Now()
	source := func(ctx context.Context, out chan<- task) error { return trial.feed(ctx, sample, out) }
	err = trial.streamTo(ctx, trial.req.Jobs, false, source, func(_ context.Context, writes <-chan write) error {
		for range writes {
			timed.add(1)
		}
		return nil
	})
	return timed.perFile(begin), err
}

// trial returns a run for measurements, which ends after sampleTime. It reports nothing: the run itself will.
func (r *run) trial(ctx context.Context) (trial *run, end func()) {
	req := r.req
	req.On = Events{}.withDefaults()
	trial = newRun(r.store, req, slices.Collect(maps.Values(r.roots)))
	trial.stop = newStopper(ctx, r.stop.done, sampleTime)
	return trial, trial.stop.end
}

// reportUnread reports what of a root could not be read: something may be in it that a run would read.
func (r *run) reportUnread(g rootGone, files int) {
	if g.unreachable != nil {
		if files == 0 && errors.Is(g.unreachable, ErrEmptyRoot) {
			return
		}
		r.counts.add(func(t *Summary) { t.Unreachable++ })
		r.req.On.Noticed(RootUnreachable{g.root.Path, g.unreachable, files})
		return
	}
	for dir, err := range g.broken {
		if !errors.Is(err, fs.ErrNotExist) {
			r.counts.add(func(t *Summary) { t.Unreachable++ })
			r.req.On.Noticed(FolderUnreadable{store.Folder{Dir: dir}.Path(g.root.Path), fserr.Cause(err)})
		}
	}
}

// countGone counts the files of a root that a run would either drop or keep as gone; only a run decides which.
func (r *run) countGone(ctx context.Context, g rootGone) (int, error) {
	if g.unreachable != nil {
		return r.store.CountFiles(ctx, g.root.ID)
	}
	n := len(g.files) + len(g.excluded)
	folders, err := r.store.Folders(ctx, store.Folder{Root: g.root.ID, Dir: g.start})
	for _, f := range folders {
		if !g.visited[f.Dir] && !isBelow(f.Dir, g.untouched) {
			n += f.Files
		}
	}
	return n, err
}

// sampler keeps an even sample of a stream of unknown length: when it is full, it drops every other file and
// takes half as many from then on.
type sampler struct {
	tasks []task
	seen  int
	step  int
}

func (s *sampler) offer(t task) {
	if s.step == 0 {
		s.step = 1
	}
	if s.seen%s.step == 0 {
		s.tasks = append(s.tasks, t)
	}
	s.seen++
	if len(s.tasks) > sampleFiles {
		kept := s.tasks[:0]
		for i := 0; i < len(s.tasks); i += 2 {
			kept = append(kept, s.tasks[i])
		}
		s.tasks, s.step = kept, s.step*2
	}
}

// timeSample measures the time per file with all workers busy, processed as a run would: with the run's limits and
// budget, but with a sink that discards the results. It does not include loading the tower.
func (r *run) timeSample(ctx context.Context, sample []task) (perFile time.Duration, err error) {
	tower, err := r.req.Load(ctx)
	if err != nil {
		return 0, err
	}
	trial, end := r.trial(ctx)
	defer end()
	trial.req.Load = func(context.Context) (Embedder, error) { return tower, nil }
	trial.req.Text = nil // measured separately
	var timed progress
	trial.req.On.Read = func() { timed.add(1) } // for a file that cannot be read and so never reaches the sink
	begin := time.Now()
	source := func(ctx context.Context, out chan<- task) error { return trial.feed(ctx, sample, out) }
	err = trial.streamTo(ctx, trial.req.Jobs, false, source, func(_ context.Context, writes <-chan write) error {
		for op := range writes { // claims are not released: a copy of a decoded picture is known, as it would be in a run
			timed.add(1 + len(op.task.twins))
		}
		return nil
	})
	return timed.perFile(begin), err
}

// progress is how many files a trial has processed, and when it finished the last one.
type progress struct {
	mu    sync.Mutex
	files int
	last  time.Time
}

func (p *progress) add(files int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files, p.last = p.files+files, time.Now()
}

// perFile returns the mean time per file since begin; 0 if none was processed.
func (p *progress) perFile(begin time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == 0 {
		return 0
	}
	return p.last.Sub(begin) / time.Duration(p.files)
}
