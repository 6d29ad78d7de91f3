package index

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// busyWait is how long --watch waits for another process that is indexing.
const busyWait = 5 * time.Second

// checkWatch rejects options that cannot be combined with --watch.
func (o *options) checkWatch() error {
	switch {
	case !o.watch:
		return nil
	case o.dryRun:
		return cli.Usage("use only one of them", "--watch and --dry-run cannot be combined")
	case o.from != "":
		return cli.Usage("pass the folders as arguments", "--watch and --from cannot be combined")
	case o.ifIdle:
		return cli.Usage("--watch waits if another process is indexing", "--watch and --if-idle cannot be combined")
	}
	return nil
}

// watching is the state that the runs of --watch share.
type watching struct {
	*options

	request app.Indexing // with the paths as given; none: the index's roots
	end     time.Time    // of --for; zero means none
	first   bool         // no run has ended yet
}

// watchFolders brings the index up to date whenever something changes, until it is interrupted or the time of --for is over. Each update
// is a normal run, which takes the lock and releases it.
func (o *options) watchFolders(ctx context.Context, r app.Indexing) error {
	w := &watching{options: o, request: r, first: true}
	if err := w.checkPaths(ctx); err != nil {
		return err
	}
	// The first signal ends the waiting. A current run receives it too and stops cleanly.
	o.p.Orderly()
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.limit > 0 {
		w.end = time.Now().Add(o.limit)
		var stop context.CancelFunc
		waiting, stop = context.WithDeadline(waiting, w.end)
		defer stop()
	}
	go func() {
		select {
		case <-o.p.Interrupted():
			cancel()
		case <-waiting.Done():
		}
	}()
	return o.p.App.Watch(waiting, app.Watching{Paths: r.Paths, Exclude: r.Exclude, OneFileSystem: r.OneFileSystem}, func(waiting context.Context, dirs []string) error {
		return w.changed(ctx, waiting, dirs)
	})
}

// checkPaths rejects files, and an index without folders if none are given.
func (w *watching) checkPaths(ctx context.Context) error {
	for _, path := range w.request.Paths {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return cli.Usage("pass only folders", "--watch: %s is a file", words.Path(path))
		}
	}
	if len(w.request.Paths) > 0 {
		return nil
	}
	ix, err := w.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	roots, err := ix.Roots(ctx)
	if err == nil && len(roots) == 0 {
		return errNoRoots()
	}
	return err
}

// changed runs the pipeline over the folders that have changed; the first time, over all folders.
func (w *watching) changed(ctx, waiting context.Context, dirs []string) error {
	err := w.runOver(ctx, waiting, dirs)
	if w.first && err == nil {
		w.p.Notef("watching for changes")
	}
	w.first = false
	// Free the model and the memory of the run: the next change may be far off.
	w.p.App.FreeLoaders()
	debug.FreeOSMemory()
	return err
}

// tells reports whether to print the summary of a run: of the first one, and of those that did something.
func (w *watching) tells(sum index.Summary) bool {
	return w.first || sum.Added+sum.Updated+sum.Moved+sum.Removed+sum.Failed+sum.Embedded > 0
}

// runOver runs the pipeline once over folders. Problems that a run only reports do not end the watch. While runOver waits for another
// process, the end of waiting ends it.
func (w *watching) runOver(ctx, waiting context.Context, dirs []string) error {
	for {
		err := w.runOnce(ctx, waiting, dirs)
		if !errors.Is(err, store.ErrBusy) {
			return err
		}
		w.p.Logf("waiting: another machine indexes one of the folders")
		select {
		case <-waiting.Done():
			return nil
		case <-time.After(busyWait):
		}
	}
}

func (w *watching) runOnce(ctx, waiting context.Context, dirs []string) error {
	r := w.request
	if r.Paths = dirs; !w.end.IsZero() {
		r.For = max(time.Until(w.end), time.Millisecond)
	}
	if done, err := w.shared(ctx, r, w.tells); done || err != nil {
		return problem(err)
	}
	ix, lock, err := w.wait(ctx, waiting, len(dirs) > 0)
	if err != nil || ix == nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the next run takes it again
	defer ix.Close()
	return problem((&indexing{options: w.options, Indexing: r, tells: w.tells}).run(ctx, ix))
}

// problem returns an error that ends the watch.
func problem(err error) error {
	if quiet, ok := errors.AsType[*cli.QuietError](err); ok && quiet.Code != words.Interrupted {
		return nil
	}
	return err
}

// wait opens the index once no other process is indexing; nil if the waiting has ended.
func (w *watching) wait(ctx, waiting context.Context, create bool) (store.Store, store.Lock, error) {
	for said := false; ; said = true {
		ix, lock, err := w.open(ctx, create)
		if !errors.Is(err, store.ErrBusy) {
			return ix, lock, err
		}
		if !said {
			w.p.Notef("waiting: another process is indexing")
		}
		select {
		case <-waiting.Done():
			return nil, nil, nil
		case <-time.After(busyWait):
		}
	}
}
