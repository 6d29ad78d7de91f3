package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/watch"
	"github.com/imgsearch/imgsearch/scan"
)

// busyWait is how long --watch waits for another process that is indexing.
const busyWait = 5 * time.Second

// checkWatch refuses what does not go with --watch.
func (o *indexOptions) checkWatch() error {
	switch {
	case !o.watch:
		return nil
	case o.dryRun:
		return usageError("give one of them", "--watch and --dry-run")
	case o.from != "":
		return usageError("give the folders themselves", "--watch and --from")
	case o.ifIdle:
		return usageError("--watch waits for another process that is indexing", "--watch and --if-idle")
	}
	return nil
}

// watchFolders brings the index up to date whenever something changes, until it is interrupted or --for is over. Each time is a run
// like any other, which takes the lock and gives it back.
func (o *indexOptions) watchFolders(ctx context.Context, paths []string) error {
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return usageError("give folders", "--watch: %s is a file", escapePath(path))
		}
	}
	own, err := o.app.indexPath()
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		ix, err := o.app.openReadOnly(ctx)
		if err != nil {
			return err
		}
		roots, err := ix.Roots(ctx)
		ix.Close()
		if err != nil {
			return err
		}
		if len(roots) == 0 {
			return errNoRoots()
		}
	}
	// The first signal ends the waiting; a run that is under way sees it too, and ends in its own orderly way.
	o.app.interrupts.setOrderly()
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	var end time.Time
	if o.limit > 0 {
		end = time.Now().Add(o.limit)
		var stop context.CancelFunc
		waiting, stop = context.WithDeadline(waiting, end)
		defer stop()
	}
	defer context.AfterFunc(o.app.interrupts.context(), cancel)()

	var roots []string // at the last look
	options := watch.Defaults()
	options.Notef = o.app.notef
	options.EventsAt = func(dir string) bool { return !disk.OnNetwork(dir) }
	mine := newOwnFiles(own)
	options.Ignores = func(path string) bool { return scan.Unconcerned(filepath.Base(path)) || mine.has(path) }
	options.Walk = func(ctx context.Context, dir string, visit func(string, int)) error {
		// From its root: patterns and ignore files hold from there on.
		root, start := dir, ""
		for _, r := range roots {
			if rel, err := filepath.Rel(r, dir); err == nil && filepath.IsLocal(rel) {
				root, start = r, strings.TrimPrefix(filepath.ToSlash(rel), ".")
				break
			}
		}
		return scan.Walk(ctx, root, start, scan.Options{Exclude: o.exclude, OneFileSystem: o.oneFileSystem}, func(f scan.Folder) error {
			visit(filepath.Join(root, filepath.FromSlash(f.Rel)), len(f.Files)+len(f.Skipped))
			return nil
		})
	}
	options.Roots = func(ctx context.Context) ([]string, error) {
		if roots = paths; len(roots) > 0 {
			return roots, nil
		}
		roots, err = o.walkedRoots(ctx)
		return roots, err
	}
	return watch.Run(waiting, options, func(waiting context.Context, dirs []string) error {
		if !o.watched {
			dirs = paths // all of it, as without --watch
		}
		if !end.IsZero() {
			o.limit = max(time.Until(end), time.Millisecond)
		}
		err := o.watchedRun(ctx, waiting, dirs)
		if !o.watched && err == nil {
			o.app.notef("watching for changes")
		}
		o.watched = true
		// A model, and what a run leaves, is not kept in memory for what may come tomorrow.
		o.app.freeLoaders()
		debug.FreeOSMemory()
		return err
	})
}

// tells says whether a run of --watch is worth a line: the first one, and those that did something.
func (o *indexOptions) tells(sum index.Summary) bool {
	return !o.watched || sum.Added+sum.Updated+sum.Moved+sum.Removed+sum.Failed+sum.Embedded > 0
}

// watchedRun is one run of --watch over what has changed. What a run reports and goes on from does not end the watch. While it
// waits for another process, the end of waiting ends it.
func (o *indexOptions) watchedRun(ctx, waiting context.Context, dirs []string) error {
	var there []string
	for _, dir := range dirs {
		// A folder that is gone is missing from the nearest one that is there.
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
				break
			}
		}
		there = append(there, dir)
	}
	if len(dirs) > 0 && o.watched {
		known, err := o.walkedRoots(ctx)
		if err != nil {
			return err
		}
		there = insideRoots(there, known)
	}
	told := false
	for {
		ix, lock, err := o.open(ctx, len(there) > 0)
		if errors.Is(err, store.ErrBusy) {
			if !told {
				told = true
				o.app.notef("another process is indexing: waiting for it")
			}
			select {
			case <-waiting.Done():
				return nil
			case <-time.After(busyWait):
				continue
			}
		}
		if err != nil {
			return err
		}
		err = o.index(ctx, ix, there)
		ix.Close()
		lock.Unlock() //nolint:errcheck // the next run takes it anew
		if coded, ok := errors.AsType[*codedError](err); ok && (coded.code == exitUnreadable || coded.code == exitUnreachable) {
			return nil
		}
		return err
	}
}

// insideRoots are the folders that lie in roots; where one does not, because its root is gone, all roots are looked at.
func insideRoots(dirs, roots []string) []string {
	for _, dir := range dirs {
		inside := false
		for _, root := range roots {
			rel, err := filepath.Rel(root, dir)
			inside = inside || err == nil && filepath.IsLocal(rel)
		}
		if !inside {
			return nil
		}
	}
	return dirs
}

// walkedRoots are the folders that the index looks after.
func (o *indexOptions) walkedRoots(ctx context.Context) ([]string, error) {
	ix, err := o.app.openReadOnly(ctx)
	if errors.Is(err, store.ErrNoIndex) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer ix.Close()
	roots, err := ix.Roots(ctx)
	var list []string
	for _, r := range roots {
		if r.Walked {
			list = append(list, r.Path)
		}
	}
	return list, err
}
