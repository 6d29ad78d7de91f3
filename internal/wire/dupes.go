package wire

import (
	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/index/store"
)

// Dupes are groups of duplicates.
type Dupes struct {
	Schema    int     `json:"schema"`
	Model     string  `json:"model"`
	Precision string  `json:"precision"`
	Threshold float64 `json:"threshold"`
	Groups    []Group `json:"groups"`
}

// Group is a group of duplicates, the best picture first.
type Group struct {
	Exact    bool   `json:"exact"`
	Pictures []Dupe `json:"pictures"`
}

// Dupe is one picture of a group.
type Dupe struct {
	Score float64 `json:"score"`
	Paths
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	TakenAt   *string `json:"taken_at"`
	Bytes     int64   `json:"bytes"`
	Sharpness float64 `json:"sharpness,omitempty"`
}

// NewDupes converts groups that were found by the vectors of a model.
func NewDupes(groups []dupes.Group, m store.Model, threshold float64) Dupes {
	d := Dupes{Schema, m.Name, m.Precision, threshold, make([]Group, len(groups))}
	for i, g := range groups {
		d.Groups[i] = NewGroup(g)
	}
	return d
}

// NewGroup converts a group.
func NewGroup(g dupes.Group) Group {
	out := Group{Exact: g.Exact}
	for _, d := range g.Pictures {
		out.Pictures = append(out.Pictures, Dupe{
			Score: Round(d.Score, 6), Paths: NewPaths(d.Path, d.Also), Width: d.Width, Height: d.Height, TakenAt: OrNull(d.TakenAt),
			Bytes: d.Bytes, Sharpness: Round(d.Sharpness, 2),
		})
	}
	return out
}
