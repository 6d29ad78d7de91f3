package words

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/doctor"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// door puts actions into brackets, so that a test can find them.
func door(a Action, args ...string) string {
	return "[" + strings.TrimSpace(string(a)+" "+strings.Join(args, " ")) + "]"
}

func TestError(t *testing.T) {
	for _, c := range []struct {
		err                  error
		code                 Code
		sentence, hint, lack string
	}{
		{fmt.Errorf("open %q: %w", "/i", store.ErrNoIndex), NoIndex, "/i", "create one with [index folder]", ""},
		{&app.NotInstalledError{Name: "ViT", Err: errors.New("x")}, Model, "x", "[download a model ViT]", ""},
		{&app.NoVectorsError{Model: store.Model{Name: "m", Precision: "int8"}, Asked: app.ModelChoice{Name: "m"}}, NoVectors, "m in int8", "[index with a model m]", ""},
		{&index.TooLargeError{Width: 3, Height: 4, Limit: 5}, Failed, "3 x 4 pixels exceed [limit the pixels] 5", "", ""},
		{&index.ContentError{Err: &index.TooLargeError{Width: 3, Height: 4, Limit: 5}}, Failed, "[limit the pixels]", "", ""},
		{&index.NoMemoryError{Need: 3 << 20, Have: 1 << 20}, Failed, "3 MB", "", "hint"},
		{&pictures.UnreadableError{Path: "a\nb", Err: &os.PathError{Op: "open", Path: "a\nb", Err: os.ErrNotExist}}, Usage, `a\nb: file does not exist`, "check the path", "open"},
		{&pictures.UnreadableError{Path: "a", Err: errors.New("no picture")}, Usage, "a: no picture", "docs/formats.md", ""},
		{context.Canceled, Interrupted, "", "", ""},
		{errors.New("anything"), Failed, "anything", "", ""},
	} {
		w := Error(c.err, door)
		if w.Code != c.code || !strings.Contains(w.Sentence, c.sentence) || !strings.Contains(w.Hint, c.hint) || c.hint == "" && w.Hint != "" {
			t.Errorf("%v: %+v", c.err, w)
		}
		if c.lack != "" && strings.Contains(w.Sentence, c.lack) {
			t.Errorf("%v: %+v", c.err, w)
		}
	}
}

// TestEverythingHasWords checks that each remedy, advice and notice that a library declares has its own sentence.
func TestEverythingHasWords(t *testing.T) {
	for _, value := range constants(t, "embed/provider", "Remedy") {
		if got := Remedy(provider.Remedy(value), door); got == value || got == "" {
			t.Errorf("the remedy %q has no words", value)
		}
	}
	for _, value := range constants(t, "internal/doctor", "Advice") {
		if got := Hint(doctor.Finding{Advice: doctor.Advice(value), Path: "/p"}, door); got == value || got == "" {
			t.Errorf("the advice %q has no words", value)
		}
	}
	if got := Remedy("what an earlier version kept", door); got != "what an earlier version kept" {
		t.Errorf("%q", got)
	}
	for _, n := range []any{
		index.ManyGone{Root: "/r", Gone: 2, Total: 3}, index.RootUnreachable{Root: "/r", Err: index.ErrEmptyRoot}, index.FilesKept{Folder: "/f", Why: index.FolderMissing},
		index.FolderUnreadable{Folder: "/f", Err: os.ErrPermission}, index.SidecarUnreadable{}, index.PreviewUnreadable{}, index.SetAside{}, index.SlowSearch{Err: os.ErrPermission}, index.VectorsRepaired{Rebuilt: true}, index.VectorsRepaired{Deleted: 2}, query.VectorFileDamaged{}, query.VectorsDamaged{},
		embed.ProviderUnused{Provider: "x"}, embed.ProviderRefused{}, embed.ProviderFailed{}, embed.ProviderAvoided{}, embed.ProviderUnsettled{}, embed.OneShotDamaged{}, app.CacheRefused{Err: os.ErrPermission}, app.LogDamaged{},
	} {
		if w := Notice(n, door); !w.Grave || w.Sentence == fmt.Sprintf("%+v", n) {
			t.Errorf("%T: %+v", n, w)
		}
	}
	for _, n := range []any{embed.MakingInt8{}, embed.MakingOneShot{}, app.Migrating{From: 1, To: 2}, app.MigratedElsewhere{}, app.EarlierVectors{}, app.SameRevision{}} {
		if w := Notice(n, door); w.Grave || w.Sentence == fmt.Sprintf("%+v", n) {
			t.Errorf("%T: %+v", n, w)
		}
	}
	for why := index.FolderMissing; why <= index.FolderUnseen; why++ {
		w := Notice(index.FilesKept{Folder: "/f", Why: why, Err: os.ErrPermission, Above: "/above", Files: 2}, door)
		if !strings.Contains(w.Sentence, `"/f"`) || strings.Contains(w.Sentence, "has changed") || !strings.Contains(w.Sentence, "2 files kept") {
			t.Errorf("%d: %s", why, w.Sentence)
		}
	}
}

// constants returns the values of a type's constants in a package.
func constants(t *testing.T, dir, typeName string) (values []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Repository(), filepath.FromSlash(dir), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typeName {
				return true
			}
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("no constants of %s in %s", typeName, dir)
	}
	return values
}
