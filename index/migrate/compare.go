package migrate

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// ErrIncomplete means that the destination lacks something that was to be copied, because the source changed meanwhile or one of the two is damaged.
var ErrIncomplete = errors.New("the destination lacks a part of the source")

// item is a part of a picture with the digest of its content.
type item struct {
	kind string
	// name tells it from others of its kind: a place, a model and a moment.
	name string
	sum  [32]byte
}

// compare adds some pictures of the source, and what the destination has of them, to both sides. It returns for how many pictures the two differ.
func (m *migration) compare(ids []store.PictureID, from, to *Side) (kept int, err error) {
	source, err := m.read(m.From, ids)
	if err != nil {
		return 0, err
	}
	destination, err := m.read(m.To, ids)
	if err != nil {
		return 0, err
	}
	copied := make(map[store.PictureID]store.Record, len(destination.records))
	for _, r := range destination.records {
		copied[r.ID] = r
	}
	there, err := m.filesAt(source.records)
	if err != nil {
		return 0, err
	}
	for _, r := range source.records {
		all := len(r.Files)
		r.Files = slices.DeleteFunc(r.Files, func(f store.FileRecord) bool { // another picture, which the destination keeps
			k := there[f.Place].File
			return k != nil && k.Picture != r.ID
		})
		differs := len(r.Files) < all
		wanted := source.items(r, nil)
		if c, ok := copied[r.ID]; ok {
			more, err := compareItems(r.ID, wanted, destination.items(c, r.Files), from, to)
			if err != nil {
				return kept, err
			}
			differs = differs || more
		} else if len(r.Files) > 0 {
			return kept, fmt.Errorf("%w: picture %s", ErrIncomplete, r.ID)
		}
		if differs {
			kept++
		}
	}
	return kept, nil
}

// compareItems adds the parts of a picture to both sides. It reports whether one differs.
func compareItems(id store.PictureID, wanted, got map[itemKey]item, from, to *Side) (differs bool, err error) {
	for key := range wanted {
		if _, ok := got[key]; !ok {
			return false, fmt.Errorf("%w: %s %s of picture %s", ErrIncomplete, key.kind, key.name, id)
		}
	}
	for key, i := range wanted {
		from.count(i)
		to.count(got[key])
		differs = differs || i.sum != got[key].sum
	}
	return differs, nil
}

// kindFile is the kind of items that are files.
const kindFile = "file"

func nameOf(f store.FileRecord) string { return string(f.Root) + "/" + f.Rel() }

type itemKey struct{ kind, name string }

// items returns the parts of a picture. Of the files, only those at the places of some are returned; nil: all.
func (c content) items(r store.Record, places []store.FileRecord) map[itemKey]item {
	list := make(map[itemKey]item)
	add := func(kind, name string, content any) {
		data, err := json.Marshal(content)
		if err != nil {
			panic(err) // only texts, numbers and bytes
		}
		list[itemKey{kind, name}] = item{kind, name, sha256.Sum256(slices.Concat(r.ID[:], []byte(kind+"\x00"+name+"\x00"), data))}
	}
	add("picture", "", r.Picture)
	for _, f := range r.Files {
		if places != nil && !slices.ContainsFunc(places, func(p store.FileRecord) bool { return p.Place == f.Place }) {
			continue
		}
		f.Device = 0 // it belongs to the machine
		add(kindFile, nameOf(f), f)
	}
	for _, model := range slices.Sorted(maps.Keys(c.vectors)) {
		for _, v := range c.vectors[model][r.ID] {
			add("vector", fmt.Sprint(model, "/", v.Number), v)
		}
	}
	if text, ok := c.texts[r.ID]; ok {
		add("text", "", text)
	}
	if jpeg, ok := c.previews[r.ID]; ok {
		add("preview", "", jpeg)
	}
	return list
}

// count adds an item. The order of items does not matter.
func (s *Side) count(i item) {
	for k, b := range i.sum {
		s.Sum[k] ^= b
	}
	switch i.kind {
	case "picture":
		s.Pictures++
	case kindFile:
		s.Files++
	case "vector":
		s.Vectors++
	case "text":
		s.Texts++
	case "preview":
		s.Previews++
	}
}
