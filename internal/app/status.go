package app

import (
	"cmp"
	"context"
	"slices"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// The states of a run without a recorded end, as wire.LastRun has them.
const (
	RunRunning = "running" // the index's lock is held
	RunCrashed = "crashed"
	RunUnknown = "unknown"
)

// shownRuns is the number of runs to list.
const shownRuns = 10

// Status returns the status of an index, including the list of failures if withFailures is set.
func (a *App) Status(ctx context.Context, ix store.Store, withFailures bool) (s wire.Status, err error) {
	s = wire.Status{Schema: wire.Schema, Index: ix.Location(), Roots: []string{}}
	if sized, ok := ix.(store.Sized); ok {
		s.IndexBytes = sized.Bytes()
	}
	if checker, ok := ix.(store.Checker); ok {
		if s.IndexSchema, err = checker.Schema(ctx); err != nil {
			return s, err
		}
	}
	roots, err := ix.Roots(ctx)
	if err != nil {
		return s, err
	}
	byID := make(map[store.RootID]string)
	for _, r := range roots {
		s.Roots = append(s.Roots, r.Path)
		byID[r.ID] = r.Path
	}
	n, err := ix.Totals(ctx)
	if err != nil {
		return s, err
	}
	s.Files, s.Pictures, s.PhotoBytes, s.Failures = n.Files, n.Pictures, n.Bytes, n.Failures
	if err := addModels(ctx, ix, &s); err != nil {
		return s, err
	}
	if err := a.addText(ctx, ix, &s); err != nil {
		return s, err
	}
	labels, err := ix.LabelState(ctx)
	if err != nil {
		return s, err
	}
	if labels.Model != "" {
		s.Labels = &wire.LabelStatus{Labels: labels.Labels, Compared: labels.Compared, Labelled: labels.Labelled, Current: s.Model != nil && s.Model.Identity == labels.Model}
	}
	if err := addRuns(ctx, ix, &s); err != nil {
		return s, err
	}
	if s.LastRun, err = a.lastRun(ctx, ix); err != nil {
		return s, err
	}
	if err := addWorkers(ctx, ix, roots, &s); err != nil {
		return s, err
	}
	if !withFailures {
		return s, nil
	}
	failures, err := ix.Failures(ctx)
	for _, f := range failures {
		path := f.Path(byID[f.Root])
		s.FailureList = append(s.FailureList, wire.FailedFile{
			Path: path, PathB64: wire.NotUTF8(path), Stage: string(f.Stage), Reason: english.OneLine(f.Reason), FailedAt: wire.Stamp(f.FailedAt),
		})
	}
	return s, err
}

// addModels adds the models and how many pictures each has vectors of, the default model first.
func addModels(ctx context.Context, ix store.Store, s *wire.Status) error {
	known, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	s.Models = []wire.ModelStatus{}
	for _, m := range known {
		one := wire.ModelStatus{Name: m.Name, Identity: m.Identity, Precision: m.Precision, Dim: m.Dim, Embedded: m.Embedded, Role: string(m.Role)}
		if m.Role == store.Default {
			s.Model = &one
			s.Models = slices.Insert(s.Models, 0, one)
			continue
		}
		s.Models = append(s.Models, one)
	}
	return nil
}

// addText adds the coverage of the texts. A text model that is not installed has its name only.
func (a *App) addText(ctx context.Context, ix store.Store, s *wire.Status) (err error) {
	if s.Text.OCR, err = ix.Setting(ctx, store.SettingOCR); err != nil {
		return err
	}
	s.Text.OCR = cmp.Or(s.Text.OCR, store.OCRAuto)
	if s.Text.Model, err = ix.Setting(ctx, store.SettingTextModel); err != nil {
		return err
	}
	m, err := a.TextModel(s.Text.Model)
	if err != nil {
		a.Logf("%v", err)
		return nil
	}
	s.Text.Model = m.Name
	c, err := ix.TextCoverage(ctx, m.Identity)
	s.Text.Read, s.Text.WithText = c.Read, c.WithText
	return err
}

// lastRun returns how the last run ended, or that it is running; nil if there was none.
func (a *App) lastRun(ctx context.Context, ix store.Store) (*wire.LastRun, error) {
	run, ok, err := ix.LastRun(ctx, false)
	if err != nil || !ok {
		return nil, err
	}
	state := RunRunning
	if run.EndedAt.IsZero() {
		if state, err = a.stateByLock(); err != nil {
			return nil, err
		}
		if state == RunCrashed { // or it has just ended
			if run, _, err = ix.LastRun(ctx, false); err != nil {
				return nil, err
			}
		}
	}
	r := &wire.LastRun{Started: run.StartedAt, StartedAt: wire.Stamp(run.StartedAt), Complete: run.Complete, State: state, Provider: run.Provider, Embedded: run.Embedded}
	if !run.EndedAt.IsZero() {
		ended := wire.Stamp(run.EndedAt)
		record := index.RecordOf(run)
		r.EndedAt, r.State, r.Error = &ended, string(record.State), english.OneLine(record.Error)
	}
	return r, nil
}

// stateByLock returns the state of a run without an end. It is unknown if the lock cannot be read, because it is another user's.
func (a *App) stateByLock() (string, error) {
	at, err := a.Index()
	if err != nil {
		return "", err
	}
	locked, err := at.IsLocked()
	switch {
	case err != nil:
		a.Logf("%v", err)
		return RunUnknown, nil
	case locked:
		return RunRunning, nil
	}
	return RunCrashed, nil
}

// addRuns adds the last runs, and the roots that could not be reached.
func addRuns(ctx context.Context, ix store.Store, s *wire.Status) error {
	list, err := ix.Runs(ctx, shownRuns)
	if err != nil {
		return err
	}
	s.Runs, s.UnreachableRoots = []wire.EndedRun{}, []string{}
	for _, run := range list {
		s.Runs = append(s.Runs, newEndedRun(run))
	}
	away, err := index.Unreachable(ctx, ix)
	for _, r := range away {
		s.UnreachableRoots = append(s.UnreachableRoots, r.Path)
	}
	return err
}

func newEndedRun(run store.Run) wire.EndedRun {
	r := index.RecordOf(run)
	e := wire.EndedRun{StartedAt: wire.Stamp(run.StartedAt), EndedAt: wire.Stamp(run.EndedAt), State: string(r.State), Error: english.OneLine(r.Error), Provider: run.Provider, Embedded: run.Embedded}
	if r.Version > 0 {
		e.Counts = &wire.RunCounts{Counts: r.Counts, ElapsedMS: r.ElapsedMS}
	}
	return e
}
