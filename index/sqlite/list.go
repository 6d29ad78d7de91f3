package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Count returns the number of pictures that match a filter.
func (s *Store) Count(ctx context.Context, f store.Filter) (n int, err error) {
	if f.IsAll() {
		return s.countPictures(ctx)
	}
	_, n, err = s.set(ctx, f)
	return n, err
}

// countPictures returns the number of pictures that have a file.
func (s *Store) countPictures(ctx context.Context) (n int, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT pictures FROM totals").Scan(&n)
	return n, explain(err)
}

// List returns the pictures that match a filter.
func (s *Store) List(ctx context.Context, q store.ListQuery) ([]store.PictureID, error) {
	set, count, err := s.set(ctx, q.Filter)
	if err != nil {
		return nil, err
	}
	var ids []int64
	if q.Order == store.ByPath {
		ids, err = s.byPath(ctx, q, set, count)
	} else if q.Offset < deepOffset {
		ids, err = s.byDate(ctx, q, set, count)
	} else {
		var order *dateOrder
		if order, err = s.dateOrder(ctx); err == nil {
			ids = order.page(set, q.Offset, q.Limit)
		}
	}
	if err != nil {
		return nil, err
	}
	public := make(map[int64]store.PictureID, len(ids))
	if err := s.publicIDs(ctx, ids, func(id int64, name store.PictureID) { public[id] = name }); err != nil {
		return nil, err
	}
	list := make([]store.PictureID, 0, len(ids))
	for _, id := range ids {
		if name, ok := public[id]; ok {
			list = append(list, name)
		}
	}
	return list, nil
}

// deepOffset is the offset from which the order of all pictures is read, and kept for the next pages, instead of stepping over so many.
const deepOffset = 1000

// lookUp is the number of index entries that can be read in the time of one row lookup.
const lookUp = 8

// byDate returns a page of the pictures in a set, newest first. It scans an index in that order until the page is full.
// If that would take longer than looking up and sorting the whole set, because the set is small, it does that instead.
func (s *Store) byDate(ctx context.Context, q store.ListQuery, set bitmap, count int) ([]int64, error) {
	var w where
	w.add("orphaned_at IS NULL")
	w.inPeriod("taken_at", q.Filter.Taken)
	rows, err := s.read.QueryContext(ctx, "SELECT id FROM pictures INDEXED BY pictures_taken WHERE "+w.sql()+" ORDER BY taken_at DESC, id", w.args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var ids []int64
	skip, read := q.Offset, 0
	for len(ids) < q.Limit && rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, explain(err)
		}
		if read++; set != nil && read > lookUp*count+1000 {
			if err := rows.Close(); err != nil { // its connection may be the only one
				return nil, explain(err)
			}
			return s.sortedByDate(ctx, q, set)
		}
		if set != nil && !set.has(id) {
			continue
		}
		if skip > 0 {
			skip--
			continue
		}
		ids = append(ids, id)
	}
	return ids, explain(rows.Err())
}

func (s *Store) sortedByDate(ctx context.Context, q store.ListQuery, set bitmap) ([]int64, error) {
	type dated struct {
		id    int64
		taken string
	}
	var list []dated
	err := inChunks(set.ids(), func(chunk []int64) error {
		args := numbers(chunk)
		some, err := collect(ctx, s.read, "SELECT id, coalesce(taken_at, '') FROM pictures WHERE id IN "+marks(len(chunk)), func(scan scanFunc) (d dated, err error) {
			return d, scan(&d.id, &d.taken)
		}, args...)
		list = append(list, some...)
		return explain(err)
	})
	slices.SortFunc(list, func(a, b dated) int { return cmp.Or(strings.Compare(b.taken, a.taken), cmp.Compare(a.id, b.id)) })
	list = list[min(q.Offset, len(list)):]
	list = list[:min(q.Limit, len(list))]
	ids := make([]int64, len(list))
	for i, d := range list {
		ids[i] = d.id
	}
	return ids, err
}

// shownFile is the file that represents a picture: a JPEG comes before its twin, then the first path wins.
type shownFile struct {
	id     int64
	path   string
	isTwin bool
}

func (f shownFile) compare(g shownFile) int {
	if f.isTwin != g.isTwin {
		if f.isTwin {
			return 1
		}
		return -1
	}
	return strings.Compare(f.path, g.path)
}

// byPath returns a page of the pictures in a set, sorted by the path of the file that represents them.
func (s *Store) byPath(ctx context.Context, q store.ListQuery, set bitmap, count int) ([]int64, error) {
	mounts, err := s.mounts(ctx)
	if err != nil {
		return nil, err
	}
	var w where
	w.ofFiles(q.Filter)
	shown := make(map[int64]shownFile, count)
	visit := func(from string, args ...any) error {
		rows, err := s.read.QueryContext(ctx, "SELECT f.picture_id, f.root_id, f.dir, f.name, f.is_twin FROM files f "+from+w.sql(), append(args, w.args...)...)
		if err != nil {
			return explain(err)
		}
		defer rows.Close()
		for rows.Next() {
			var f shownFile
			var root int64
			var dir, name sql.RawBytes
			if err := rows.Scan(&f.id, &root, &dir, &name, &f.isTwin); err != nil {
				return explain(err)
			}
			if set != nil && !set.has(f.id) {
				continue
			}
			f.path = store.Place{Dir: string(dir), Name: string(name)}.Path(mounts[root])
			if best, ok := shown[f.id]; !ok || f.compare(best) < 0 {
				shown[f.id] = f
			}
		}
		return explain(rows.Err())
	}
	all, err := s.countPictures(ctx)
	if err != nil {
		return nil, err
	}
	if set != nil && count*lookUp < all {
		err = inChunks(set.ids(), func(chunk []int64) error {
			args := numbers(chunk)
			return visit("INDEXED BY files_picture WHERE f.picture_id IN "+marks(len(chunk))+" AND ", args...)
		})
	} else {
		err = visit("WHERE ")
	}
	if err != nil {
		return nil, err
	}
	list := slices.SortedFunc(maps.Values(shown), func(a, b shownFile) int { return strings.Compare(a.path, b.path) })
	list = list[min(q.Offset, len(list)):]
	list = list[:min(q.Limit, len(list))]
	ids := make([]int64, len(list))
	for i, f := range list {
		ids[i] = f.id
	}
	return ids, nil
}

// mounts returns the paths of the roots on this machine, by row id.
func (s *Store) mounts(ctx context.Context) (map[int64]string, error) {
	mounts := make(map[int64]string)
	_, err := collect(ctx, s.read, "SELECT root_id, path FROM mounts", func(scan scanFunc) (struct{}, error) {
		var id int64
		var path []byte
		err := scan(&id, &path)
		mounts[id] = string(path)
		return struct{}{}, err
	})
	return mounts, explain(err)
}

// Hits returns the records of pictures.
func (s *Store) Hits(ctx context.Context, ids []store.PictureID, f store.Filter) ([]store.Record, error) {
	if err := s.noticeChanges(ctx); err != nil {
		return nil, err
	}
	hits := make([]store.Record, 0, len(ids))
	err := inChunks(ids, func(chunk []store.PictureID) error {
		records := make([]store.Record, len(chunk))
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.nr, p.format, p.width, p.height, p.orientation, p.taken_at, p.taken_source, cam.text, len.text, p.latitude, p.longitude,
			p.rating, key.text, ppl.text, p.boxes, p.description, coalesce(p.place, 0) FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256 LEFT JOIN words cam ON cam.id = p.camera
			LEFT JOIN words len ON len.id = p.lens LEFT JOIN words key ON key.id = p.keywords LEFT JOIN words ppl ON ppl.id = p.people`, func(scan scanFunc) (struct{}, error) {
			var nr int
			var r store.Record
			var meta column.Metadata
			err := scan(append(append([]any{&nr, &r.Format, &r.Width, &r.Height, &r.Orientation}, meta.Fields()...), &r.PlaceID)...)
			r.ID, r.Metadata = chunk[nr], meta.Value()
			records[nr] = r
			return struct{}{}, err
		}, args...)
		if err != nil {
			return explain(err)
		}
		if err := s.filesOf(ctx, s.read, chunk, f, func(nr int, file store.FileRecord) { records[nr].Files = append(records[nr].Files, file) }); err != nil {
			return err
		}
		for _, r := range records {
			if len(r.Files) > 0 {
				hits = append(hits, r)
			}
		}
		return nil
	})
	return hits, err
}

// Copied returns the pictures that are stored in more than one file, not counting twins.
func (s *Store) Copied(ctx context.Context, f store.Filter) ([]store.PictureID, error) {
	set, _, err := s.set(ctx, f)
	if err != nil {
		return nil, err
	}
	ids, err := collect(ctx, s.read, "SELECT picture_id FROM files WHERE NOT is_twin GROUP BY picture_id HAVING count(*) > 1", func(scan scanFunc) (id int64, err error) {
		return id, scan(&id)
	})
	if err != nil {
		return nil, explain(err)
	}
	ids = slices.DeleteFunc(ids, func(id int64) bool { return set != nil && !set.has(id) })
	list := make([]store.PictureID, 0, len(ids))
	err = s.publicIDs(ctx, ids, func(_ int64, public store.PictureID) { list = append(list, public) })
	return list, err
}
