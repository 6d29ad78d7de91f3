package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/sqlite/jobqueue"
	"github.com/imgsearch/imgsearch/index/store"
)

// Live is the configured index for a process that runs for a long time: it is opened once it exists, and again when another file has taken its place, as
// after a repair or a restore.
type Live struct {
	at     Index
	engine func(store.Store) *query.Engine

	mu      sync.Mutex
	current *lent
	checked time.Time
}

// lent is an open index, which is closed when nobody uses it and another one has taken its place.
type lent struct {
	ix     store.Store
	engine *query.Engine
	file   os.FileInfo
	users  int
	old    bool
}

// upgradeWait is how long requests wait for another process that makes or upgrades the index.
const upgradeWait = 3 * time.Second

// lookEvery is how often the file is looked at.
const lookEvery = time.Second

// Live returns the configured index. engine makes the engine of each index that is opened.
func (a *App) Live(engine func(store.Store) *query.Engine) (*Live, error) {
	at, err := a.Index()
	return &Live{at: at, engine: engine}, err
}

// Base is Index.Base.
func (l *Live) Base() string { return l.at.Base() }

// UseNow is Use, but notices at once that another file has taken the index's place.
func (l *Live) UseNow(ctx context.Context) (ix store.Store, engine *query.Engine, done func(), err error) {
	l.mu.Lock()
	l.checked = time.Time{}
	l.mu.Unlock()
	return l.Use(ctx)
}

// Use returns the index and its engine. The caller calls done when it no longer uses them. If there is no index, the error is store.ErrNoIndex.
func (l *Live) Use(ctx context.Context) (ix store.Store, engine *query.Engine, done func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.look(ctx); err != nil {
		return nil, nil, nil, err
	}
	o := l.current
	o.users++
	return o.ix, o.engine, func() { l.release(o) }, nil
}

// look opens the index if it is not open, or not the one that is open. The caller holds mu.
func (l *Live) look(ctx context.Context) error {
	if l.current != nil && time.Since(l.checked) < lookEvery {
		return nil
	}
	l.checked = time.Now()
	var file os.FileInfo
	if l.at.InDatabase() {
		if l.current != nil {
			return nil // its connections are made anew if they break
		}
	} else {
		found, err := os.Stat(l.at.Path)
		if l.current != nil {
			if err == nil && os.SameFile(found, l.current.file) {
				return nil
			}
			l.retire()
		}
		if err := l.at.Check(); err != nil {
			return fmt.Errorf("open index %q: %w", l.at.Path, err)
		}
		if file, err = os.Stat(l.at.Path); err != nil {
			return fmt.Errorf("open index %q: %w", l.at.Path, store.ErrNoIndex)
		}
	}
	at := l.at
	at.Wait = upgradeWait
	ix, err := at.OpenForReading(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	l.current = &lent{ix: ix, engine: l.engine(ix), file: file}
	return nil
}

// retire closes the current index once nobody uses it. The caller holds mu.
func (l *Live) retire() {
	o := l.current
	l.current, o.old = nil, true
	if o.users == 0 {
		o.ix.Close()
	}
}

func (l *Live) release(o *lent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.users--; o.users == 0 && o.old {
		o.ix.Close()
	}
}

// Close closes the index once nobody uses it.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil {
		l.retire()
	}
}

// SessionsDamaged is the notice that the sessions could not be read, and where their file is kept.
type SessionsDamaged struct{ Kept string }

// Sessions opens the queue of sessions beside the index. jobs.ErrTaken: another process has it. If the file is damaged, it gets another name, which is
// returned as kept, and the queue is empty.
func (i Index) Sessions(ctx context.Context) (q *jobqueue.Queue, kept string, err error) {
	path := jobqueue.Path(i.Base())
	q, err = jobqueue.Open(ctx, path)
	if !errors.Is(err, store.ErrDamaged) {
		return q, "", err
	}
	kept = path + ".damaged-" + time.Now().UTC().Format("20060102T150405Z")
	if err := os.Rename(path, kept); err != nil {
		return nil, "", err
	}
	for _, suffix := range jobqueue.Suffixes[1:] {
		_ = os.Rename(path+suffix, kept+suffix)
	}
	q, err = jobqueue.Open(ctx, path)
	return q, kept, err
}
