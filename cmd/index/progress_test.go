package index_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

func TestProgressJSON(t *testing.T) {
	p := scenario.NewProgram(t)
	photos := t.TempDir()
	for i := range 120 { // more than a second of work
		scenario.WritePicture(t, filepath.Join(photos, "d", string(rune('a'+i%26))+strings.Repeat("x", i)+".jpg"), i)
	}
	_, errs, code := p.Run("", "index", "--quiet", "--progress", "json", photos)
	if code != 0 {
		t.Fatalf("exit %d: %s", code, errs)
	}
	scenario.Fits(t, "progress", errs)
}
