package column

import (
	"encoding/json"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// The kinds of words: names of cameras and lenses, sets of keywords and of people, one a line. Their numbers are stored.
const (
	Camera   = 1
	Lens     = 2
	Keywords = 3
	People   = 4
)

// Word is a name or a set of names, which metadata refers to by its row.
type Word struct {
	Kind int
	Text string
}

// Words returns the words of metadata, in the order of their kinds; "" if there are none.
func Words(m store.Metadata) [4]Word {
	return [4]Word{{Camera, m.Camera}, {Lens, m.Lens}, {Keywords, strings.Join(m.Keywords, "\n")}, {People, strings.Join(m.People, "\n")}}
}

// Names returns the names in a set.
func Names(set string) []string { return strings.Split(set, "\n") }

// Metadata are the columns of metadata: taken_at, taken_source, the texts of camera and lens, latitude, longitude, rating, the texts of keywords and
// people, boxes (JSON), description. nil is NULL.
type Metadata struct {
	taken, camera, lens, keywords, people, boxes, description *string
	source                                                    int
	latitude, longitude                                       *float64
	rating                                                    *int
}

// Fields returns where the columns are scanned to.
func (m *Metadata) Fields() []any {
	return []any{&m.taken, &m.source, &m.camera, &m.lens, &m.latitude, &m.longitude, &m.rating, &m.keywords, &m.people, &m.boxes, &m.description}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Value returns the metadata. Boxes that cannot be read are left out.
func (m *Metadata) Value() store.Metadata {
	out := store.Metadata{
		TakenAt: text(m.taken), TakenSource: store.DateSource(m.source), Camera: text(m.camera), Lens: text(m.lens),
		OwnerMetadata: store.OwnerMetadata{Description: text(m.description)},
	}
	if m.rating != nil {
		out.Rating, out.Rated = *m.rating, true
	}
	if m.latitude != nil && m.longitude != nil {
		out.Position = &store.Position{Latitude: *m.latitude, Longitude: *m.longitude}
	}
	if set := text(m.keywords); set != "" {
		out.Keywords = Names(set)
	}
	if set := text(m.people); set != "" {
		out.People = Names(set)
	}
	if m.boxes != nil && json.Unmarshal([]byte(*m.boxes), &out.Boxes) != nil {
		out.Boxes = nil
	}
	return out
}
