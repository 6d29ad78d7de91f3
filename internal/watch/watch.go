// Package watch tells when something changes below folders: by the system's events where there are any, else by the clock.
// It must not know what is done then.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Options say what is watched, and how patiently.
type Options struct {
	// Roots are the folders, absolute. It is asked again at every look: there may be more.
	Roots func(context.Context) ([]string, error)
	// Walk calls visit with a folder and all below it that count, and the number of files in each.
	Walk func(ctx context.Context, dir string, visit func(dir string, files int)) error
	// Ignores tells that a change of a file means nothing.
	Ignores func(path string) bool
	// EventsAt tells whether the system says what happens in a folder: on network file systems it does not tell what others do.
	EventsAt func(dir string) bool
	// Quiet is how long nothing must happen before a change is told, Most the longest that one waits for that.
	Quiet, Most time.Duration
	// Rescan is how often everything is told as changed where there are events, RescanBlind where there are none.
	Rescan, RescanBlind time.Duration
	// Poll is how often it is looked whether a root has come or gone.
	Poll time.Duration
	// Blind is told, once, that there are no events for all of it, and why: changes are found by looking again.
	Blind func(Blind)
}

// Defaults are patient enough for a camera's card that is being copied.
func Defaults() Options {
	return Options{
		Quiet: 2 * time.Second, Most: 30 * time.Second, Rescan: time.Hour, RescanBlind: 5 * time.Minute, Poll: 10 * time.Second,
		EventsAt: func(string) bool { return true }, Ignores: func(string) bool { return false }, Blind: func(Blind) {},
	}
}

// maxFilesBSD is how many files are watched on systems whose events take an open file each (kqueue: macOS and the BSDs).
const maxFilesBSD = 4096

// Run calls changed with the folders below which something has changed, none of them below another, until ctx ends; changed is
// called by one goroutine. All roots are told first. Its error, and nothing else, ends Run.
func Run(ctx context.Context, o Options, changed func(ctx context.Context, dirs []string) error) error {
	w := &watcher{o: o, dirty: make(map[string]bool), watched: make(map[string]bool), there: make(map[string]bool), woken: make(chan struct{}, 1)}
	from, err := newSource()
	if err != nil {
		w.blind(fmt.Sprintf("the system gives no events (%v)", err))
	} else {
		w.from = from
		collected := make(chan struct{})
		go func() {
			defer close(collected)
			w.collect()
		}()
		defer func() {
			_ = from.close() // which ends collect
			<-collected
		}()
	}
	return w.run(ctx, changed)
}

// Blind is why there are no events for all of what is watched, and how often it is looked at instead.
type Blind struct {
	Why   string
	Every time.Duration
}

type watcher struct {
	o     Options
	from  *source // nil: there are no events
	woken chan struct{}

	mu      sync.Mutex
	dirty   map[string]bool // folders in which something has happened
	first   time.Time       // of what is dirty
	last    time.Time
	watched map[string]bool // folders that are watched
	there   map[string]bool // roots, and whether they were there at the last look
	files   int             // that are watched
	isBlind bool
}

// blind notes that events are not available for all of it, and says so once.
func (w *watcher) blind(why string) {
	w.mu.Lock()
	was := w.isBlind
	w.isBlind = true
	w.mu.Unlock()
	if !was {
		w.o.Blind(Blind{why, w.o.RescanBlind})
	}
}

func (w *watcher) mark(dir string) {
	w.mu.Lock()
	now := time.Now()
	if len(w.dirty) == 0 {
		w.first = now
	}
	w.dirty[dir], w.last = true, now
	w.mu.Unlock()
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// collect takes the system's events as they come: what waits for us in the system's queue gets lost when that is full.
func (w *watcher) collect() {
	for {
		select {
		case e, ok := <-w.from.events:
			if !ok {
				return
			}
			w.event(e)
		case err, ok := <-w.from.errors:
			if !ok {
				return
			}
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				w.markRoots()
			}
		}
	}
}

func (w *watcher) event(e fsnotify.Event) {
	if e.Op == fsnotify.Chmod {
		return
	}
	w.mu.Lock()
	isFolder := w.watched[e.Name]
	_, isRoot := w.there[e.Name]
	parent := filepath.Dir(e.Name)
	stray := w.from.trees && !isRoot && !w.watched[parent]
	w.mu.Unlock()
	if stray {
		w.stray(parent)
		return
	}
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		if isFolder {
			w.forget(e.Name)
		}
	} else if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
		isFolder = true
	}
	if isFolder && e.Op == fsnotify.Write || !isFolder && w.o.Ignores(e.Name) {
		return
	}
	if isRoot { // what is above it is not ours
		w.mark(e.Name)
		return
	}
	w.mark(parent)
}

// stray takes an event in a folder of a tree that is not watched: one that does not count, or one whose name was another a moment ago.
func (w *watcher) stray(dir string) {
	if _, err := os.Lstat(dir); err == nil {
		if long := longName(dir); w.watches(long) {
			w.mark(long)
		}
		return
	}
	for above := filepath.Dir(dir); above != filepath.Dir(above); above = filepath.Dir(above) {
		if w.watches(above) {
			w.mark(above)
			return
		}
	}
}

func (w *watcher) watches(dir string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.watched[dir]
}

// forget stops to watch a folder that is not there any more under its name, and those below it.
func (w *watcher) forget(dir string) {
	w.mu.Lock()
	var gone []string
	for d := range w.watched {
		if isBelow(d, dir) {
			gone = append(gone, d)
			delete(w.watched, d)
		}
	}
	w.mu.Unlock()
	for _, d := range gone {
		_ = w.from.remove(d) // the system may have done so
	}
}

func isBelow(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator))
}

func (w *watcher) markRoots() {
	w.mu.Lock()
	roots := slices.Collect(maps.Keys(w.there))
	w.mu.Unlock()
	for _, root := range roots {
		w.mark(root)
	}
}

func (w *watcher) run(ctx context.Context, changed func(context.Context, []string) error) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	w.markRoots()
	w.mu.Lock()
	w.last = time.Time{} // the first time, nothing is waited for
	w.mu.Unlock()
	poll := time.NewTicker(w.o.Poll)
	defer poll.Stop()
	looked, rescan := time.Now(), time.Now()
	for {
		if time.Since(looked) >= w.o.Poll {
			looked = time.Now()
			if err := w.look(ctx); err != nil {
				return err
			}
			if time.Since(rescan) >= w.every() {
				rescan = time.Now()
				w.markRoots()
			}
		}
		if wait, ok := w.wait(); ok && wait <= 0 {
			dirs := w.take()
			for _, dir := range dirs { // before it is told: what comes after that is an event
				w.follow(ctx, dir)
			}
			if err := changed(ctx, dirs); err != nil {
				return err
			}
			continue
		} else if ok {
			if err := sleep(ctx, wait); err != nil {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.woken:
		case <-poll.C:
		}
	}
}

// every is how often everything is told as changed.
func (w *watcher) every() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isBlind {
		return w.o.RescanBlind
	}
	return w.o.Rescan
}

// wait is how long to wait before what is dirty is told; ok is false where nothing is.
func (w *watcher) wait() (d time.Duration, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dirty) == 0 {
		return 0, false
	}
	return min(time.Until(w.last.Add(w.o.Quiet)), time.Until(w.first.Add(w.o.Most))), true
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// take returns the folders that are dirty, those that lie below others left out, and begins anew.
func (w *watcher) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := slices.SortedFunc(maps.Keys(w.dirty), func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	clear(w.dirty)
	var dirs []string
	for _, dir := range all {
		if !slices.ContainsFunc(dirs, func(above string) bool { return isBelow(dir, above) }) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// holdsSomething tells a folder that is there and not empty, as a mount point without its disk is.
func holdsSomething(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(1) // without any, there is an error
	return len(names) > 0
}

// look sees which roots have come or gone. One that is back is told.
func (w *watcher) look(ctx context.Context) error {
	roots, err := w.o.Roots(ctx)
	if err != nil {
		return err
	}
	now := make(map[string]bool, len(roots))
	for _, root := range roots {
		now[root] = holdsSomething(root)
	}
	w.mu.Lock()
	before := w.there
	w.there = now
	w.mu.Unlock()
	for root, there := range now {
		was, known := before[root]
		switch {
		case there && (!was || !known):
			w.mark(root)
		case !there && was:
			w.forget(root)
			w.mark(root)
		}
	}
	return nil
}

// follow watches a folder and those below it.
func (w *watcher) follow(ctx context.Context, dir string) {
	if w.from == nil {
		return
	}
	if !w.o.EventsAt(dir) {
		w.blind(dir + " lies on a network file system, whose events are not told")
		return
	}
	// One that is not there, or only in part, is looked at again when it is.
	begin := time.Now()
	_ = w.o.Walk(ctx, dir, func(dir string, files int) {
		if w.watches(dir) {
			return
		}
		if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
			if w.files += files; w.files > maxFilesBSD {
				w.blind(fmt.Sprintf("there are more than %d files, more than the system can watch", maxFilesBSD))
				return
			}
		}
		if err := w.from.add(dir); err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				w.blind(fmt.Sprintf("not all folders can be watched (%v; on Linux, fs.inotify.max_user_watches is the limit)", err))
			}
			return
		}
		w.mu.Lock()
		w.watched[dir] = true
		w.mu.Unlock()
		// What came into it between its being read and its being watched would never be.
		if info, err := os.Stat(dir); err == nil && info.ModTime().After(begin) {
			w.mark(dir)
		}
	})
}
