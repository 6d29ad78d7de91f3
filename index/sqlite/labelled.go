package sqlite

import (
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// labelled are the pictures that deserve a label, by row id, with their scores.
type labelled map[int64]float32

// scoreSteps is the precision of stored scores.
const scoreSteps = math.MaxInt16

// packLabelled stores pictures in the order of their row ids: the difference to the one before (uvarint) and the score in 32,767ths (2 bytes).
func packLabelled(l labelled) []byte {
	raw := make([]byte, 0, 5*len(l))
	var last int64
	for _, id := range slices.Sorted(maps.Keys(l)) {
		raw = binary.AppendUvarint(raw, uint64(id-last))
		raw = binary.LittleEndian.AppendUint16(raw, uint16(int16(math.Round(min(max(float64(l[id]), -1), 1)*scoreSteps))))
		last = id
	}
	return raw
}

// eachLabelled calls each with the pictures in a packed list, up to the first damaged entry.
func eachLabelled(raw []byte, each func(id int64, score float32)) {
	var id int64
	for len(raw) > 0 {
		delta, n := binary.Uvarint(raw)
		if n <= 0 || len(raw) < n+2 || delta > math.MaxInt32 {
			return
		}
		id += int64(delta)
		each(id, float32(int16(binary.LittleEndian.Uint16(raw[n:])))/scoreSteps)
		raw = raw[n+2:]
	}
}

func unpackLabelled(raw []byte) labelled {
	l := make(labelled, len(raw)/3)
	eachLabelled(raw, func(id int64, score float32) { l[id] = score })
	return l
}

// storedLabel is a label with its row id and its pictures.
type storedLabel struct {
	store.LabelVector

	id       int64
	pictures []byte
}

func (s *Store) storedLabels(ctx context.Context, q querier) ([]storedLabel, error) {
	list, err := collect(ctx, q, "SELECT id, name, vector, pictures FROM labels ORDER BY id", func(scan scanFunc) (l storedLabel, err error) {
		var raw []byte
		err = scan(&l.id, &l.Name, &raw, &l.pictures)
		l.Vector = unpackQuery(l.Name, raw)
		return l, err
	})
	return list, explain(err)
}

// withLabel returns the pictures, with or without a file, that have a label which a glob matches.
func (s *Store) withLabel(ctx context.Context, glob string) (set bitmap, err error) {
	set, glob = bitmap{}, store.FoldText(glob)
	_, err = collect(ctx, s.read, "SELECT name, pictures FROM labels", func(scan scanFunc) (struct{}, error) {
		var name string
		var raw []byte
		err := scan(&name, &raw)
		if err == nil && store.MatchLabel(glob, name) {
			eachLabelled(raw, func(id int64, _ float32) { set.add(id) })
		}
		return struct{}{}, err
	})
	return set, explain(err)
}

// orphanSet returns the pictures without a file.
func (s *Store) orphanSet(ctx context.Context) (set bitmap, err error) {
	set = bitmap{}
	return set, s.collectSet(ctx, &set, "SELECT imgsearch_set(id) FROM pictures WHERE orphaned_at IS NOT NULL")
}

// facetLabels reads the labels of the pictures in a set, or of all pictures with a file if it is nil.
func (s *Store) facetLabels(ctx context.Context, set bitmap) (found facetRows, names [][]store.FacetCount, err error) {
	labels, err := s.storedLabels(ctx, s.read)
	if err != nil {
		return found, nil, err
	}
	orphans, err := s.orphanSet(ctx)
	if err != nil {
		return found, nil, err
	}
	for _, l := range labels {
		n := len(found.rows)
		eachLabelled(l.pictures, func(id int64, _ float32) {
			if set == nil && !orphans.has(id) || set != nil && set.has(id) {
				found.rows = append(found.rows, facetValue{id, len(names)})
			}
		})
		if len(found.rows) > n {
			found.values = append(found.values, l.Name)
			names = append(names, []store.FacetCount{{Value: l.Name}})
		}
	}
	return found, names, nil
}

// pruneLabels removes pictures that have been deleted from the labels, since a new picture may get the row id of one.
func (t *tx) pruneLabels(ctx context.Context) error {
	labels, err := t.s.storedLabels(ctx, t.tx)
	if err != nil || len(labels) == 0 {
		return err
	}
	list, err := collect(ctx, t.tx, "SELECT id FROM pictures", func(scan scanFunc) (id int64, err error) { return id, scan(&id) })
	if err != nil {
		return explain(err)
	}
	var there bitmap
	for _, id := range list {
		there.add(id)
	}
	for _, l := range labels {
		pictures := unpackLabelled(l.pictures)
		n := len(pictures)
		maps.DeleteFunc(pictures, func(id int64, _ float32) bool { return !there.has(id) })
		if len(pictures) < n {
			if _, err := t.exec(ctx, "UPDATE labels SET pictures = ? WHERE id = ?", packLabelled(pictures), l.id); err != nil {
				return err
			}
		}
	}
	return nil
}
