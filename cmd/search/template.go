package search

import (
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
)

// readTemplate parses the template of --format and executes it on an empty hit, so that an unknown field is a usage error before
// the search.
func readTemplate(text string) (*template.Template, error) {
	const hint = "use a Go template with .Rank, .Score, .Relative, .Path, .Also, .Width, .Height, .TakenAt, .Missing, .ID, .Format, .Bytes, .TakenFrom, .Camera, .Lens, .Rating, .Rated, .Keywords, .Place (.Latitude, .Longitude), .Twins; join concatenates lists: {{join .Keywords \", \"}}"
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	t, err := template.New("--format").Funcs(template.FuncMap{"join": strings.Join}).Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, templateHit{Also: []string{""}, Keywords: []string{""}, Twins: []string{""}})
	}
	if err != nil {
		// Remove the names of our types from the library's message.
		return nil, cli.Usage(hint, "--format template: %s", strings.ReplaceAll(err.Error(), fmt.Sprintf(" in type %T", templateHit{}), ""))
	}
	return t, nil
}

// templateHit is a hit as a template sees it.
type templateHit struct {
	Rank            int
	Score, Relative float64
	Path            string
	Also            []string
	Width, Height   int
	TakenAt         string
	Missing         bool
	ID, Format      string
	Bytes           int64
	TakenFrom       string
	Camera, Lens    string
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false if there is no rating.
	Rating   int
	Rated    bool
	Keywords []string
	// Place is 0, 0 if unknown.
	Place store.Position
	Twins []string
}

func (s *session) printTemplate(w io.Writer, a answer) error {
	for _, l := range s.lines(a.Hits) {
		h := templateHit{
			Rank: l.rank, Score: l.Score, Relative: l.Relative, Path: l.Path, Also: l.Also, Width: l.Width, Height: l.Height, TakenAt: l.TakenAt, Missing: l.Missing,
			ID: l.ID.String(), Format: l.Format, Bytes: l.Bytes, TakenFrom: cli.DateSource(l.TakenSource), Camera: l.Camera, Lens: l.Lens,
			Rating: l.Rating, Rated: l.Rated, Keywords: l.Keywords, Twins: l.Twins,
		}
		if l.Position != nil {
			h.Place = *l.Position
		}
		if err := s.template.Execute(w, h); err != nil {
			return fmt.Errorf("print hit %d: %w", l.rank, err)
		}
	}
	return nil
}
