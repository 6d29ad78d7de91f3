package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/index/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), strangeName()), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// TestConformanceInMemory tests the in-memory index that a dry run uses if there is no index.
func TestConformanceInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s, err := sqlite.OpenMemory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
