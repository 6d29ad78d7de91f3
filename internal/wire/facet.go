package wire

import (
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// Facet counts pictures by the values of a property.
type Facet struct {
	Schema int         `json:"schema"`
	Facet  store.Facet `json:"facet"`
	Values []Value     `json:"values"`
}

// Value is a value with the number of pictures that have it.
type Value struct {
	// Value is null for pictures without a value.
	Value    *string `json:"value"`
	ValueB64 []byte  `json:"value_b64,omitempty"`
	Pictures int     `json:"pictures"`
}

// NewFacet converts counts.
func NewFacet(by store.Facet, counts []query.Count) Facet {
	f := Facet{Schema, by, make([]Value, len(counts))}
	for i, c := range counts {
		f.Values[i] = Value{OrNull(c.Value), NotUTF8(c.Value), c.Pictures}
	}
	return f
}
