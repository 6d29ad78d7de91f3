package server

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// workAgain is how long the server waits after the queue has failed, for example because the disk was full.
const workAgain = 5 * time.Second

// workOnSessions works on sessions until the server ends.
func (s *Server) workOnSessions(ctx context.Context) {
	work := func() error { return s.workShared(ctx) }
	if own, ok := s.queue.(jobs.Queue); ok {
		work = func() error { return own.Work(ctx, s.closing, s.index) }
	}
	for !s.isClosing() {
		err := work()
		if err == nil || ctx.Err() != nil {
			return
		}
		s.Log.Error(fmt.Sprintf("cannot work on the sessions: %s; trying again", words.Fault(err, s.door).Message))
		select {
		case <-time.After(workAgain):
		case <-s.closing:
		}
	}
}

// busyReason is why a session waits.
const busyReason = "another process is indexing"

// index does what a session asks for: one run of the pipeline.
func (s *Server) index(ctx context.Context, session jobs.Session, stop <-chan struct{}, report func(jobs.Progress)) error {
	for _, dir := range session.Dirs {
		if _, err := os.Stat(dir); err != nil {
			return s.failed(fmt.Errorf("%s: %w", words.Path(dir), fserr.Cause(err)))
		}
	}
	at, err := s.App.Index()
	if err != nil {
		return s.failed(err)
	}
	if err := at.Check(); errors.Is(err, store.ErrNoIndex) && len(session.Dirs) == 0 {
		return nil // there is nothing to bring up to date, and no index is made for that
	}
	ix, lock, err := at.OpenToIndex(ctx)
	if errors.Is(err, store.ErrBusy) {
		return &jobs.LaterError{Reason: busyReason}
	}
	if err != nil {
		return s.failed(err)
	}
	defer lock.Unlock() //nolint:errcheck // the next session takes it again
	defer ix.Close()    // before the lock is released: it moves the log into the index
	defer func() {
		debug.SetMemoryLimit(math.MaxInt64) // the run has set its own
		debug.FreeOSMemory()
	}()
	t := newTracker(session.Progress, report)
	defer t.end()
	o := s.Indexing
	o.Paths, o.Stop, o.RetryFailed, o.Reread = session.Dirs, stop, session.Force, s.forced.of(session)
	o.Start = func() index.Events { return s.events(t) }
	var release func()
	o.Vision = func(m app.Model) (loader *embed.Loader, err error) {
		loader, release = s.resident.Vision(m)
		return loader, nil
	}
	defer func() {
		if release != nil {
			release()
		}
	}()
	name := sessionName(session)
	s.Log.Info(name+" started", "session", session.ID)
	done, err := s.App.RunIndex(ctx, ix, o)
	t.ended(done.Counts)
	if err == nil {
		err = done.Conclude(ctx)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrBusy): // another machine indexes one of the roots
		return &jobs.LaterError{Reason: busyReason}
	case err != nil:
		return s.failed(err)
	case done.Stopped == index.Interrupted:
		s.Log.Info(name+" stopped at a commit", "session", session.ID, "added", done.Added, "embedded", done.Embedded)
		return jobs.ErrStopped
	}
	s.Log.Info(fmt.Sprintf("%s ended: %d added, %d updated, %d unchanged, %d removed, %d could not be read", name, done.Added, done.Updated, done.Unchanged, done.Removed, done.Failed),
		"session", session.ID, "added", done.Added, "updated", done.Updated, "removed", done.Removed, "embedded", done.Embedded, "failed", done.Failed)
	return nil
}

// forced remembers which files a forced session has read, so that an interruption does not make it begin again. Only the session that was worked on last is
// remembered: after another forced one, or a restart of the server, it reads all files again.
type forced struct {
	id   int64
	read map[uint64]bool
	last []uint64 // the last ones, which an interruption may have left unread
}

// unsureReads is more than the number of files that wait between the comparison and the workers.
const unsureReads = 4096

// of returns which files a run of a session must read although they have not changed; nil: none. It is called when no run is in progress.
func (f *forced) of(session jobs.Session) func(store.Place) bool {
	if !session.Force {
		return nil
	}
	if f.id != session.ID || session.Runs == 1 {
		*f = forced{id: session.ID, read: make(map[uint64]bool)}
	}
	for _, file := range f.last {
		delete(f.read, file)
	}
	f.last = nil
	return func(at store.Place) bool { // from the goroutine of the comparison only
		h := fnv.New64a()
		_, _ = h.Write([]byte(string(at.Root) + "\x00" + at.Dir + "\x00" + at.Name)) // it never fails
		file := h.Sum64()
		if f.read[file] {
			return false
		}
		f.read[file] = true
		if f.last = append(f.last, file); len(f.last) > 2*unsureReads {
			f.last = append([]uint64{}, f.last[unsureReads:]...)
		}
		return true
	}
}

// sessionName names a session in the log.
func sessionName(session jobs.Session) string {
	of := "all folders"
	if len(session.Dirs) > 0 {
		of = words.Path(strings.Join(session.Dirs, ", "))
	}
	return fmt.Sprintf("session %d (%s)", session.ID, of)
}

// failed returns why a session has failed for good, as users are told.
func (s *Server) failed(err error) error {
	fault := words.Fault(err, s.door)
	s.Log.Error(fault.Message, "hint", fault.Hint)
	return &jobs.FailedError{Fault: fault}
}

// events reports what a run does.
func (s *Server) events(t *tracker) index.Events {
	return index.Events{
		Found: func() { t.change(func(p *jobs.Progress) { p.Found++ }) }, Walked: func() { t.change(func(p *jobs.Progress) { p.Walked = true }) },
		Read: func() { t.change(func(p *jobs.Progress) { p.Read++ }) }, TextFound: func() { t.change(func(p *jobs.Progress) { p.Texts++ }) },
		TextRead: func() { t.change(func(p *jobs.Progress) { p.TextsRead++ }) },
		Failed: func(path string, err error) {
			reason := words.Fault(err, s.door).Message
			s.Log.Warn(words.Path(path)+": "+reason, "path", path)
			t.change(func(p *jobs.Progress) {
				if slices.ContainsFunc(p.Failures, func(f jobs.UnreadFile) bool { return f.Path == path }) { // of a run before this one
					return
				}
				if p.Failed++; len(p.Failures) < jobs.MaxFailures {
					p.Failures = append(p.Failures, jobs.UnreadFile{Path: path, Reason: reason})
				}
			})
		},
		Damaged: func(path string) { t.notice(words.Path(path) + ": partly unreadable; indexed the rest") },
		Noticed: func(n index.Notice) {
			w := words.Notice(n, s.door)
			s.Log.Warn(w.Sentence)
			t.notice(w.Sentence)
		},
	}
}

// tracker adds up the progress of a session over its runs, and reports it.
type tracker struct {
	report func(jobs.Progress)
	before jobs.Progress // of earlier runs
	begin  time.Time
	stop   chan struct{}
	ending sync.Once
	done   sync.WaitGroup

	mu  sync.Mutex
	now jobs.Progress
}

// reportEvery is how often progress is reported.
const reportEvery = time.Second

// newTracker starts to report progress at once.
func newTracker(before jobs.Progress, report func(jobs.Progress)) *tracker {
	t := &tracker{report: report, before: before, begin: time.Now(), stop: make(chan struct{})}
	t.now = jobs.Progress{Failures: slices.Clone(before.Failures), Notices: slices.Clone(before.Notices), Failed: before.Failed, Added: before.Added,
		Updated: before.Updated, Moved: before.Moved, Removed: before.Removed, Embedded: before.Embedded}
	report(t.now)
	t.done.Go(func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				report(t.progress())
			case <-t.stop:
				return
			}
		}
	})
	return t
}

func (t *tracker) change(f func(p *jobs.Progress)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.now)
}

// notice adds a notice, once.
func (t *tracker) notice(text string) {
	t.change(func(p *jobs.Progress) {
		if len(p.Notices) < jobs.MaxFailures && !slices.Contains(p.Notices, text) {
			p.Notices = append(p.Notices, text)
		}
	})
}

// progress returns the progress with its rate.
func (t *tracker) progress() jobs.Progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.now
	p.Failures, p.Notices = slices.Clone(p.Failures), slices.Clone(p.Notices)
	rate := float64(p.Read) / time.Since(t.begin).Seconds()
	p.Rate = wire.Round(rate, 2)
	if p.Walked && rate > 0 {
		left := wire.Round(float64(p.Found-p.Read)/rate, 1)
		p.Remaining = &left
	}
	return p
}

// ended sets the counts of a run that has ended.
func (t *tracker) ended(n index.Counts) {
	t.end()
	p := t.progress()
	p.Scanned, p.Unchanged, p.Unreachable = n.Scanned, n.Unchanged, n.Unreachable
	p.Added, p.Updated, p.Moved = t.before.Added+n.Added, t.before.Updated+n.Updated, t.before.Moved+n.Moved
	p.Removed, p.Embedded = t.before.Removed+n.Removed, t.before.Embedded+n.Embedded
	p.Remaining = nil
	t.report(p)
}

// end stops reporting.
func (t *tracker) end() {
	t.ending.Do(func() { close(t.stop) })
	t.done.Wait()
}

// untilClosing returns a context that also ends when the server begins to close.
func (s *Server) untilClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// keepFresh submits sessions when something has changed, and in regular intervals, until the server ends.
func (s *Server) keepFresh(ctx context.Context) {
	ctx, cancel := s.untilClosing(ctx)
	defer cancel()
	var both sync.WaitGroup
	if s.Watch {
		both.Go(func() {
			err := s.App.Watch(ctx, app.Watching{Exclude: s.Indexing.Exclude, OneFileSystem: s.Indexing.OneFileSystem}, func(ctx context.Context, dirs []string) error {
				s.submit(ctx, dirs)
				return nil
			})
			if err != nil && ctx.Err() == nil {
				s.Log.Error(fmt.Sprintf("watching for changes has failed: %v", err))
			}
		})
	}
	if s.Every > 0 {
		both.Go(func() {
			tick := time.NewTicker(s.Every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					s.submit(ctx, nil)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	both.Wait()
}

// submit adds a session that nobody waits for.
func (s *Server) submit(ctx context.Context, dirs []string) {
	distinct := make(map[string]bool)
	for _, dir := range dirs {
		distinct[dir] = true
	}
	r := jobs.Request{Dirs: slices.Sorted(maps.Keys(distinct)), Priority: jobs.Low}
	for {
		if s.shared != nil { // a folder that is gone is found missing by the session of the one above it
			r.Dirs = slices.DeleteFunc(r.Dirs, func(dir string) bool {
				_, err := os.Stat(dir)
				return errors.Is(err, fs.ErrNotExist)
			})
			if len(r.Dirs) == 0 && len(dirs) > 0 {
				return
			}
		}
		_, _, err := s.queue.Submit(ctx, r)
		if err == nil || ctx.Err() != nil {
			return
		}
		s.Log.Error(fmt.Sprintf("cannot add a session, trying again: %s", words.Fault(err, s.door).Message))
		select {
		case <-time.After(workAgain):
		case <-ctx.Done():
		}
	}
}
