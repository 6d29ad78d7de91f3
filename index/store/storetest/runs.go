package storetest

import (
	"errors"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *suite) queries() {
	model, other := s.model("m"), s.model("other")
	s.must(s.store.RememberQueries(s.Context(), model, map[string][]float32{"dog": unit(1), "cat": unit(2)}))
	known, err := s.store.Queries(s.Context(), model, []string{"dog", "cow"})
	s.must(err)
	equal(s, "known", known, map[string][]float32{"dog": unit(1)})
	known, err = s.store.Queries(s.Context(), other, []string{"dog"})
	s.must(err)
	equal(s, "of another model", len(known), 0)
	s.must(s.store.RememberQueries(s.Context(), model, map[string][]float32{"dog": unit(3)}))
	known, err = s.store.Queries(s.Context(), model, []string{"dog", "cat"})
	s.must(err)
	equal(s, "the last one counts", known, map[string][]float32{"dog": unit(3), "cat": unit(2)})
}

func (s *suite) suspects() {
	root := s.root("/p")
	a, b := store.Place{Root: root, Dir: "d", Name: "a"}, store.Place{Root: root, Dir: "", Name: "b"}
	s.write(func(tx store.Tx) error {
		return errors.Join(tx.PutSuspect(s.Context(), a), tx.PutSuspect(s.Context(), b), tx.PutSuspect(s.Context(), store.Place{Root: "gone", Name: "c"}))
	})
	suspects, err := s.store.Suspects(s.Context())
	s.must(err)
	equal(s, "suspects", suspects, map[store.Place]bool{a: true, b: true})
	s.write(func(tx store.Tx) error { return tx.DeleteSuspect(s.Context(), a) })
	suspects, err = s.store.Suspects(s.Context())
	s.must(err)
	equal(s, "suspects", suspects, map[store.Place]bool{b: true})

	fail := func(at store.Place, stage store.Stage) {
		s.write(func(tx store.Tx) error {
			return tx.PutFailure(s.Context(), store.Failure{Place: at, Stage: stage, Reason: "why"})
		})
	}
	fail(a, store.StageDecode)
	fail(b, store.StageSniff)
	failures, err := s.store.Failures(s.Context())
	s.must(err)
	if len(failures) != 1 || failures[0].Place != a || time.Since(failures[0].FailedAt) > time.Minute {
		s.Errorf("failures %+v", failures)
	}
	totals, err := s.store.Totals(s.Context())
	s.must(err)
	equal(s, "bystanders do not count", totals.Failures, 1)
	dirs, err := s.store.FailureFolders(s.Context(), store.Folder{Root: root})
	s.must(err)
	equal(s, "folders with failures", dirs, []string{"", "d"})
	s.put(file(root, "d", "a", "a"))
	if failures, err = s.store.Failures(s.Context()); err != nil || len(failures) != 0 {
		s.Errorf("a file that was read has failed: %+v, %v", failures, err)
	}
	fail(store.Place{Root: root, Dir: "d", Name: "x"}, store.StageCrash)
	s.write(func(tx store.Tx) error {
		return errors.Join(tx.DeleteFailures(s.Context(), []store.Place{b}), tx.DeleteFailuresIn(s.Context(), []store.Folder{{Root: root, Dir: "d"}}))
	})
	dirs, err = s.store.FailureFolders(s.Context(), store.Folder{Root: root})
	s.must(err)
	equal(s, "forgotten", len(dirs), 0)
}

func (s *suite) runs() {
	model := s.model("m")
	if _, ok, err := s.store.LastRun(s.Context(), false); ok || err != nil {
		s.Errorf("a run of a new index: %v", err)
	}
	first, err := s.store.StartRun(s.Context(), model)
	s.must(err)
	s.must(s.store.EndRun(s.Context(), store.Run{ID: first, Complete: true, Provider: "cpu", Embedded: 3, Summary: `{"a":1}`}))
	second, err := s.store.StartRun(s.Context(), model)
	s.must(err)
	last, ok, err := s.store.LastRun(s.Context(), false)
	s.must(err)
	equal(s, "the last one runs", ok && last.ID == second && last.EndedAt.IsZero(), true)
	last, ok, err = s.store.LastRun(s.Context(), true)
	s.must(err)
	equal(s, "the last complete one", ok && last.ID == first && last.Complete && !last.EndedAt.IsZero() && last.Provider == "cpu" && last.Embedded == 3, true)
	equal(s, "summary", last.Summary, `{"a":1}`)
	list, err := s.store.Runs(s.Context(), 5)
	s.must(err)
	equal(s, "those that have ended", len(list) == 1 && list[0].ID == first, true)
	s.must(s.store.EndRun(s.Context(), store.Run{ID: second}))
	list, err = s.store.Runs(s.Context(), 5)
	s.must(err)
	equal(s, "the newest first", len(list) == 2 && list[0].ID == second && list[1].ID == first, true)
	list, err = s.store.Runs(s.Context(), 1)
	s.must(err)
	equal(s, "at most so many", len(list) == 1 && list[0].ID == second, true)
	s.must(s.store.PrepareSearch(s.Context(), model))
}

func (s *suite) lock() {
	l, err := s.store.Lock(s.Context())
	s.must(err)
	if _, err := s.store.Lock(s.Context()); !errors.Is(err, store.ErrBusy) {
		s.Errorf("locked twice: %v", err)
	}
	s.must(l.Unlock())
	l, err = s.store.Lock(s.Context())
	s.must(err)
	s.must(l.Unlock())
	root := s.root("/p")
	l, err = s.store.Lock(s.Context(), root)
	s.must(err)
	for _, roots := range [][]store.RootID{nil, {root}} {
		if _, err := s.store.Lock(s.Context(), roots...); !errors.Is(err, store.ErrBusy) {
			s.Errorf("locked %v, whose root is locked: %v", roots, err)
		}
	}
	s.must(l.Unlock())
}
