package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// similarShown is the number of similar photos beside a photo.
const similarShown = 12

// photoView is a photo with what is known about it.
type photoView struct {
	wire.Picture

	ID      string
	Label   string
	Close   string
	Facts   []fact
	Lines   []string
	Files   []fileView
	Similar []tile
	More    string
}

type fact struct{ Name, Value string }

type fileView struct {
	Number     int
	Path, Size string
	Role       string
	Missing    bool
}

// photoView returns the photo that an address names.
func (s *Server) photoView(ctx context.Context, address galleryAddress) (*photoView, error) {
	ix, engine, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	id, err := find(ctx, ix, address.Photo)
	if err != nil {
		return nil, err
	}
	known, err := engine.Picture(ctx, id)
	if err != nil || known == nil {
		return nil, cmp.Or(err, error(problem(http.StatusNotFound, notFound, "there is no such photo", "")))
	}
	v := &photoView{Picture: wire.NewPicture(known), ID: id.String(), Close: galleryLink(address.search()), More: galleryPath + "?like=" + id.String()}
	v.Facts = factsOf(known)
	for _, l := range known.Text.Lines {
		v.Lines = append(v.Lines, l.Text)
	}
	for i, f := range v.Picture.Files {
		v.Files = append(v.Files, fileView{i, words.Path(strings.ToValidUTF8(f.Path, "\ufffd")), sizeOf(f.Bytes), f.Role, f.Missing})
	}
	v.Label = id.String()[:8]
	if len(v.Files) > 0 {
		v.Label = filepath.Base(v.Files[0].Path)
	}
	similar, err := s.ask(ctx, searchBody{SearchParams: SearchParams{Like: []string{id.String()}, Top: similarShown}}, nil)
	if err == nil {
		for _, h := range similar.Hits {
			v.Similar = append(v.Similar, tile{h.ID.String(), galleryPath + "?photo=" + h.ID.String(), labelOf(h), h.Width, h.Height})
		}
	}
	return v, nil // a photo without a vector is shown too
}

// sizeOf returns a number of bytes for people.
func sizeOf(bytes int64) string {
	switch {
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	case bytes >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	}
	return english.Count(int(bytes), "byte")
}

// factsOf lists what is known about a photo, by name.
func factsOf(p *query.Picture) (facts []fact) {
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, fact{name, words.Path(value)})
		}
	}
	add("Taken", whenOf(p.TakenAt))
	add("Size", fmt.Sprintf("%d × %d", p.Width, p.Height))
	add("Camera", p.Camera)
	add("Lens", p.Lens)
	add("Place", placeOf(p.Position))
	add("People", strings.Join(p.People, ", "))
	add("Keywords", strings.Join(p.Keywords, ", "))
	add("Description", p.Description)
	if p.Rated {
		add("Rating", p.Stars())
	}
	var labels []string
	for _, l := range p.Labels {
		labels = append(labels, l.Name)
	}
	add("Labels", strings.Join(labels, ", "))
	return facts
}

// whenOf returns a time for people.
func whenOf(taken string) string {
	if len(taken) >= len("2006-01-02T15:04") {
		return dayOf(taken) + ", " + taken[11:16]
	}
	return dayOf(taken)
}

func placeOf(p *store.Position) string {
	if p == nil {
		return ""
	}
	return cmp.Or(wire.PlaceName(p), fmt.Sprintf("%.4f, %.4f", p.Latitude, p.Longitude))
}
