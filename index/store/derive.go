package store

import (
	"cmp"
	"slices"
)

// Derive returns the metadata of a picture, derived from its files. The files are sorted by the number of fields that they have,
// most first, then by modification time, oldest first, then by place; each field comes from the first file that has it, a date
// that no camera wrote only if none of them has another.
// So the order in which files were read does not matter, and a copy without metadata removes nothing.
func Derive(files []FileRecord) (m Metadata) {
	if len(files) == 1 {
		return files[0].Metadata
	}
	order := slices.Clone(files)
	slices.SortFunc(order, func(a, b FileRecord) int {
		return cmp.Or(cmp.Compare(b.richness(), a.richness()), cmp.Compare(a.MTimeNS, b.MTimeNS),
			cmp.Compare(a.Dir, b.Dir), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Root, b.Root))
	})
	for _, f := range order {
		if f.TakenAt != "" && (m.TakenAt == "" || f.TakenSource.weak() < m.TakenSource.weak()) {
			m.TakenAt, m.TakenSource = f.TakenAt, f.TakenSource
		}
		m.Camera, m.Lens = cmp.Or(m.Camera, f.Camera), cmp.Or(m.Lens, f.Lens)
		if m.Position == nil {
			m.Position = f.Position
		}
		if !m.Rated {
			m.Rating, m.Rated = f.Rating, f.Rated
		}
		if len(m.Keywords) == 0 {
			m.Keywords = f.Keywords
		}
		if len(m.People) == 0 {
			m.People, m.Boxes = f.People, f.Boxes
		}
		m.Description = cmp.Or(m.Description, f.Description)
	}
	return m
}

// richness returns how many of the eight fields are set by a camera or a person.
func (m Metadata) richness() (n int) {
	for _, has := range []bool{m.TakenAt != "" && m.TakenSource != DateFileName && m.TakenSource != DateFileTime, m.Camera != "", m.Lens != "", m.Position != nil, m.Rated, len(m.Keywords) > 0, len(m.People) > 0, m.Description != ""} {
		if has {
			n++
		}
	}
	return n
}
