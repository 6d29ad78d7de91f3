package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// readSchema reads a published schema.
func readSchema(t *testing.T, name string) any {
	t.Helper()
	f, err := os.Open(filepath.Join(testkit.Repository(), "docs", "schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return doc
}

func compile(t *testing.T, name string, doc any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	url := "file:///" + name
	if err := c.AddResource(url, doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	s, err := c.Compile(url)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

// strict makes a schema reject fields that it does not name. The published schemas allow them, so that formats can grow.
func strict(doc any) {
	switch v := doc.(type) {
	case map[string]any:
		if _, named := v["properties"].(map[string]any); named && v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, part := range v {
			strict(part)
		}
	case []any:
		for _, part := range v {
			strict(part)
		}
	}
}

// grow adds a field to each object whose fields a schema names.
func grow(value, doc any) {
	s, ok := doc.(map[string]any)
	if !ok {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		named, ok := s["properties"].(map[string]any)
		if !ok {
			return
		}
		for name, part := range v {
			grow(part, named[name])
		}
		v["added_later"] = true
	case []any:
		for _, part := range v {
			grow(part, s["items"])
		}
	}
}

// Fits checks every line of output against a schema: it has all required fields and none that the schema does not name, and would still fit
// the published schema if fields were added later.
func Fits(t *testing.T, name, output string) {
	t.Helper()
	published, narrow := readSchema(t, name), readSchema(t, name)
	strict(narrow)
	s, grown := compile(t, name+"-strict", narrow), compile(t, name, published)
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
		grow(v, published)
		if err := grown.Validate(v); err != nil {
			t.Errorf("%s cannot grow: %v\n%s", name, err, line)
		}
	}
}
