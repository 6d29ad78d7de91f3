package index

import (
	"context"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
)

// A dry run times at most sampleFiles files, spread evenly over what it found, for at most sampleTime.
const (
	sampleFiles = 48
	sampleTime  = 3 * time.Second
)

// dryRun walks and compares, and reads a sample to estimate how long the rest would take. It writes nothing.
func (r *run) dryRun(ctx context.Context, targets []target) error {
	// A run that died leaves suspects in the index, which do not matter here; the journal is left alone.
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
			r.counts.add(func(n *tally) { n.pending += 1 + len(t.twins) })
			if !t.refresh { // reading what a file says of itself takes next to nothing
				reads++
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
		r.counts.add(func(t *tally) { t.gone += n })
	}
	if reads == 0 || r.stopped() {
		return nil
	}
	perFile, err := r.timeSample(ctx, sample.tasks)
	if err != nil {
		return err
	}
	r.counts.add(func(n *tally) { n.estimate = time.Duration(reads) * perFile })
	return nil
}

// countGone counts the files of a root that a run would drop or keep as gone; which of the two, only a run decides.
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

// sampler keeps an even sample of a stream whose length is not known: when it is full, it drops every other file and
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

// timeSample measures what one file costs with all workers busy: read, decode, embed. The tower's loading is not in it.
func (r *run) timeSample(ctx context.Context, sample []task) (perFile time.Duration, err error) {
	tower, err := r.req.Load(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	done := 0
	begin := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	next := make(chan task)
	g.Go(func() error {
		defer close(next)
		for _, t := range sample {
			if time.Since(begin) > sampleTime {
				return nil
			}
			select {
			case next <- t:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range r.req.Jobs {
		g.Go(func() error {
			for t := range next {
				if err := r.tryFile(tower, t); err != nil {
					return err
				}
				mu.Lock()
				done++
				mu.Unlock()
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil || done == 0 {
		return 0, err
	}
	return time.Since(begin) / time.Duration(done), nil
}

// tryFile does with one file what a run would, and forgets the result. A file that cannot be read costs no less than
// finding that out.
func (r *run) tryFile(tower Embedder, t task) error {
	f, err := os.Open(r.path(t.place))
	if err != nil {
		return nil // the run will report it
	}
	defer f.Close()
	h, err := r.req.Reader.Header(f)
	if err != nil || int64(h.Width)*int64(h.Height) > r.req.MaxPixels || plausible(h, t.stat.Size) != nil {
		return nil // the run will report it
	}
	data, err := readParts(f, h, t.stat)
	if err != nil {
		return nil // the run will report it
	}
	tensor := make([]float32, r.req.Reader.TensorLen())
	p, _ := r.req.Reader.Identify(h, data, 0)
	picture, err := r.req.Reader.Decode(h, p, data)
	if err != nil {
		return nil // the run will report it
	}
	picture.Tensor(tensor)
	_, err = tower.Embed(tensor, 1)
	return err
}
