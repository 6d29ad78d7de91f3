package search

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// readTemplate parses the template of --format and executes it on an empty hit, so that an unknown field is a usage error before
// the search.
func readTemplate(text string) (*template.Template, error) {
	const hint = "use a Go template with .Rank, .Score, .Relative, .Path, .Also, .Width, .Height, .TakenAt, .Missing, .ID, .Format, .Bytes, .TakenFrom, .Camera, .Lens, .Rating, .Rated, .Keywords, .Place (.Latitude, .Longitude), .Twins, .Text, .People, .PlaceName, .Description; join concatenates lists: {{join .Keywords \", \"}}; raw does not escape: {{raw .Path}}"
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	t, err := template.New("--format").Funcs(templateFuncs).Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, templateHit{Also: []said{""}, Keywords: []said{""}, Twins: []said{""}, People: []said{""}})
	}
	if err != nil {
		// Remove the names of our types from the library's message.
		return nil, cli.Usage(hint, "--format template: %s", strings.ReplaceAll(err.Error(), fmt.Sprintf(" in type %T", templateHit{}), ""))
	}
	return t, nil
}

// said is a text that a file contains or is named by. A template prints it with control characters escaped, as all text formats do, and
// raw returns it as it is.
type said string

func (s said) String() string { return words.Path(string(s)) }

func allSaid(texts []string) []said {
	list := make([]said, len(texts))
	for i, text := range texts {
		list[i] = said(text)
	}
	return list
}

var templateFuncs = template.FuncMap{
	"join": func(list any, separator string) (string, error) {
		switch list := list.(type) {
		case []said:
			texts := make([]string, len(list))
			for i, text := range list {
				texts[i] = text.String()
			}
			return strings.Join(texts, separator), nil
		case []string: // of raw
			return strings.Join(list, separator), nil
		}
		return "", errors.New("join takes a list, such as .Keywords")
	},
	"raw": func(value any) any {
		switch value := value.(type) {
		case said:
			return string(value)
		case []said:
			texts := make([]string, len(value))
			for i, text := range value {
				texts[i] = string(text)
			}
			return texts
		}
		return value
	},
}

// templateHit is a hit as a template sees it.
type templateHit struct {
	Rank            int
	Score, Relative float64
	Path            said
	Also            []said
	Width, Height   int
	TakenAt         string
	Missing         bool
	ID, Format      string
	Bytes           int64
	TakenFrom       string
	Camera, Lens    said
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false if there is no rating.
	Rating   int
	Rated    bool
	Keywords []said
	// Place is 0, 0 if unknown.
	Place store.Position
	Twins []said
	// Text are the lines of text that the query or --text has found.
	Text said
	// People are their names; PlaceName is "" if no town is near.
	People                 []said
	PlaceName, Description said
}

func (s *session) printTemplate(w io.Writer, a answer) error {
	for _, l := range s.lines(a.Hits) {
		h := templateHit{
			Rank: l.rank, Score: l.Score, Relative: l.Relative, Path: said(l.Path), Also: allSaid(l.Also), Width: l.Width, Height: l.Height, TakenAt: l.TakenAt, Missing: l.Missing,
			ID: l.ID.String(), Format: l.Format, Bytes: l.Bytes, TakenFrom: wire.DateSource(l.TakenSource), Camera: said(l.Camera), Lens: said(l.Lens),
			Rating: l.Rating, Rated: l.Rated, Keywords: allSaid(l.Keywords), Twins: allSaid(l.Twins), Text: said(l.Excerpt()),
			People: allSaid(l.People), PlaceName: said(wire.PlaceName(l.Position)), Description: said(l.Description),
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
