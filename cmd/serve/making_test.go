package serve_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/app"
)

// TestIndexInTheMaking asks for pictures while a first run has made the index, but not yet added its model: there are none yet.
func TestIndexInTheMaking(t *testing.T) {
	home := t.TempDir()
	s := launch(t, home)
	ix, err := app.Index{Path: filepath.Join(home, ".local", "share", "imgsearch", "index.db")}.OpenForChanges(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	var found struct {
		Indexed int
		Results []any
	}
	if s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &found); found.Indexed != 0 || found.Results == nil || len(found.Results) > 0 {
		t.Errorf("%+v", found)
	}
}
