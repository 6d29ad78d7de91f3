package storetest

import (
	"errors"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *suite) roots() {
	outer, inner := s.root("/p"), s.root("/p/x_%") // wildcards of SQL, which must be treated as plain bytes
	both, other := file(outer, "x_%", "a", "a"), file(inner, "", "a", "a")
	other.Device = 9
	s.put(both, other, file(inner, "y", "b", "b"), file(inner, "y/z", "c", "c"), file(outer, "x", "d", "d"))
	s.must(s.store.Absorb(s.Context(), outer, inner, "x_%"))
	folders, err := s.store.Folders(s.Context(), store.Folder{Root: outer, Dir: "x_%"})
	s.must(err)
	equal(s, "folders", folders, []store.FolderCount{{Dir: "x_%", Files: 1}, {Dir: "x_%/y", Files: 1}, {Dir: "x_%/y/z", Files: 1}})
	roots, err := s.store.Roots(s.Context())
	s.must(err)
	equal(s, "roots", roots, []store.Root{{ID: outer, Path: "/p", Walked: true, Files: 4, Bytes: 40}})
	s.must(s.store.MoveRoot(s.Context(), "/p", "/q"))
	if err := s.store.MoveRoot(s.Context(), "/p", "/r"); !errors.Is(err, store.ErrNoRoot) {
		s.Errorf("moved what is no root: %v", err)
	}
	if roots, err = s.store.Roots(s.Context()); err != nil || roots[0].Path != "/q" || roots[0].ID != outer {
		s.Errorf("moved: %+v, %v", roots, err)
	}
	single, err := s.store.AddRoot(s.Context(), "/single", false)
	s.must(err)
	equal(s, "walked", single.Walked, false)
	again, err := s.store.AddRoot(s.Context(), "/single", true)
	s.must(err)
	equal(s, "walked from now on", again, store.Root{ID: single.ID, Path: "/single", Walked: true})
	n, err := s.store.RemoveRoot(s.Context(), "/q")
	s.must(err)
	equal(s, "files of the removed root", n, 4)
	if _, err := s.store.RemoveRoot(s.Context(), "/q"); !errors.Is(err, store.ErrNoRoot) {
		s.Errorf("removed what is no root: %v", err)
	}
	totals, err := s.store.Totals(s.Context())
	s.must(err)
	equal(s, "totals", totals, store.Totals{Roots: 1})
	s.put(file(s.root("/new"), "", "a", "a"))
	equal(s, "a picture of the removed root in a new one", len(s.record("a").Files), 1)
}

func (s *suite) imported() {
	first := s.root("/p")
	there := store.Root{ID: "0123456789abcdef", Path: "/p", Walked: true}
	got, err := s.store.ImportRoot(s.Context(), there, nil)
	s.must(err)
	equal(s, "a root whose path is taken", got, store.Root{ID: there.ID, Path: "/p (2)", Walked: true})
	s.put(file(first, "d", "a", "a"), file(there.ID, "d", "a", "a"))
	if got, err = s.store.ImportRoot(s.Context(), there, nil); err != nil || got.Path != "/p (2)" || got.Files != 1 {
		s.Errorf("the same root again: %+v, %v", got, err)
	}
	s.write(func(tx store.Tx) error {
		if err := tx.PutPicture(s.Context(), store.Picture{ID: id("b"), Format: "jpeg", Width: 4, Height: 3, Orientation: 1}); err != nil {
			return err
		}
		return tx.PutFiles(s.Context(), []store.FileRecord{file(there.ID, "e", "b", "b"), file(first, "e", "b", "b")})
	})
	equal(s, "files of a picture", len(s.record("b").Files), 2)
}

func (s *suite) devices() {
	root := s.root("/p")
	a, b := file(root, "d", "a", "a"), file(root, "d", "b", "b")
	b.Device = 2
	s.put(a, b)
	device := func(name string) uint64 {
		state, err := s.store.Folder(s.Context(), store.Folder{Root: root, Dir: "d"}, "")
		s.must(err)
		return state.Files[name].Device
	}
	devices := func() map[uint64]bool {
		d, err := s.store.Devices(s.Context(), root)
		s.must(err)
		return d
	}
	equal(s, "devices", devices(), map[uint64]bool{1: true, 2: true})
	s.write(func(tx store.Tx) error { return tx.Redevice(s.Context(), root, 1, 5) })
	equal(s, "a disk with another number", device("a"), 5)
	equal(s, "the other disk", device("b"), 2)
	s.write(func(tx store.Tx) error { return tx.SetDevice(s.Context(), root, []store.Place{b.Place}, 5) })
	equal(s, "a file on another disk", device("b"), 5)
	equal(s, "devices that hold files", devices(), map[uint64]bool{5: true})
	s.write(func(tx store.Tx) error { return tx.SetDevice(s.Context(), root, []store.Place{b.Place}, 2) })
	s.write(func(tx store.Tx) error { return tx.Redevice(s.Context(), root, 5, 2) })
	equal(s, "two disks that turn out to be one", devices(), map[uint64]bool{2: true})
}

func (s *suite) models() {
	root := s.root("/p")
	s.put(file(root, "", "a", "a"), file(root, "", "a2", "a"), file(root, "", "b", "b"))
	all := func() store.Models {
		l, err := s.store.Models(s.Context())
		s.must(err)
		return l
	}
	first, second := s.model("one"), s.model("two")
	equal(s, "the first is the default", all()[0].Role, store.Default)
	equal(s, "the second is nothing", all()[1].Role, store.NoRole)
	s.vector(second, "a", 0, unit(1))
	s.vector(second, "a", 1, unit(2))
	s.vector(second, "b", 0, unit(3))
	equal(s, "pictures, not vectors, are counted", all()[1].Embedded, 2)
	s.vector(second, "b", 0, unit(4))
	equal(s, "made again", all()[1].Embedded, 2)
	s.must(s.store.SetRole(s.Context(), second, store.Wanted))
	wanted, ok := all().Of(store.Wanted)
	equal(s, "wanted", ok && wanted.Identity == second, true)
	s.must(s.store.DropModel(s.Context(), first))
	equal(s, "the default stays", len(all()), 2)
	s.must(s.store.SetRole(s.Context(), second, store.Default))
	_, ok = all().Of(store.Wanted)
	equal(s, "no model is waiting to be the default", ok, false)
	s.must(s.store.DropModel(s.Context(), first))
	equal(s, "models", len(all()), 1)
	m, err := s.store.PutModel(s.Context(), store.Model{Identity: second, Name: "new name", Ref: "elsewhere", Dim: dim, Precision: "fp32"})
	s.must(err)
	equal(s, "known by its identity", m, store.Model{Identity: second, Name: "new name", Ref: "elsewhere", Dim: dim, Precision: "fp32", Role: store.Default, Embedded: 2})
	s.must(s.store.SetCalibration(s.Context(), second, &store.Calibration{Base: 0.25, PicturesMin: 100, Bins: []store.ScoreBin{{From: 0.5, Share: 1}}}))
	if c := all()[0].Calibration; c == nil || c.Base != 0.25 || len(c.Bins) != 1 {
		s.Errorf("the calibration: %+v", c)
	}
	s.must(s.store.SetCalibration(s.Context(), second, nil))
	equal(s, "the calibration is forgotten", all()[0].Calibration == nil, true)
	equal(s, "an unknown model's", errors.Is(s.store.SetCalibration(s.Context(), "unknown", nil), store.ErrUnknownModel), true)
	third := s.model("one")
	near, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: third, Vector: unit(1), Limit: 3})
	s.must(err)
	equal(s, "a dropped model's vectors", len(near.Hits), 0)
}

func (s *suite) totals() {
	root, model := s.root("/p"), s.model("m")
	check := func(what string, files, pictures, embedded int) {
		s.Helper()
		totals, err := s.store.Totals(s.Context())
		s.must(err)
		equal(s, what, totals, store.Totals{Roots: 1, Files: files, Pictures: pictures, Bytes: 10 * int64(files)})
		all, err := s.store.Models(s.Context())
		s.must(err)
		equal(s, what+": embedded", all[0].Embedded, embedded)
	}
	a, b := file(root, "d", "a", "a"), file(root, "d", "b", "b")
	s.put(a, b, file(root, "d", "a2", "a"))
	s.vector(model, "a", 0, unit(1))
	check("two pictures", 3, 2, 1)
	s.write(func(tx store.Tx) error { _, err := tx.DeleteFiles(s.Context(), []store.Place{a.Place}); return err })
	check("one copy is gone", 2, 2, 1)
	b.Picture = id("a")
	s.put(b)
	check("a file has become another picture", 2, 1, 1)
	s.write(func(tx store.Tx) error {
		_, err := tx.DeleteBelow(s.Context(), []store.Folder{{Root: root, Dir: "d"}})
		return err
	})
	check("all gone", 0, 0, 0)
	s.put(a)
	check("back", 1, 1, 1)
}
