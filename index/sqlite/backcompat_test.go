package sqlite_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestBackwardCompatible opens an index of every schema there ever was, brings it up to date and reads all of it.
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
			ctx := context.Background()
			store, err := sqlite.Open(ctx, path)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if v, err := store.Schema(ctx); err != nil || v != sqlite.SchemaVersion() {
				t.Errorf("schema %d after opening (%v)", v, err)
			}
			model, ok, err := store.DefaultModel(ctx)
			if err != nil || !ok || model.Dim != 256 || model.Name != "starter" {
				t.Fatalf("model %+v, %v, %v", model, ok, err)
			}
			n, err := store.Count(ctx, model.ID)
			if err != nil || n.Files != 7 || n.Contents != 6 || n.Embedded != 6 || n.Failures != 1 || n.Roots != 1 {
				t.Errorf("counts %+v, %v", n, err)
			}
			hits, err := store.Hits(ctx, sqlite.Filter{})
			if err != nil {
				t.Fatal(err)
			}
			defer hits.Close()
			vectors, copies := 0, 0
			err = store.VectorsAfter(ctx, model.ID, 0, func(_, id int64, vector []byte) error {
				vectors++
				hit, err := hits.Hit(ctx, id)
				copies += len(hit.Files)
				if len(vector) != 512 || hit.Width != 320 || hit.Height != 240 {
					t.Errorf("hit %+v with %d bytes", hit, len(vector))
				}
				return err
			})
			if err != nil || vectors != 6 || copies != 7 {
				t.Errorf("%d vectors of %d files, %v", vectors, copies, err)
			}
			if run, ok, err := store.LastRun(ctx); err != nil || !ok || !run.Complete || run.Embedded != 6 {
				t.Errorf("last run %+v, %v, %v", run, ok, err)
			}
			if findings, err := store.Integrity(ctx); err != nil || len(findings) > 0 {
				t.Errorf("integrity: %v, %v", findings, err)
			}
		})
	}
}
