package serve_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd"
	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	api "github.com/imgsearch/imgsearch/internal/server"
)

// notAsked are the flags of search that say how its results are printed, or that name files of the user's machine.
var notAsked = []string{
	"format", "fields", "null", "null-output", "all-paths", "preview", "html", "paths", "embed-size", "open", "copy-to", "link-to", "no-twins", "from", "from-null", "null-input", "queries",
	"image", "add-image", "subtract-image", "precision", "provider", "cpu", "no-server", "help",
}

// TestEverySearchFlagIsAParameter checks that what a search can be asked on the command line, it can be asked over HTTP under the same name.
func TestEverySearchFlagIsAParameter(t *testing.T) {
	has := make(map[string]bool)
	for _, of := range []reflect.Type{reflect.TypeFor[api.SearchParams](), reflect.TypeFor[api.FilterParams]()} {
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Field(i).Tag.Get("query"), ",")
			has[name] = true
		}
	}
	search, _, err := cmd.New(cli.New(cli.Streams{})).Find([]string{"search"})
	if err != nil {
		t.Fatal(err)
	}
	search.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !has[f.Name] && !slices.Contains(notAsked, f.Name) {
			t.Errorf("the API has no parameter for --%s", f.Name)
		}
	})
}
