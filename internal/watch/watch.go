// Package watch reports changes below folders: from the system's events if there are any, else at regular intervals.
// It must not know what the caller does about them.
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

// Options say what to watch, and how long to wait before reporting.
type Options struct {
	// Roots returns the folders, as absolute paths. It is called again at every check, since there may be new ones.
	Roots func(context.Context) ([]string, error)
	// Walk calls visit with a folder and every folder below it that is not excluded, and the number of files in each.
	Walk func(ctx context.Context, dir string, visit func(dir string, files int)) error
	// Ignores reports whether changes of a file are ignored.
	Ignores func(path string) bool
	// EventsAt reports whether the system reports changes in a folder. On network file systems it does not report those by other machines.
	EventsAt func(dir string) bool
	// Quiet is how long there must be no events before a change is reported. Most is the longest that a change waits for that.
	Quiet, Most time.Duration
	// Rescan is how often everything is reported as changed if there are events, RescanBlind if there are none.
	Rescan, RescanBlind time.Duration
	// Poll is how often to check whether a root has appeared or disappeared.
	Poll time.Duration
	// Blind is called once if there are no events for some or all folders, so that changes are only found by rescans.
	Blind func(Blind)
}

// Defaults returns options that wait long enough for a memory card that is being copied.
func Defaults() Options {
	return Options{
		Quiet: 2 * time.Second, Most: 30 * time.Second, Rescan: time.Hour, RescanBlind: 5 * time.Minute, Poll: 10 * time.Second,
		EventsAt: func(string) bool { return true }, Ignores: func(string) bool { return false }, Blind: func(Blind) {},
	}
}

// maxFilesBSD is how many files are watched on systems that need an open file for each (kqueue: macOS and the BSDs).
const maxFilesBSD = 4096

// Run calls changed with the folders below which something has changed, none of them below another, until ctx ends. It calls changed from
// one goroutine, first with all roots. If changed returns an error, Run returns it.
func Run(ctx context.Context, o Options, changed func(ctx context.Context, dirs []string) error) error {
	w := &watcher{o: o, dirty: make(map[string]bool), watched: make(map[string]bool), there: make(map[string]bool), woken: make(chan struct{}, 1)}
	from, err := newSource()
	if err != nil {
		w.blind(fmt.Sprintf("the system does not report file changes (%v)", err))
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

// Blind says why there are not events for all folders, and how often they are rescanned instead.
type Blind struct {
	Why   string
	Every time.Duration
}

type watcher struct {
	o     Options
	from  *source // nil: there are no events
	woken chan struct{}

	mu      sync.Mutex
	dirty   map[string]bool // folders in which something has changed
	first   time.Time       // when the first of the dirty folders changed
	last    time.Time
	watched map[string]bool // folders that are watched
	there   map[string]bool // roots, and whether they existed at the last check
	files   int             // number of files that are watched
	isBlind bool
}

// blind records that events are not available for all folders, and reports this once.
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

// collect receives the system's events as they arrive: if the system's queue is full, events are lost.
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
	if isRoot { // the folder above it is not watched
		w.mark(e.Name)
		return
	}
	w.mark(parent)
}

// stray handles an event in a folder of a tree that is not watched: the folder is excluded, or was renamed a moment ago.
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

// forget stops watching a folder that no longer exists under its name, and the folders below it.
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
	w.last = time.Time{} // the first time, do not wait
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
			for _, dir := range dirs { // before reporting it, so that later changes are events
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

// every returns how often everything is reported as changed.
func (w *watcher) every() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isBlind {
		return w.o.RescanBlind
	}
	return w.o.Rescan
}

// wait returns how long to wait before the dirty folders are reported. ok is false if there are none.
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

// take returns the dirty folders, without those below others, and clears the list.
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

// holdsSomething reports whether a folder exists and is not empty: a mount point without its disk is empty.
func holdsSomething(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	names, _ := f.Readdirnames(1) // returns an error if there are none
	return len(names) > 0
}

// look checks which roots have appeared or disappeared, and marks these as changed.
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

// follow watches a folder and the folders below it.
func (w *watcher) follow(ctx context.Context, dir string) {
	if w.from == nil {
		return
	}
	if !w.o.EventsAt(dir) {
		w.blind(dir + " is on a network file system, which does not report all changes")
		return
	}
	// A folder that is missing or only partly readable is checked again when it is back.
	begin := time.Now()
	_ = w.o.Walk(ctx, dir, func(dir string, files int) {
		if w.watches(dir) {
			return
		}
		if runtime.GOOS != "linux" && runtime.GOOS != "windows" {
			if w.files += files; w.files > maxFilesBSD {
				w.blind(fmt.Sprintf("there are more than %d files, too many for the system to watch", maxFilesBSD))
				return
			}
		}
		if err := w.from.add(dir); err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				w.blind(fmt.Sprintf("some folders cannot be watched (%v; on Linux, the limit is fs.inotify.max_user_watches)", err))
			}
			return
		}
		w.mu.Lock()
		w.watched[dir] = true
		w.mu.Unlock()
		// There are no events for files that were added between the walk and the start of the watch.
		if info, err := os.Stat(dir); err == nil && info.ModTime().After(begin) {
			w.mark(dir)
		}
	})
}
