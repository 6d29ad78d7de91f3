package models

import (
	"maps"
	"slices"

	"github.com/pbnjay/memory"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/models"
)

func newList(p *cli.Program) *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List available models",
		Long: `List the installed models, then those in the catalogue that suit this machine: recommended models first, then by recall.

RECALL is the published recall for English on Crossmodal-3600 (mean of recall@1, @5 and @10, in per cent). For the built-in
model it is our measurement on Flickr8k, which is easier. DISK and MEMORY are estimated from the number of parameters. LANG
is en, many, or the number of languages. The text models read the text in photos. --json adds dimensions, picture sizes, licences, notes, and the source of each figure.

EXIT STATUS
  0 done; 1 failed; 2 usage error`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return list(p, all) },
	}
	c.Flags().BoolVar(&all, "all", false, "include models that are too large for this machine")
	return c
}

// modelsJSON is the machine format of models list (docs/json.md).
type modelsJSON struct {
	Schema   int               `json:"schema"`
	Store    string            `json:"store"`
	Memory   uint64            `json:"memory_bytes"`
	DiskFree uint64            `json:"disk_free_bytes"`
	Models   []modelListed     `json:"models"`
	Sources  map[string]string `json:"sources"`
	// TextModels read the text in photos.
	TextModels []textListed `json:"text_models"`

	catalogue models.Catalogue
}

// modelListed is one model; unknown values are absent.
type modelListed struct {
	Name          string            `json:"name"`
	Repository    string            `json:"repository,omitempty"`
	Dim           int               `json:"dim,omitempty"`
	ImageSize     int               `json:"image_size,omitempty"`
	Licence       string            `json:"licence,omitempty"`
	Languages     []string          `json:"languages,omitempty"`
	LanguageCount int               `json:"language_count,omitempty"`
	Recommended   string            `json:"recommended,omitempty"`
	Predecessor   bool              `json:"predecessor,omitempty"`
	Installed     bool              `json:"installed"`
	Damaged       string            `json:"damaged,omitempty"`
	Revision      string            `json:"revision,omitempty"`
	DiskBytes     int64             `json:"disk_bytes"`
	Estimated     bool              `json:"disk_estimated"`
	MemoryBytes   int64             `json:"memory_bytes,omitempty"`
	Fits          bool              `json:"fits"`
	FitsReason    string            `json:"fits_reason,omitempty"`
	Quality       []models.Quality  `json:"quality,omitempty"`
	Notes         []string          `json:"notes,omitempty"`
	Sources       map[string]string `json:"sources,omitempty"`
}

// textListed is one text model.
type textListed struct {
	Name      string   `json:"name"`
	Licence   string   `json:"licence"`
	Languages []string `json:"languages"`
	Installed bool     `json:"installed"`
	Damaged   string   `json:"damaged,omitempty"`
	DiskBytes int64    `json:"disk_bytes"`
	Notes     []string `json:"notes,omitempty"`
	Source    string   `json:"source"`
}

// addText adds the text models: the built-in one, and those of the catalogue.
func (l *modelsJSON) addText(store models.Store, installed []string) {
	l.TextModels = []textListed{{
		Name: models.TextBuiltinName, Licence: "Apache-2.0", Installed: true, Source: "OCR_TINY_README",
		Languages: []string{"en", "de", "fr", "es", "pl", "cs", "tr", "hu", "el", "zh"},
	}}
	for _, e := range l.catalogue.Text {
		m := textListed{Name: e.Name, Licence: e.Licence, Languages: e.Languages, DiskBytes: e.Bytes(), Notes: e.Notes, Source: e.Source}
		if slices.Contains(installed, e.Name) {
			manifest, err := store.Manifest(e.Name)
			if err != nil {
				m.Damaged = err.Error()
			}
			m.Installed, m.DiskBytes = true, manifest.Bytes()
		}
		l.TextModels = append(l.TextModels, m)
	}
}

func list(p *cli.Program, all bool) error {
	l, err := collect(p)
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, l)
	}
	return l.print(p, all)
}

// starterQuality are the built-in model's figures; starterSource is the key of their source.
const starterSource = "STARTER_README"

var starterQuality = []models.Quality{
	{Metric: "Flickr8k development, image retrieval recall@1 (per cent)", Value: 27.8, Source: starterSource},
	{Metric: "Flickr8k development, image retrieval recall@5 (per cent)", Value: 59.1, Source: starterSource},
	{Metric: "Flickr8k development, image retrieval recall@10 (per cent)", Value: 72.5, Source: starterSource},
}

func collect(p *cli.Program) (modelsJSON, error) {
	store := p.App.Models()
	l := modelsJSON{Schema: wire.Schema, Store: store.Dir, Memory: memory.TotalMemory(), Models: []modelListed{}}
	l.DiskFree, _ = disk.Free(disk.Nearest(store.Dir)) // 0: unknown
	var err error
	if l.catalogue, err = models.ReadCatalogue(); err != nil {
		return l, err
	}
	l.Sources = maps.Clone(l.catalogue.Sources)
	l.Sources[starterSource] = "models/starter/README.md: measured with the model's files, 1,000 photos, 5,000 captions"
	installed, err := store.Installed()
	if err != nil {
		return l, err
	}
	l.Models = append(l.Models, modelListed{Name: models.StarterName, Installed: true, Fits: true, Recommended: "the built-in model", Licence: "Apache-2.0", Languages: []string{"en"}, Dim: 256, ImageSize: 260, Quality: starterQuality})
	for _, e := range l.catalogue.Models {
		m := modelListed{
			Name: e.Name, Repository: e.Repository, Dim: e.Dim, ImageSize: e.ImageSize, Licence: e.Licence, Languages: e.Languages, LanguageCount: e.LanguageCount,
			Recommended: e.Recommended, Predecessor: e.Predecessor, DiskBytes: e.DiskBytes(), Estimated: true, MemoryBytes: e.MemoryBytes(),
			Quality: e.Quality, Notes: e.Notes, Sources: e.Sources,
		}
		if slices.Contains(installed, m.Name) {
			m.take(store)
		}
		m.Fits, m.FitsReason = l.fits(m)
		l.Models = append(l.Models, m)
	}
	for _, name := range installed {
		if _, catalogued := l.catalogue.Lookup(name); !catalogued && !models.IsText(name) { // the user's own model
			m := modelListed{Name: name, Fits: true}
			m.take(store)
			l.Models = append(l.Models, m)
		}
	}
	l.addText(store, installed)
	return l, nil
}

// take adds the details of an installed model.
func (m *modelListed) take(store models.Store) {
	manifest, err := store.Manifest(m.Name)
	if err != nil {
		m.Damaged = err.Error()
	}
	m.Installed, m.Revision, m.DiskBytes, m.Estimated = true, manifest.Revision, manifest.Bytes(), false
}

// fits reports whether this machine has the memory and disk space for a model. It leaves a third of the memory to other programs.
func (l modelsJSON) fits(m modelListed) (fits bool, reason string) {
	switch {
	case l.Memory > 0 && uint64(m.MemoryBytes) > l.Memory/3*2:
		return false, "memory"
	case !m.Installed && l.DiskFree > 0 && uint64(m.DiskBytes) > l.DiskFree:
		return false, "disk"
	}
	return true, ""
}
