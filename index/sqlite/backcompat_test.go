package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestBackwardCompatible opens an index of every schema version, migrates it and reads all of it.
func TestBackwardCompatible(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Repository(), "testdata", "backcompat", "schema-*.db"))
	if err != nil || len(files) != sqlite.SchemaVersion() {
		t.Fatalf("%d indexes for %d schemas (%v)", len(files), sqlite.SchemaVersion(), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "i.db")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			own := filepath.Base(file) >= "schema-4.db" // metadata is stored per file
			ctx := context.Background()
			s, err := sqlite.Open(ctx, path, sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if v, err := s.Schema(ctx); err != nil || v != sqlite.SchemaVersion() {
				t.Errorf("schema %d after opening (%v)", v, err)
			}
			models, err := s.Models(ctx)
			model, ok := models.Of(store.Default)
			if err != nil || !ok || model.Dim != 256 || model.Name != "starter" || model.Embedded != 6 {
				t.Fatalf("model %+v, %v, %v", model, ok, err)
			}
			if c := model.Calibration; (c != nil) != (filepath.Base(file) >= "schema-5.db") || c != nil && c.Base != 0.25 {
				t.Errorf("calibration %+v", c)
			}
			n, err := s.Totals(ctx)
			if err != nil || n.Files != 7 || n.Pictures != 6 || n.Failures != 1 || n.Roots != 1 {
				t.Errorf("totals %+v, %v", n, err)
			}
			var ids []store.PictureID
			if err := s.EachVector(ctx, model.Identity, store.Filter{}, func(v store.Vector) error {
				ids = append(ids, v.Picture)
				if len(v.Data) != 512 || v.Number != 0 || v.Time != nil {
					t.Errorf("vector %+v", v)
				}
				return nil
			}); err != nil || len(ids) != 6 {
				t.Errorf("%d vectors, %v", len(ids), err)
			}
			hits, err := s.Hits(ctx, ids, store.Filter{})
			copies, dated := 0, 0
			for _, h := range hits {
				copies += len(h.Files)
				if h.TakenAt != "" {
					dated++
				}
				if h.Width != 320 || h.Height != 240 {
					t.Errorf("hit %+v", h)
				}
				for _, f := range h.Files {
					if again := f.MetaVersion == 0; again != (len(h.Files) > 1) && strings.Contains(file, "schema-3") {
						t.Errorf("%s of %d files is read again: %v", f.Name, len(h.Files), again)
					}
					// Before schema 4, the index did not record which file the metadata came from.
					if f.Format != h.Format || f.TakenAt != h.TakenAt && !own {
						t.Errorf("file %+v of %+v", f, h)
					}
				}
			}
			if err != nil || copies != 7 || dated == 0 && own {
				t.Errorf("%d files, %d dates, %v", copies, dated, err)
			}
			texts := 0
			if filepath.Base(file) >= "schema-6.db" {
				texts = 1
			}
			if n, err := s.Count(ctx, store.Filter{Texts: []string{"invoice"}}); err != nil || n != texts {
				t.Errorf("%d pictures with a text, %v", n, err)
			}
			people := 0
			if filepath.Base(file) >= "schema-7.db" {
				people = 1
			}
			paris := []store.PlaceName{{IDs: []int{2988507}}}
			if n, err := s.Count(ctx, store.Filter{People: []string{"anna"}, Places: paris}); err != nil || n != people {
				t.Errorf("%d pictures of a person in Paris, %v", n, err)
			}
			labelled := 0
			if filepath.Base(file) >= "schema-9.db" {
				labelled = 1
			}
			if n, err := s.Count(ctx, store.Filter{Labels: []string{"beach"}}); err != nil || n != labelled {
				t.Errorf("%d pictures with a label, %v", n, err)
			}
			if run, ok, err := s.LastRun(ctx, false); err != nil || !ok || !run.Complete || run.Embedded != 6 {
				t.Errorf("last run %+v, %v, %v", run, ok, err)
			}
			if findings, err := s.Integrity(ctx); err != nil || len(findings) > 0 {
				t.Errorf("integrity: %v, %v", findings, err)
			}
		})
	}
}
