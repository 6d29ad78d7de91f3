package models_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/models"
)

// TestCatalogue: every figure names a source that the catalogue describes, and the names match the hub's.
func TestCatalogue(t *testing.T) {
	c, err := models.ReadCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Models) < 50 {
		t.Errorf("%d models", len(c.Models))
	}
	recommended := make(map[string]int)
	for i, e := range c.Models {
		if i > 0 && strings.ToLower(c.Models[i-1].Name) >= strings.ToLower(e.Name) {
			t.Errorf("%s is out of order", e.Name)
		}
		if err := models.CheckName(e.Name); err != nil || e.Repository != "immich-app/"+e.Name {
			t.Errorf("%s: repository %q, %v", e.Name, e.Repository, err)
		}
		for field, known := range map[string]bool{
			"name": true, "dim": e.Dim > 0, "image_size": e.ImageSize > 0, "context_length": e.ContextLength > 0,
			"params": e.ImageMParams > 0 && e.TextMParams > 0, "licence": e.Licence != "", "languages": len(e.Languages) > 0,
		} {
			if _, ok := c.Sources[e.Sources[field]]; known && !ok {
				t.Errorf("%s: %s has no source", e.Name, field)
			}
		}
		for _, q := range e.Quality {
			if _, ok := c.Sources[q.Source]; !ok || q.Value <= 0 {
				t.Errorf("%s: %+v has no source or no value", e.Name, q)
			}
		}
		if e.Recommended != "" {
			recommended[e.Recommended]++
		}
	}
	for _, kind := range []string{"small", "middle", "large"} {
		if recommended[kind] != 1 {
			t.Errorf("%d models are recommended for %s machines", recommended[kind], kind)
		}
	}
	e, ok := c.Lookup("ViT-B-32__laion2b-s34b-b79k")
	if !ok || !e.Predecessor || e.Dim != 512 || !slices.Equal(e.Languages, []string{"en"}) {
		t.Errorf("the predecessor's model: %+v", e)
	}
	if _, ok := e.Recall(models.EnglishRecall); !ok {
		t.Error("the predecessor's model has no recall")
	}
}
