package store

import (
	"cmp"
	"slices"
	"strconv"
)

// Facet is a property by which pictures can be counted.
type Facet string

// The facets.
const (
	FacetCamera  Facet = "camera"
	FacetLens    Facet = "lens"
	FacetKeyword Facet = "keyword"
	FacetYear    Facet = "year"
	FacetMonth   Facet = "month"
	FacetFolder  Facet = "folder"
	FacetType    Facet = "type"
	FacetRating  Facet = "rating"
	FacetPerson  Facet = "person"
	FacetPlace   Facet = "place"
	FacetLabel   Facet = "label"
)

// Facets are all facets.
var Facets = []Facet{FacetCamera, FacetLens, FacetKeyword, FacetYear, FacetMonth, FacetFolder, FacetType, FacetRating, FacetPerson, FacetPlace, FacetLabel}

// OfFiles reports whether a picture is counted by its files: once for each different value of the files that match the filter. Otherwise it
// is counted by the metadata derived from all its files.
func (f Facet) OfFiles() bool {
	return f == FacetKeyword || f == FacetFolder || f == FacetType || f == FacetRating || f == FacetPerson
}

// FacetCount is a value and how many pictures have it.
type FacetCount struct {
	// Value is a name, "2023", "2023-07", a format or a number of stars, "0" if unrated, a place's GeoNames id; "" counts pictures without a value. For FacetFolder,
	// Folder is the folder that contains a file, and Value is "".
	Value    string
	Folder   Folder
	Pictures int
}

// YearOf returns the year of a date, "2023", or "" if there is no date.
func YearOf(takenAt string) string { return takenAt[:min(len(takenAt), len("2006"))] }

// MonthOf returns the month of a date, "2023-07", or "" if there is no date.
func MonthOf(takenAt string) string { return takenAt[:min(len(takenAt), len("2006-01"))] }

// Stars returns the rating as a value of FacetRating.
func (m OwnerMetadata) Stars() string { return strconv.Itoa(m.Rating) }

// SortFacets sorts counts: years, months and ratings in descending order, other values by descending count, and "" last.
func SortFacets(by Facet, list []FacetCount) {
	slices.SortFunc(list, func(a, b FacetCount) int {
		if none := a.Value == "" && by != FacetFolder; none != (b.Value == "" && by != FacetFolder) {
			if none {
				return 1
			}
			return -1
		}
		names := cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Folder.Root, b.Folder.Root), cmp.Compare(a.Folder.Dir, b.Folder.Dir))
		switch by {
		case FacetYear, FacetMonth:
			return -names
		case FacetRating:
			stars := func(c FacetCount) int { n, _ := strconv.Atoi(c.Value); return n }
			return cmp.Compare(stars(b), stars(a))
		}
		return cmp.Or(cmp.Compare(b.Pictures, a.Pictures), names)
	})
}
