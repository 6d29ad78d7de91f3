package app_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/models"
)

// TestBuiltinCalibration checks that the built-in model has a calibration in full precision, also under the identities of earlier versions,
// and that nothing else has one.
func TestBuiltinCalibration(t *testing.T) {
	spec, err := embed.ReadSpec(models.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.ReadDigests(""); err != nil {
		t.Fatal(err)
	}
	for _, identity := range append(spec.EarlierIdentities(embed.FP32), spec.Identity(embed.FP32)) {
		c := app.Calibration(store.Model{Identity: identity})
		if c == nil || c.Threshold(1000) != 0.36 || c.PicturesMax != 1000 {
			t.Fatalf("%s: %+v", identity, c)
		}
		if share, ok := c.Share(0.42); !ok || share != 0.53 {
			t.Errorf("the share at 0.42 is %v", share)
		}
	}
	for _, identity := range []string{spec.Identity(embed.Int8), "another"} {
		if c := app.Calibration(store.Model{Identity: identity}); c != nil {
			t.Errorf("%s: %+v", identity, c)
		}
	}
}
