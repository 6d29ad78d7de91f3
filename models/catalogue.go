package models

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed catalogue.json
var catalogueJSON []byte

// Entry is a published model. Unknown fields are empty or 0.
type Entry struct {
	// Name is the model's name, and the last part of its repository's name, after the organisation.
	Name       string `json:"name"`
	Repository string `json:"repository"`
	// Architecture and Pretrained are open_clip's names.
	Architecture  string `json:"architecture"`
	Pretrained    string `json:"pretrained"`
	Dim           int    `json:"dim"`
	ImageSize     int    `json:"image_size"` // pixels a side
	ContextLength int    `json:"context_length"`
	// ImageMParams and TextMParams are the towers' parameters in millions.
	ImageMParams float64 `json:"image_mparams"`
	TextMParams  float64 `json:"text_mparams"`
	// Licence is an SPDX identifier, or the licence's own name.
	Licence string `json:"licence"`
	// Languages are ISO 639-1 codes, or "multilingual".
	Languages     []string `json:"languages"`
	LanguageCount int      `json:"language_count"`
	// Recommended is the kind of machine that this model is the default for: small, middle or large.
	Recommended string `json:"recommended"`
	// Predecessor marks the model that the web service before imgsearch used.
	Predecessor bool      `json:"predecessor"`
	Quality     []Quality `json:"quality"`
	Notes       []string  `json:"notes"`
	// Sources gives, for each field, the key of its source in Catalogue.Sources.
	Sources map[string]string `json:"sources"`
}

// Quality is a published retrieval figure.
type Quality struct {
	Metric string  `json:"metric"`
	Value  float64 `json:"value"`
	Source string  `json:"source"`
}

// TextEntry is a published text model.
type TextEntry struct {
	Name    string `json:"name"`
	Licence string `json:"licence"`
	// Languages are ISO 639-1 codes of some languages whose characters it knows.
	Languages []string   `json:"languages"`
	Notes     []string   `json:"notes"`
	Files     []TextFile `json:"files"`
	// Source is the key of the figures' source in Catalogue.Sources.
	Source string `json:"source"`
}

// TextFile is a file of a text model: Path in a repository of the hub at a commit, stored as Name.
type TextFile struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	Revision   string `json:"revision"`
	Path       string `json:"path"`
	// Size is in bytes, SHA256 the file's digest; 0 and "" if they are not known.
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// Bytes returns the size of the files whose size is known.
func (e TextEntry) Bytes() (n int64) {
	for _, f := range e.Files {
		n += f.Size
	}
	return n
}

// LookupText finds a text model in the catalogue.
func (c Catalogue) LookupText(name string) (TextEntry, bool) {
	for _, e := range c.Text {
		if e.Name == name {
			return e, true
		}
	}
	return TextEntry{}, false
}

// Catalogue lists the models that are published in the layout that this program reads.
type Catalogue struct {
	// Sources says where each figure comes from.
	Sources map[string]string `json:"sources"`
	Models  []Entry           `json:"models"`
	Text    []TextEntry       `json:"text_models"`
}

var readCatalogue = sync.OnceValues(func() (Catalogue, error) {
	var c Catalogue
	err := json.Unmarshal(catalogueJSON, &c)
	return c, err
})

// ReadCatalogue returns the catalogue embedded in the binary, sorted by name. The caller must not change it.
func ReadCatalogue() (Catalogue, error) {
	c, err := readCatalogue()
	if err != nil {
		return c, fmt.Errorf("read the catalogue: %w", err)
	}
	return c, nil
}

// Lookup finds a model in the catalogue.
func (c Catalogue) Lookup(name string) (Entry, bool) {
	for _, e := range c.Models {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}

// EnglishRecall is the metric that nearly all models in the catalogue have, in per cent.
const EnglishRecall = "Crossmodal-3600 English, mean of image retrieval recall@1, @5, @10 (per cent)"

// Recall returns the published figure for a metric; ok is false if there is none.
func (e Entry) Recall(metric string) (value float64, ok bool) {
	for _, q := range e.Quality {
		if q.Metric == metric {
			return q.Value, true
		}
	}
	return 0, false
}

// DiskBytes estimates the size of the files: 4 bytes a parameter (float32), 3 MB for the graphs and the tokenizer.
func (e Entry) DiskBytes() int64 {
	return int64((e.ImageMParams+e.TextMParams)*4e6) + 3e6
}

// MemoryBytes estimates the memory that imgsearch needs with this model: 8 bytes a parameter of the larger tower, since
// only one tower is loaded and the runtime packs a second copy of the matrix weights while it loads, plus 150 MB
// (docs/benchmarks.md#memory).
func (e Entry) MemoryBytes() int64 {
	return int64(max(e.ImageMParams, e.TextMParams)*8e6) + 150e6
}
