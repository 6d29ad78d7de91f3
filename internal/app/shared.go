package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/postgres/jobqueue"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// Shared is an index in a database whose sessions workers share.
type Shared struct {
	app *App
	ix  *postgres.Store
	q   *jobqueue.Queue
}

// OpenShared opens the configured index, which must be in a database, and its sessions. It creates the index if it does not exist.
func (a *App) OpenShared(ctx context.Context) (*Shared, error) {
	at, err := a.Index()
	if err != nil {
		return nil, err
	}
	if !at.InDatabase() {
		return nil, fmt.Errorf("index %q: %w", at.Location(), ErrInFile)
	}
	ix, err := postgres.Open(ctx, at.Path, at.databaseOptions())
	if err != nil {
		return nil, err
	}
	q, err := jobqueue.Open(ctx, ix)
	if err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	return &Shared{a, ix, q}, nil
}

// ErrInFile means that only an index in a database can be shared by workers.
var ErrInFile = errors.New("the index is in a file, not in a database that workers can share")

// Store returns the index.
func (s *Shared) Store() store.Store { return s.ix }

// Close closes the index.
func (s *Shared) Close() error { return s.ix.Close() }

// Workers returns the running workers.
func (s *Shared) Workers(ctx context.Context) ([]jobqueue.Worker, error) { return s.q.Workers(ctx) }

// sharedOptions are what the jobs of a session must know.
type sharedOptions struct {
	Model         sharedModel `json:"model"`
	Exclude       []string    `json:"exclude,omitempty"`
	OneFileSystem bool        `json:"one_file_system,omitempty"`
	Prune         bool        `json:"prune,omitempty"`
	NoPairs       bool        `json:"no_pairs,omitempty"`
	KeepPreviews  bool        `json:"keep_previews,omitempty"`
	UseMTime      bool        `json:"use_mtime,omitempty"`
	RetryFailed   bool        `json:"retry_failed,omitempty"`
	MaxPixels     int64       `json:"max_pixels,omitempty"`
}

// sharedModel is the model of a session.
type sharedModel struct {
	Name      string `json:"name"`
	Precision string `json:"precision"`
	Identity  string `json:"identity"`
}

// Serves reports whether running workers can index all these folders; no paths name all roots that this machine sees. It is false for a file.
func (s *Shared) Serves(ctx context.Context, paths []string) (bool, error) {
	roots, err := s.ix.Roots(ctx)
	if err != nil {
		return false, err
	}
	var known []store.RootID
	isNew := false
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return false, nil //nolint:nilerr // a run of this process reports it
		}
		var in store.Root // the innermost root
		for _, r := range roots {
			if _, inside := store.Relative(r.Path, path); inside && !r.Elsewhere && len(r.Path) >= len(in.Path) {
				in = r
			}
		}
		if in.ID == "" {
			isNew = true
		} else {
			known = append(known, in.ID)
		}
	}
	if len(paths) == 0 {
		for _, r := range roots {
			if !r.Elsewhere {
				known = append(known, r.ID)
			}
		}
		if len(known) == 0 {
			return false, nil
		}
	}
	return s.q.Serves(ctx, known, isNew)
}

// IsBusy reports whether a session that has not ended concerns one of these folders.
func (s *Shared) IsBusy(ctx context.Context, paths []string) (bool, error) {
	roots, err := s.ix.Roots(ctx)
	if err != nil {
		return false, err
	}
	if len(paths) == 0 {
		for _, r := range roots {
			if !r.Elsewhere {
				paths = append(paths, r.Path)
			}
		}
	}
	open, err := s.q.Open(ctx)
	if err != nil {
		return false, err
	}
	all, err := s.here(ctx, open)
	for _, one := range all {
		for _, path := range paths {
			_, inside := store.Relative(path, one.Dirs[0])
			_, around := store.Relative(one.Dirs[0], path)
			if inside || around {
				return true, nil
			}
		}
	}
	return false, err
}

// IsDeserted reports whether no running worker can do a session.
func IsDeserted(s jobs.Session) bool { return s.Waiting == jobqueue.NoWorker }

// Divide adds a session for each folder of a request, for workers. Of the request, Jobs, MaxMemory, Provider, For, Start, Stop, Reread and Vision are not used.
// isNew reports whether each was added, and was not there before.
func (s *Shared) Divide(ctx context.Context, o Indexing, priority jobs.Priority, force bool) (list []jobs.Session, isNew []bool, err error) {
	r := &indexing{App: s.app, Indexing: o, ix: s.ix}
	if r.chosen, err = s.app.ChooseModel(ctx, s.ix, o.Model, true); err != nil {
		return nil, nil, err
	}
	if r.chosen.Precision == embed.Int8 { // which a model may not have
		loader := s.app.Loader(r.chosen, Loading{})
		defer s.app.Release(loader)
		if err := loader.Prepare(); err != nil {
			return nil, nil, err
		}
	}
	if r.stored, err = r.register(ctx); err != nil {
		return nil, nil, err
	}
	if _, err := r.chooseOCR(ctx); err != nil {
		return nil, nil, err
	}
	options, err := json.Marshal(sharedOptions{
		Model:   sharedModel{r.chosen.Spec.Model.Ref(), string(r.chosen.Precision), r.chosen.Identity},
		Exclude: o.Exclude, OneFileSystem: o.OneFileSystem, Prune: o.Prune, NoPairs: o.NoPairs, KeepPreviews: o.KeepPreviews, UseMTime: o.UseMTime,
		RetryFailed: o.RetryFailed, MaxPixels: o.MaxPixels,
	})
	if err != nil {
		return nil, nil, err
	}
	parts, err := index.Prepare(ctx, s.ix, index.Request{
		Paths: o.Paths, LockRoots: func(ctx context.Context, roots []store.RootID) (store.Lock, error) { return s.ix.Lock(ctx, roots...) },
	})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		one, added, err := s.q.Submit(ctx, jobqueue.Request{Root: p.Root.ID, Start: p.Start, Options: options, Force: force, Priority: priority})
		if err != nil {
			return list, isNew, err
		}
		list, isNew = append(list, asSession(one, p.Root)), append(isNew, added)
	}
	return list, isNew, nil
}

// here returns sessions with paths as this machine sees them.
func (s *Shared) here(ctx context.Context, of []jobqueue.Session) ([]jobs.Session, error) {
	roots, err := s.ix.Roots(ctx)
	if err != nil {
		return nil, err
	}
	byID := rootsByID(roots)
	list := make([]jobs.Session, len(of))
	for i, one := range of {
		list[i] = asSession(one, byID[one.Root])
	}
	return list, nil
}

func rootsByID(roots []store.Root) map[store.RootID]store.Root {
	byID := make(map[store.RootID]store.Root)
	for _, r := range roots {
		byID[r.ID] = r
	}
	return byID
}

// asSession returns a session as one of a queue that one process works on.
func asSession(s jobqueue.Session, root store.Root) jobs.Session {
	in := func(rel string) string { return store.Folder{Dir: rel}.Path(root.Path) }
	j := jobs.Session{
		ID: s.ID, Request: jobs.Request{Dirs: []string{in(s.Start)}, Priority: s.Priority, Force: s.Force}, State: s.State, CreatedAt: s.CreatedAt, StartedAt: s.StartedAt,
		EndedAt: s.EndedAt, Runs: s.Runs, Cancelling: s.Cancelling, Error: s.Error, Waiting: s.Waiting, Revision: s.Revision,
	}
	c := s.Counts
	p := &j.Progress
	p.Found, p.Read, p.Walked, p.Scanned, p.Unchanged, p.Added, p.Updated, p.Moved = s.Files, s.Done, s.Walked, c.Scanned, c.Unchanged, c.Added, c.Updated, c.Moved
	p.Removed, p.Embedded, p.Failed, p.Texts, p.TextsRead, p.Unreachable, p.Notices = c.Removed, c.Embedded, c.Failed, s.Texts, c.TextsRead, c.Unreachable, s.Notices
	for _, f := range s.Failures {
		p.Failures = append(p.Failures, jobs.UnreadFile{Path: in(f.Path), Reason: f.Reason})
	}
	if end := s.EndedAt; !s.StartedAt.IsZero() {
		if end.IsZero() {
			end = time.Now()
		}
		rate := float64(s.Done) / max(end.Sub(s.StartedAt).Seconds(), 1e-3)
		p.Rate = wire.Round(rate, 2)
		if s.Walked && rate > 0 && !s.State.HasEnded() {
			left := wire.Round(float64(s.Files-s.Done)/rate, 1)
			p.Remaining = &left
		}
	}
	return j
}

// Summary returns the sum of sessions that have ended, as of one run.
func (s *Shared) Summary(ctx context.Context, ids []int64) (done Indexed, err error) {
	var begin, texts, end time.Time
	var providers []string
	done.Complete = true
	for _, id := range ids {
		one, err := s.q.Session(ctx, id)
		if err != nil {
			return done, err
		}
		done.Counts = done.Plus(one.Counts)
		done.Complete = done.Complete && one.State == jobs.Done
		if !one.StartedAt.IsZero() && (begin.IsZero() || one.StartedAt.Before(begin)) {
			begin = one.StartedAt
		}
		if one.TextsAt.After(texts) {
			texts = one.TextsAt
		}
		if !one.State.HasEnded() {
			one.EndedAt = time.Now()
		}
		if one.EndedAt.After(end) {
			end = one.EndedAt
		}
		for _, p := range one.Providers {
			if !slices.Contains(providers, p) {
				providers = append(providers, p)
			}
		}
		var o sharedOptions
		if err := json.Unmarshal(one.Options, &o); err != nil {
			return done, err
		}
		if done.Model, err = s.app.ChooseModel(ctx, s.ix, ModelChoice{o.Model.Name, o.Model.Precision}, true); err != nil {
			return done, err
		}
	}
	if !begin.IsZero() {
		done.Elapsed = end.Sub(begin)
	}
	if !texts.IsZero() {
		done.TextElapsed = end.Sub(texts)
	}
	slices.Sort(providers)
	done.Provider.Name = strings.Join(providers, ", ")
	mode, err := s.ix.Setting(ctx, store.SettingOCR)
	if err != nil || mode == store.OCROff {
		return done, err
	}
	m, err := s.app.textModelOf(ctx, s.ix)
	if err != nil {
		return done, err
	}
	done.TextModel = m.Name
	totals, err := s.ix.Totals(ctx)
	if err != nil {
		return done, err
	}
	c, err := s.ix.TextCoverage(ctx, m.Identity)
	done.TextsLeft = max(totals.Pictures-c.Read, 0)
	return done, err
}

// SharedSessions are the sessions of a shared index, with the options of a server.
type SharedSessions struct {
	*Shared

	Indexing Indexing
}

var _ jobs.Sessions = SharedSessions{}

// Submit adds a session for each folder, and returns the first.
func (s SharedSessions) Submit(ctx context.Context, r jobs.Request) (jobs.Session, bool, error) {
	o := s.Indexing
	o.Paths = r.Dirs
	list, isNew, err := s.Divide(ctx, o, r.Priority, r.Force)
	if err != nil || len(list) == 0 {
		return jobs.Session{}, false, err
	}
	return list[0], isNew[0], nil
}

// Session returns a session.
func (s *Shared) Session(ctx context.Context, id int64) (jobs.Session, error) {
	return s.one(ctx, func() (jobqueue.Session, error) { return s.q.Session(ctx, id) })
}

// List returns up to limit sessions, the newest first.
func (s *Shared) List(ctx context.Context, limit int) ([]jobs.Session, error) {
	list, err := s.q.Sessions(ctx, limit)
	if err != nil {
		return nil, err
	}
	return s.here(ctx, list)
}

// Cancel cancels a session.
func (s *Shared) Cancel(ctx context.Context, id int64) (jobs.Session, error) {
	return s.one(ctx, func() (jobqueue.Session, error) { return s.q.Cancel(ctx, id) })
}

// After waits until a session's revision is above the given one.
func (s *Shared) After(ctx context.Context, id, revision int64) (jobs.Session, error) {
	return s.one(ctx, func() (jobqueue.Session, error) { return s.q.After(ctx, id, revision) })
}

func (s *Shared) one(ctx context.Context, get func() (jobqueue.Session, error)) (jobs.Session, error) {
	one, err := get()
	if one.ID == 0 {
		return jobs.Session{}, err
	}
	list, hereErr := s.here(context.WithoutCancel(ctx), []jobqueue.Session{one})
	if hereErr != nil {
		return jobs.Session{}, errors.Join(err, hereErr)
	}
	return list[0], err
}

// addWorkers adds the running workers of an index in a database, and the sessions that have not ended.
func addWorkers(ctx context.Context, ix store.Store, roots []store.Root, s *wire.Status) error {
	db, ok := ix.(*postgres.Store)
	if !ok {
		return nil
	}
	byID := rootsByID(roots)
	q := jobqueue.Look(db)
	workers, err := q.Workers(ctx)
	if err != nil {
		return err
	}
	for _, w := range workers {
		one := wire.WorkerStatus{Host: w.Host, PID: w.PID, Version: w.Version, Provider: w.Provider, Roots: []string{}, Reserve: w.Reserve, StartedAt: wire.Stamp(w.StartedAt)}
		for _, id := range w.Roots {
			one.Roots = append(one.Roots, byID[id].Path)
		}
		s.Workers = append(s.Workers, one)
	}
	sessions, err := q.Open(ctx)
	for _, one := range sessions {
		j := asSession(one, byID[one.Root])
		s.Sessions = append(s.Sessions, wire.SessionStatus{ID: j.ID, Folder: j.Dirs[0], State: string(j.State), Found: j.Progress.Found, Read: j.Progress.Read, Waiting: wire.OrNull(j.Waiting)})
	}
	return err
}

// relativeTo returns the path of a file in a root.
func relativeTo(root store.Root, path string) string {
	if rel, ok := store.Relative(root.Path, path); ok {
		return filepath.ToSlash(rel)
	}
	return path
}
