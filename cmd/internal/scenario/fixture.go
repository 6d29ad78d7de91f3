package scenario

import (
	"context"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// fixture puts an index into a state that the program does not produce, through the store's interface: fixture INDEX STATE ARGS...
//
//	gear NAME CAMERA LENS LAT LON   a file has this metadata
//	forgotten                       files have no metadata, as read by an earlier version
//	earlier                         files were read by an earlier version
//	no-vectors                      the default model has no vectors
//	short-vector NAME               the vector of a file's picture is too short
//	bad-preview NAME                the preview of a file's picture is not a JPEG
//	previews N                      checks that N pictures have a preview of more than 1,000 bytes
func fixture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fixture INDEX STATE ARGS...")
	}
	ctx := context.Background()
	ix, err := app.Index{Path: ts.MkAbs(args[0])}.OpenForChanges(ctx)
	ts.Check(err)
	defer ix.Close()
	files := allFiles(ctx, ts, ix)
	named := func(name string) store.KnownFile {
		for _, f := range files {
			if f.Name == name {
				return f
			}
		}
		ts.Fatalf("no file %s", name)
		return store.KnownFile{}
	}
	change := func(work func(store.Tx) error) {
		tx, err := ix.Begin(ctx)
		ts.Check(err)
		defer tx.Rollback()
		ts.Check(work(tx))
		ts.Check(tx.Commit(ctx))
	}
	models, err := ix.Models(ctx)
	ts.Check(err)
	model, _ := models.Of(store.Default)
	switch state, args := args[1], args[2:]; state {
	case "gear":
		f := named(args[0])
		lat, err := strconv.ParseFloat(args[3], 64)
		ts.Check(err)
		lon, err := strconv.ParseFloat(args[4], 64)
		ts.Check(err)
		f.Camera, f.Lens, f.Position = args[1], args[2], &store.Position{Latitude: lat, Longitude: lon}
		change(func(tx store.Tx) error { return tx.RefreshFile(ctx, f.File, &f.Metadata) })
	case "forgotten", "earlier":
		change(func(tx store.Tx) error {
			for _, f := range files {
				f.MetaVersion = 0
				if state == "forgotten" {
					f.Metadata = store.Metadata{}
				}
				if err := tx.RefreshFile(ctx, f.File, &f.Metadata); err != nil {
					return err
				}
			}
			return nil
		})
	case "no-vectors":
		_, err := ix.PutModel(ctx, store.Model{Identity: "another", Name: "another", Dim: 1})
		ts.Check(err)
		ts.Check(ix.SetRole(ctx, "another", store.Default))
		ts.Check(ix.DropModel(ctx, model.Identity))
		_, err = ix.PutModel(ctx, model)
		ts.Check(err)
		ts.Check(ix.SetRole(ctx, model.Identity, store.Default))
		ts.Check(ix.DropModel(ctx, "another"))
	case "short-vector":
		change(func(tx store.Tx) error {
			return tx.PutVector(ctx, model.Identity, store.Vector{Picture: named(args[0]).Picture, Data: []byte{1, 2}})
		})
	case "bad-preview":
		change(func(tx store.Tx) error { return tx.PutPreview(ctx, named(args[0]).Picture, []byte{0}) })
	case "previews":
		ids, err := ix.List(ctx, store.ListQuery{Order: store.ByDate, Limit: 1000})
		ts.Check(err)
		previews, err := ix.Previews(ctx, ids)
		ts.Check(err)
		for _, jpeg := range previews {
			if len(jpeg) <= 1000 {
				ts.Fatalf("a preview of %d bytes", len(jpeg))
			}
		}
		if strconv.Itoa(len(previews)) != args[0] {
			ts.Fatalf("%d previews, want %s", len(previews), args[0])
		}
	default:
		ts.Fatalf("no state %q", state)
	}
}

func allFiles(ctx context.Context, ts *testscript.TestScript, ix store.Store) (all []store.KnownFile) {
	roots, err := ix.Roots(ctx)
	ts.Check(err)
	for _, r := range roots {
		folders, err := ix.Folders(ctx, store.Folder{Root: r.ID})
		ts.Check(err)
		for _, folder := range folders {
			files, err := ix.FilesIn(ctx, r.ID, []string{folder.Dir})
			ts.Check(err)
			var places []store.Place
			for _, f := range files {
				places = append(places, f.Place)
			}
			known, err := ix.Known(ctx, "", places)
			ts.Check(err)
			for _, k := range known {
				all = append(all, *k.File)
			}
		}
	}
	return all
}
