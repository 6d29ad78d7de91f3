package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *suite) folders() {
	root, model := s.root("/p"), s.model("m")
	full := file(root, "d", "a.jpg", "a")
	full.Export = store.Sidecar{Name: "a.jpg.json", Stat: store.Stat{Size: 5, MTimeNS: 6}}
	full.Sidecar = store.Sidecar{Name: "a.xmp", Stat: store.Stat{Size: 3, MTimeNS: 4}}
	full.Twins = []string{"a.cr2", "a.heic"}
	full.Device = 1<<63 + 5 // device numbers are unsigned
	full.TakenAt, full.TakenSource = "2023-01-02", store.DateFileName
	twin := file(root, "d", "a.cr2", "a")
	twin.Format, twin.IsTwin = "cr2", true
	s.put(full, twin, file(root, "d/e", "b.jpg", "b"), file(root, "", "top\xff.jpg", "c"), file(root, "d0", "c.jpg", "b"))
	s.vector(model, "a", 0, unit(1))
	s.write(func(tx store.Tx) error {
		return tx.PutFailure(s.Context(), store.Failure{Place: store.Place{Root: root, Dir: "d", Name: "bad.jpg"}, Stat: store.Stat{Size: 1}, Stage: store.StageDecode, Reason: "broken", Decoder: 3})
	})
	state, err := s.store.Folder(s.Context(), store.Folder{Root: root, Dir: "d"}, model)
	s.must(err)
	equal(s, "file", *state.Files["a.jpg"], store.FileState{File: full.File, Embedded: true})
	equal(s, "twin", *state.Files["a.cr2"], store.FileState{File: twin.File, Embedded: true, Undated: true})
	equal(s, "files", len(state.Files), 2)
	equal(s, "failure", state.Failures["bad.jpg"].Reason, "broken")
	equal(s, "decoder", state.Failures["bad.jpg"].Decoder, 3)
	if state, err = s.store.Folder(s.Context(), store.Folder{Root: root}, "no such model"); err != nil || len(state.Files) != 1 || state.Files["top\xff.jpg"].Embedded {
		s.Errorf("the root's own folder: %+v, %v", state, err)
	}
	folders, err := s.store.Folders(s.Context(), store.Folder{Root: root, Dir: "d"})
	s.must(err)
	equal(s, "folders at and below d", folders, []store.FolderCount{{Dir: "d", Files: 2}, {Dir: "d/e", Files: 1}})
	files, err := s.store.FilesIn(s.Context(), root, []string{"d/e", ""})
	s.must(err)
	equal(s, "files of two folders", len(files), 2)
	equal(s, "their device", files[0].Device, 1)
	n, err := s.store.CountFiles(s.Context(), root)
	s.must(err)
	equal(s, "count", n, 5)
}

func (s *suite) places() {
	root, model := s.root("/p"), s.model("m")
	var places []store.Place
	var files []store.FileRecord
	for i := range 1200 { // more than fit in one statement
		f := file(root, fmt.Sprintf("%d", i%7), fmt.Sprintf("%d.jpg", i), fmt.Sprint(i%900))
		f.Camera, f.Rating, f.Rated, f.Keywords = "Acme", 3, true, []string{"sea", "größe"}
		files = append(files, f)
		places = append(places, f.Place, store.Place{Root: root, Dir: "none", Name: f.Name})
	}
	s.put(files...)
	s.vector(model, "5", 0, unit(5))
	known, err := s.store.Known(s.Context(), model, places)
	s.must(err)
	equal(s, "known", len(known), len(files))
	for _, f := range files {
		k := known[f.Place].File
		if k == nil || !reflect.DeepEqual(k.FileRecord, f) {
			s.Fatalf("%+v, want %+v", k, f)
		}
		if k.Embedded != (f.Picture == id("5")) {
			s.Errorf("%s: embedded %v", f.Name, k.Embedded)
		}
	}
	pictures, err := s.store.Pictures(s.Context(), model, []store.PictureID{id("5"), id("6"), id("none")})
	s.must(err)
	equal(s, "pictures", pictures, map[store.PictureID]store.KnownPicture{id("5"): {Embedded: true, HasFile: true}, id("6"): {HasFile: true}})
	of, err := s.store.FilesOf(s.Context(), []store.PictureID{id("5"), id("899")})
	s.must(err)
	equal(s, "files of a picture", len(of[id("5")]), 2)
	equal(s, "files of another", len(of[id("899")]), 1)
	sample, err := s.store.Sample(s.Context(), 50)
	s.must(err)
	if len(sample) < 25 || len(sample) > 50 {
		s.Errorf("a sample of %d", len(sample))
	}
}

func (s *suite) derived() {
	root := s.root("/p")
	rich := file(root, "", "a.jpg", "p")
	rich.TakenAt, rich.TakenSource, rich.Camera, rich.Position = "2019-05-06T07:08:09", store.DateOriginal, "Acme X", &store.Position{Latitude: -33.85, Longitude: 151.2}
	stripped := file(root, "", "b.jpg", "p")
	stripped.Rating, stripped.Rated, stripped.Keywords = 4, true, []string{"sea"}
	want := rich.Metadata
	want.OwnerMetadata = stripped.OwnerMetadata
	s.put(rich)
	s.put(stripped)
	equal(s, "a copy that says less comes later", s.record("p").Metadata, want)
	s.write(func(tx store.Tx) error { _, err := tx.DeleteFiles(s.Context(), []store.Place{rich.Place}); return err })
	equal(s, "the rich one is gone", s.record("p").Metadata, stripped.Metadata)
	s.put(rich)
	equal(s, "the rich one is back", s.record("p").Metadata, want)
	refreshed := rich.Metadata
	refreshed.Camera = "Acme Y"
	s.write(func(tx store.Tx) error { return tx.RefreshFile(s.Context(), rich.File, &refreshed) })
	want.Camera = "Acme Y"
	equal(s, "what a file says has changed", s.record("p").Metadata, want)
	again := rich.File
	again.MetaVersion = 9
	s.write(func(tx store.Tx) error { return tx.RefreshFile(s.Context(), again, nil) })
	equal(s, "nothing is said of what it says", s.record("p").Metadata, want)
	known, err := s.store.Known(s.Context(), "", []store.Place{rich.Place})
	s.must(err)
	equal(s, "version", known[rich.Place].File.MetaVersion, 9)
}

func (s *suite) orphans() {
	root, model := s.root("/p"), s.model("m")
	f := file(root, "d", "a.jpg", "a")
	s.put(f, file(root, "d", "b.jpg", "b"))
	s.vector(model, "a", 0, unit(1))
	embedded := func() bool {
		known, err := s.store.Pictures(s.Context(), model, []store.PictureID{f.Picture})
		s.must(err)
		return known[f.Picture].Embedded
	}
	drop := func(before time.Time) (n int) {
		s.write(func(tx store.Tx) (err error) { n, err = tx.DropOrphans(s.Context(), before); return err })
		return n
	}
	s.write(func(tx store.Tx) error { _, err := tx.DeleteFiles(s.Context(), []store.Place{f.Place}); return err })
	if n := drop(time.Now().Add(-time.Hour)); n != 0 || !embedded() {
		s.Fatalf("%d dropped: the vector went with the file", n)
	}
	near, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(1), Limit: 5})
	s.must(err)
	equal(s, "a picture without a file is no hit", len(near.Hits), 0)
	s.put(f)
	if n := drop(time.Now().Add(time.Hour)); n != 0 || !embedded() {
		s.Fatalf("%d dropped: a picture with a file", n)
	}
	s.must(func() error { _, err := s.store.RemoveRoot(s.Context(), "/p"); return err }())
	if n := drop(time.Now().Add(time.Hour)); n != 2 || embedded() {
		s.Errorf("%d old orphans were dropped, want 2", n)
	}
}

func (s *suite) moved() {
	root := s.root("/p")
	old := file(root, "d", "a.jpg", "a")
	s.put(old)
	moved := old
	moved.Dir, moved.Device = "e", 7
	var ok bool
	move := func() {
		s.write(func(tx store.Tx) (err error) { ok, err = tx.MoveFile(s.Context(), old.Place, moved); return err })
	}
	move()
	equal(s, "moved", ok, true)
	r := s.record("a")
	equal(s, "files", len(r.Files), 1)
	equal(s, "place", r.Files[0].Place, moved.Place)
	equal(s, "device", r.Files[0].Device, 7)
	move()
	equal(s, "moved from where it is not any more", ok, false)
	var same bool
	s.write(func(tx store.Tx) (err error) { same, err = tx.PutFile(s.Context(), moved); return err })
	equal(s, "the same picture again", same, true)
	moved.Picture = id("b")
	s.write(func(tx store.Tx) (err error) {
		if err := tx.PutPicture(s.Context(), store.Picture{ID: id("b"), Format: "jpeg"}); err != nil {
			return err
		}
		same, err = tx.PutFile(s.Context(), moved)
		return err
	})
	equal(s, "another picture", same, false)
}

func (s *suite) rollback() {
	root := s.root("/p")
	f := file(root, "", "a.jpg", "a")
	tx, err := s.store.Begin(s.Context())
	s.must(err)
	s.must(tx.PutPicture(s.Context(), store.Picture{ID: f.Picture, Format: "jpeg"}))
	_, err = tx.PutFile(s.Context(), f)
	s.must(err)
	n, err := tx.CountFiles(s.Context(), root)
	s.must(err)
	equal(s, "the transaction sees its own file", n, 1)
	tx.Rollback()
	totals, err := s.store.Totals(s.Context())
	s.must(err)
	equal(s, "totals", totals, store.Totals{Roots: 1})
	tx, err = s.store.Begin(s.Context())
	s.must(err)
	defer tx.Rollback()
	if _, err := tx.PutFile(s.Context(), f); err == nil {
		s.Error("a file of a picture that is not known was taken")
	}
	s.must(tx.PutPicture(s.Context(), store.Picture{ID: f.Picture, Format: "jpeg"}))
	f.Root = "no such root"
	if _, err := tx.PutFile(s.Context(), f); !errors.Is(err, store.ErrNoRoot) {
		s.Errorf("a file of no root: %v", err)
	}
}

func (s *suite) ids() {
	root := s.root("/p")
	s.put(file(root, "", "a", "a"), file(root, "", "b", "b"))
	low, high, err := store.ParsePrefix(id("a").String()[:store.MinPrefix])
	s.must(err)
	found, err := s.store.FindPictures(s.Context(), low, high, 2)
	s.must(err)
	equal(s, "by its prefix", found, []store.PictureID{id("a")})
	var all store.PictureID
	for i := range all {
		all[i] = 0xff
	}
	found, err = s.store.FindPictures(s.Context(), store.PictureID{}, all, 1)
	s.must(err)
	equal(s, "at most one", len(found), 1)
}

func (s *suite) copies() {
	root := s.root("/p")
	twin := file(root, "", "b.cr2", "b")
	twin.Format, twin.IsTwin = "cr2", true
	s.put(file(root, "d", "a", "a"), file(root, "e", "a", "a"), file(root, "", "b.jpg", "b"), twin, file(root, "", "c", "c"))
	ids, err := s.store.Copied(s.Context(), store.Filter{})
	s.must(err)
	equal(s, "copied", ids, []store.PictureID{id("a")})
	ids, err = s.store.Copied(s.Context(), store.Filter{Names: []string{"b*"}})
	s.must(err)
	equal(s, "copied among others", len(ids), 0)
}

func (s *suite) previews() {
	here, away, model := s.root("/here"), s.root("/away"), s.model("m")
	s.put(file(here, "", "a", "a"), file(away, "", "a", "a"), file(away, "", "b", "b"), file(away, "", "c", "c"))
	s.write(func(tx store.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			if err := tx.PutPreview(s.Context(), id(name), []byte("jpeg "+name)); err != nil {
				return err
			}
		}
		return nil
	})
	s.vector(model, "c", 0, unit(1))
	previews, err := s.store.Previews(s.Context(), []store.PictureID{id("a"), id("none"), id("b")})
	s.must(err)
	equal(s, "previews", previews, map[store.PictureID][]byte{id("a"): []byte("jpeg a"), id("b"): []byte("jpeg b")})
	ids, err := s.store.PreviewsToEmbed(s.Context(), model, []store.RootID{away})
	s.must(err)
	equal(s, "to embed", ids, []store.PictureID{id("b")})
	state, err := s.store.Folder(s.Context(), store.Folder{Root: here}, model)
	s.must(err)
	equal(s, "preview", state.Files["a"].Preview, true)
}
