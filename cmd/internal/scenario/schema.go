package scenario

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join(testkit.Repository(), "docs", "schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Fits checks every line of output against a schema.
func Fits(t *testing.T, name, output string) {
	t.Helper()
	s := schema(t, name)
	if output == "" {
		t.Errorf("%s: nothing was printed", name)
	}
	for line := range strings.Lines(output) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			t.Fatalf("%s: %v in %q", name, err, line)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, line)
		}
	}
}
