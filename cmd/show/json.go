package show

import (
	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
)

// pictureJSON is the machine format (docs/json.md). For a file that could not be read it has only the failure.
type pictureJSON struct {
	Schema int     `json:"schema"`
	ID     *string `json:"id"`
	// Path is the file on the command line, null if there was an id. Indexed is whether that file is in the index, and not only its
	// picture.
	Path    *string `json:"path"`
	PathB64 []byte  `json:"path_b64,omitempty"`
	Indexed bool    `json:"indexed"`
	Format  *string `json:"format"`
	Width   *int    `json:"width"`
	Height  *int    `json:"height"`
	TakenAt *string `json:"taken_at"`
	cli.MetadataJSON
	// Sources maps each known metadata field to the path of the file that it comes from.
	Sources map[string]string `json:"sources"`
	Files   []fileJSON        `json:"files"`
	Models  []modelJSON       `json:"models"`
	Preview bool              `json:"preview"`
	Failure *failureJSON      `json:"failure"`
	// Labels are those of the command label, best first.
	Labels []labelJSON `json:"labels"`
	// Text are the lines of text in the picture; null if it has not been read.
	Text []store.TextLine `json:"text"`
}

// fileJSON is a file of the picture, with its own metadata.
type fileJSON struct {
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
	cli.MetadataJSON
}

type modelJSON struct {
	Name      string `json:"name"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
}

// labelJSON is a label, with the cosine between it and the picture.
type labelJSON struct {
	Name  string  `json:"name"`
	Score float64 `json:"score"`
}

type failureJSON struct {
	Stage    string `json:"stage"`
	Reason   string `json:"reason"`
	FailedAt string `json:"failed_at"`
}

func (s *shown) json() pictureJSON {
	j := pictureJSON{
		Schema: cli.Schema, Path: cli.OrNull(s.path), PathB64: cli.NotUTF8(s.path), Indexed: s.known, MetadataJSON: cli.NewMetadataJSON(store.Metadata{}),
		Sources: map[string]string{}, Files: []fileJSON{}, Models: []modelJSON{}, Labels: []labelJSON{},
	}
	if f := s.failure; f != nil {
		j.Failure = &failureJSON{string(f.Stage), f.Reason, cli.Stamp(f.FailedAt)}
	}
	if s.Picture == nil {
		return j
	}
	id := s.ID.String()
	j.ID, j.Format, j.Width, j.Height, j.TakenAt = &id, &s.Format, &s.Width, &s.Height, cli.OrNull(s.TakenAt)
	j.MetadataJSON, j.Preview = cli.NewMetadataJSON(s.Metadata), s.Preview
	for field, i := range s.sources() {
		j.Sources[field] = s.Paths[i]
	}
	for i, f := range s.Files {
		file := fileJSON{
			Path: s.Paths[i], PathB64: cli.NotUTF8(s.Paths[i]), Role: s.role(i), Missing: s.Missing[i], Format: f.Format, Bytes: f.Size,
			ModifiedAt: cli.Stamp(modified(f)), TakenAt: cli.OrNull(f.TakenAt), MetadataJSON: cli.NewMetadataJSON(f.Metadata),
		}
		if f.Sidecar.Name != "" {
			file.Sidecar = cli.OrNull(sidecar(s.Paths[i], f))
		}
		j.Files = append(j.Files, file)
	}
	for _, l := range s.Labels {
		j.Labels = append(j.Labels, labelJSON{l.Name, cli.Round(l.Score, 4)})
	}
	if s.Text.Model != "" {
		j.Text = append([]store.TextLine{}, s.Text.Lines...)
	}
	for _, m := range s.Models {
		j.Models = append(j.Models, modelJSON{m.Name, m.Identity, m.Precision})
	}
	return j
}
