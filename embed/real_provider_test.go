package embed_test

import (
	"os"
	"runtime"
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/models"
)

// TestRealProvider runs both towers on a real accelerator: CoreML on a Mac, elsewhere what IMGSEARCH_TEST_PROVIDER names in
// the library IMGSEARCH_TEST_ORT_LIB (scripts/try-webgpu).
func TestRealProvider(t *testing.T) {
	name, library := provider.Name(os.Getenv("IMGSEARCH_TEST_PROVIDER")), os.Getenv("IMGSEARCH_TEST_ORT_LIB")
	if name == "" && runtime.GOOS == "darwin" {
		name, library = provider.CoreML, testkit.RuntimeLibrary(t)
	}
	if name == "" || library == "" {
		t.Skip("no accelerator is named (IMGSEARCH_TEST_PROVIDER, IMGSEARCH_TEST_ORT_LIB)")
	}
	d, ok := provider.Of(name)
	if !ok {
		t.Fatalf("no provider %q", name)
	}
	open := func(string) (embed.Spec, error) { return embed.ReadSpec(models.Builtin()) }
	for _, tower := range []string{"visual", "textual"} {
		for _, v := range d.Variants {
			r, err := embed.Examine(embed.RuntimeOptions{}, probe.Request{
				Library: library, Model: "starter", Tower: tower, Provider: name, Variant: v.Name, Batch: 2, Cache: t.TempDir(),
			}, open, func(stage string) { t.Logf("%s: %s", tower, stage) })
			if err != nil {
				t.Errorf("%s tower, %s %s: %v", tower, name, v.Name, err)
				continue
			}
			t.Logf("%s tower, %s %s: cosine %.7f, %.0f ms to the first answer", tower, name, v.Name, r.Cosine, r.Provider.LoadMS)
		}
	}
}
