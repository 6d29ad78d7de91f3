package wire

import (
	"path/filepath"
	"reflect"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// Picture is everything that is known about a picture, or about a file that could not be read: then it has only the failure.
type Picture struct {
	Schema int     `json:"schema"`
	ID     *string `json:"id"`
	// Path is the file that was asked for, null if there was an id. Indexed is whether that file is in the index, and not only its
	// picture.
	Path    *string `json:"path"`
	PathB64 []byte  `json:"path_b64,omitempty"`
	Indexed bool    `json:"indexed"`
	Format  *string `json:"format"`
	Width   *int    `json:"width"`
	Height  *int    `json:"height"`
	TakenAt *string `json:"taken_at"`
	Metadata
	// Sources maps each known metadata field to the path of the file that it comes from.
	Sources map[string]string `json:"sources"`
	Files   []File            `json:"files"`
	Models  []Model           `json:"models"`
	Preview bool              `json:"preview"`
	Failure *Failure          `json:"failure"`
	// Labels are those of the command label, best first.
	Labels []Label `json:"labels"`
	// Text are the lines of text in the picture; null if it has not been read.
	Text []store.TextLine `json:"text"`
}

// File is a file of a picture, with its own metadata.
type File struct {
	Path    string `json:"path"`
	PathB64 []byte `json:"path_b64,omitempty"`
	// Role is picture, copy or twin.
	Role       string  `json:"role"`
	Missing    bool    `json:"missing"`
	Format     string  `json:"format"`
	Bytes      int64   `json:"bytes"`
	ModifiedAt string  `json:"modified_at"`
	Sidecar    *string `json:"sidecar"`
	TakenAt    *string `json:"taken_at"`
	Metadata
}

// Model is a model that has a vector of a picture.
type Model struct {
	Name      string `json:"name"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
}

// Label is a label, with the cosine between it and the picture.
type Label struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

// Failure says why a file could not be read.
type Failure struct {
	Stage    string `json:"stage"`
	Reason   string `json:"reason"`
	FailedAt string `json:"failed_at"`
}

// NewPicture converts a picture; nil has no values.
func NewPicture(p *query.Picture) Picture {
	j := Picture{
		Schema: Schema, Metadata: NewMetadata(store.Metadata{}), Sources: map[string]string{}, Files: []File{}, Models: []Model{}, Labels: []Label{},
	}
	if p == nil {
		return j
	}
	id := p.ID.String()
	j.ID, j.Format, j.Width, j.Height, j.TakenAt = &id, &p.Format, &p.Width, &p.Height, OrNull(p.TakenAt)
	j.Metadata, j.Preview = NewMetadata(p.Metadata), p.Preview
	for field, i := range Sources(p) {
		j.Sources[field] = p.Paths[i]
	}
	for i, f := range p.Files {
		file := File{
			Path: p.Paths[i], PathB64: NotUTF8(p.Paths[i]), Role: Role(p, i), Missing: p.Missing[i], Format: f.Format, Bytes: f.Size,
			ModifiedAt: Stamp(time.Unix(0, f.MTimeNS)), TakenAt: OrNull(f.TakenAt), Metadata: NewMetadata(f.Metadata),
		}
		if f.Sidecar.Name != "" {
			file.Sidecar = OrNull(filepath.Join(filepath.Dir(p.Paths[i]), f.Sidecar.Name))
		}
		j.Files = append(j.Files, file)
	}
	for _, l := range p.Labels {
		j.Labels = append(j.Labels, Label{l.Name, Round(l.Score, 4)})
	}
	if p.Text.Model != "" {
		j.Text = append([]store.TextLine{}, p.Text.Lines...)
	}
	for _, m := range p.Models {
		j.Models = append(j.Models, Model{m.Name, m.Identity, m.Precision})
	}
	return j
}

// NewFailure converts a failure.
func NewFailure(f store.Failure) *Failure {
	return &Failure{string(f.Stage), f.Reason, Stamp(f.FailedAt)}
}

// Role returns the role of a picture's file: picture, copy or twin.
func Role(p *query.Picture, i int) string {
	switch {
	case p.Files[i].IsTwin:
		return "twin"
	case i > 0:
		return "copy"
	}
	return "picture"
}

// fields are the parts of the metadata.
var fields = map[string]func(m store.Metadata) any{
	"taken_at":    func(m store.Metadata) any { return m.TakenAt },
	"camera":      func(m store.Metadata) any { return m.Camera },
	"lens":        func(m store.Metadata) any { return m.Lens },
	"rating":      func(m store.Metadata) any { return [2]any{m.Rating, m.Rated} },
	"keywords":    func(m store.Metadata) any { return m.Keywords },
	"people":      func(m store.Metadata) any { return m.People },
	"description": func(m store.Metadata) any { return m.Description },
	"place":       func(m store.Metadata) any { return m.Position },
}

// Sources maps each known field of a picture's metadata to the index of the file that it comes from.
func Sources(p *query.Picture) map[string]int {
	from := make(map[string]int)
	for name, field := range fields {
		value := field(p.Metadata)
		if reflect.DeepEqual(value, field(store.Metadata{})) {
			continue
		}
		for i, f := range p.Files {
			if reflect.DeepEqual(value, field(f.Metadata)) {
				from[name] = i
				break
			}
		}
	}
	return from
}
