package embed_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
)

// TestOneShotCopy: the copy of a text tower for a single query gives the tower's vectors, computes only a query's own tokens where
// that changes nothing, and is not used if it has changed.
func TestOneShotCopy(t *testing.T) {
	texts := []string{"dog", "dog on beach", "beach on dog on beach dog", strings.Repeat("dog ", 40)}
	for name, c := range map[string]struct {
		model   models.Model
		context bool
	}{
		"causal":              {smallModel(t, fixedClip(t)), true},
		"padding masked":      {models.Builtin(), true},
		"looks at places":     {smallModel(t, nil), false},
		"ids beside the mask": {smallModel(t, map[string]string{models.TextualFile: maskFirst()}), false},
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := embed.ReadSpec(c.model)
			if err != nil {
				t.Fatal(err)
			}
			if err := spec.ReadDigests(""); err != nil {
				t.Fatal(err)
			}
			cache := t.TempDir()
			var log strings.Builder
			var notices []embed.Notice
			options := embed.Options{
				Library: embed.RuntimeOptions{Options: ortlib.Options{Explicit: testkit.RuntimeLibrary(t)}}, CacheDirs: []string{cache}, OneShot: true,
				Logf: func(format string, _ ...any) { log.WriteString(format + "\n") },
				Notify: func(n embed.Notice) {
					if _, ok := n.(embed.OneShotDamaged); ok {
						notices = append(notices, n)
					}
				},
			}
			answer := func() [][]float32 {
				t.Helper()
				loader := embed.NewLoader(spec, options)
				defer loader.Free()
				tower, err := loader.Textual(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				vectors, err := tower.Embed(texts)
				if err != nil {
					t.Fatal(err)
				}
				return vectors
			}
			want := answer()
			if err := embed.NewLoader(spec, options).PrepareOneShot(context.Background()); err != nil {
				t.Fatal(err)
			}
			copies, err := filepath.Glob(filepath.Join(cache, "models", "*.ort"))
			if err != nil || len(copies) != 1 {
				t.Fatalf("copies: %v, %v", copies, err)
			}
			note, err := os.ReadFile(copies[0] + ".json")
			if err != nil || strings.Contains(string(note), `"context":true`) != c.context {
				t.Errorf("note %s, %v; want a free context length: %v", note, err, c.context)
			}
			for i, got := range answer() {
				if cos := vec.Cosine(got, want[i]); cos < 0.99999 {
					t.Errorf("%q: cosine %.6f", texts[i], cos)
				}
			}
			if info, err := os.Stat(copies[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			damageOneShot(t, copies[0], spec, options)
			for i, got := range answer() {
				if cos := vec.Cosine(got, want[i]); cos < 0.99999 {
					t.Errorf("after the copy was damaged, %q: cosine %.6f", texts[i], cos)
				}
			}
			if _, err := os.Stat(copies[0]); err == nil {
				t.Error("the damaged copy is still there")
			}
			loader := embed.NewLoader(spec, options)
			epoch := loader.Epoch()
			if epoch == "" {
				t.Error("what the damaged copy computed is not doubted")
			}
			if err := embed.DropCopies(spec, []string{cache}); err != nil || loader.Epoch() != epoch {
				t.Errorf("epoch %q, then %q, %v", epoch, loader.Epoch(), err)
			}
			if len(notices) != 1 || notices[0] != (embed.OneShotDamaged{Model: spec.Model.Name, Path: copies[0]}) {
				t.Errorf("notices: %+v", notices)
			}
			if left, _ := filepath.Glob(filepath.Join(cache, "models", ".once-*")); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// damageOneShot changes one bit of a copy without changing its time, as a bad disk does, and checks that CheckOneShot notices it.
func damageOneShot(t *testing.T, path string, spec embed.Spec, options embed.Options) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if damaged, err := embed.NewLoader(spec, options).CheckOneShot(); err != nil || len(damaged) != 1 || damaged[0] != path {
		t.Errorf("checked: %v, %v", damaged, err)
	}
}
