package postgres

import (
	"context"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Count returns the number of pictures that match a filter.
func (s *Store) Count(ctx context.Context, f store.Filter) (int, error) {
	if f.IsAll() {
		n, _, err := value[int](ctx, s.db, "SELECT value::bigint FROM meta WHERE key = 'pictures'")
		return n, err
	}
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return 0, err
	}
	n, _, err := value[int](ctx, s.db, "SELECT count(*) FROM pictures p WHERE "+where, q.args...)
	return n, err
}

// List returns the pictures that match a filter.
func (s *Store) List(ctx context.Context, l store.ListQuery) ([]store.PictureID, error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", l.Filter)
	if err != nil {
		return nil, err
	}
	if l.Order != store.ByPath {
		return collect(ctx, s.db, "SELECT p.sha256 FROM pictures p WHERE "+where+" ORDER BY p.taken_at DESC NULLS LAST, p.id LIMIT "+q.arg(l.Limit)+" OFFSET "+q.arg(l.Offset), scanID, q.args...)
	}
	rules, err := s.ofFiles(ctx, q, l.Filter)
	if err != nil {
		return nil, err
	}
	host := q.arg(s.host)
	// The file that represents a picture: a JPEG comes before its twin, then the first path wins.
	return collect(ctx, s.db, `WITH mount AS (SELECT DISTINCT ON (root_id) root_id, CASE WHEN host = `+host+` THEN path ELSE convert_to(host || ':', 'UTF8') || path END AS path
		FROM mounts ORDER BY root_id, host <> `+host+`, host)
		SELECT sha256 FROM (SELECT DISTINCT ON (p.id) p.sha256, x.path FROM pictures p JOIN files f ON f.picture_id = p.id JOIN folders d ON d.id = f.folder_id LEFT JOIN mount m ON m.root_id = d.root_id
		CROSS JOIN LATERAL (SELECT coalesce(CASE WHEN m.path = '/'::bytea THEN ''::bytea ELSE m.path END || '/'::bytea, ''::bytea) || CASE WHEN length(d.dir) = 0 THEN ''::bytea ELSE d.dir || '/'::bytea END || f.name AS path) x
		WHERE `+where+" AND "+rules+` ORDER BY p.id, f.is_twin, x.path) shown ORDER BY path LIMIT `+q.arg(l.Limit)+" OFFSET "+q.arg(l.Offset), scanID, q.args...)
}

// Shapes returns the shapes of the pictures that match a filter, newest first.
func (s *Store) Shapes(ctx context.Context, f store.Filter) (shapes store.Shapes, err error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return shapes, err
	}
	last := "-"
	err = each(ctx, s.db, "SELECT p.width, p.height, coalesce(substr(p.taken_at, 1, 7), '') FROM pictures p WHERE "+where+" ORDER BY p.taken_at DESC NULLS LAST, p.id", func(scan scanFunc) error {
		var width, height int
		var month string
		err := scan(&width, &height, &month)
		if month != last {
			start := store.MonthStart{First: len(shapes.Ratios)}
			start.Year, start.Month = store.YearMonth(month)
			if n := len(shapes.Months); n == 0 || shapes.Months[n-1].Year != start.Year || shapes.Months[n-1].Month != start.Month {
				shapes.Months = append(shapes.Months, start)
			}
			last = month
		}
		shapes.Ratios = append(shapes.Ratios, store.RatioOf(width, height))
		return err
	}, q.args...)
	return shapes, err
}

// Hits returns the records of pictures.
func (s *Store) Hits(ctx context.Context, list []store.PictureID, f store.Filter) ([]store.Record, error) {
	hits := make([]store.Record, 0, len(list))
	err := inChunks(list, func(chunk []store.PictureID) error {
		found := make(map[store.PictureID]*store.Record, len(chunk))
		if err := each(ctx, s.db, `SELECT p.sha256, p.format, p.width, p.height, p.orientation, p.taken_at, p.taken_source, cam.text, len.text, p.latitude, p.longitude, p.rating, key.text, ppl.text,
			p.boxes, p.description, coalesce(p.place, 0) FROM pictures p LEFT JOIN words cam ON cam.id = p.camera LEFT JOIN words len ON len.id = p.lens LEFT JOIN words key ON key.id = p.keywords
			LEFT JOIN words ppl ON ppl.id = p.people WHERE p.sha256 = ANY($1)`, func(scan scanFunc) error {
			r := &store.Record{}
			var sha []byte
			var meta column.Metadata
			if err := scan(append(append([]any{&sha, &r.Format, &r.Width, &r.Height, &r.Orientation}, meta.Fields()...), &r.PlaceID)...); err != nil {
				return err
			}
			var err error
			r.ID, err = column.PictureID(sha)
			r.Metadata = meta.Value()
			found[r.ID] = r
			return err
		}, ids(chunk)); err != nil {
			return err
		}
		if err := s.filesOf(ctx, chunk, f, func(file store.FileRecord) {
			if r := found[file.Picture]; r != nil {
				r.Files = append(r.Files, file)
			}
		}); err != nil {
			return err
		}
		for _, id := range chunk {
			if r := found[id]; r != nil && len(r.Files) > 0 {
				hits = append(hits, *r)
			}
		}
		return nil
	})
	return hits, err
}

// Copied returns the pictures that match a filter and are stored in more than one file, not counting twins.
func (s *Store) Copied(ctx context.Context, f store.Filter) ([]store.PictureID, error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return nil, err
	}
	return collect(ctx, s.db, "SELECT p.sha256 FROM pictures p JOIN (SELECT picture_id FROM files WHERE NOT is_twin GROUP BY picture_id HAVING count(*) > 1) c ON c.picture_id = p.id WHERE "+where+" ORDER BY p.id", scanID, q.args...)
}
