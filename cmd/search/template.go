package search

import (
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
)

// readTemplate reads the template of --format, and tries it on nothing: a field that there is not is wrong usage, before
// anything is searched.
func readTemplate(text string) (*template.Template, error) {
	const hint = "a Go template with .Rank, .Score, .Relative, .Path, .Also, .Width, .Height, .TakenAt, .Missing"
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	t, err := template.New("--format").Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, templateHit{Also: []string{""}})
	}
	if err != nil {
		// The library names our types.
		return nil, cli.Usage(hint, "--format template: %s", strings.ReplaceAll(err.Error(), fmt.Sprintf(" in type %T", templateHit{}), ""))
	}
	return t, nil
}

// templateHit is what a template sees of a hit.
type templateHit struct {
	Rank            int
	Score, Relative float64
	Path            string
	Also            []string
	Width, Height   int
	TakenAt         string
	Missing         bool
}

func (s *session) printTemplate(w io.Writer, a answer) error {
	for _, l := range s.lines(a.Hits) {
		h := templateHit{l.rank, l.Score, l.Relative, l.Path, l.Also, l.Width, l.Height, l.TakenAt, l.Missing}
		if err := s.template.Execute(w, h); err != nil {
			return fmt.Errorf("print hit %d: %w", l.rank, err)
		}
	}
	return nil
}
