package sqlite

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

const failureColumns = "x.root_id, x.dir, x.name, x.size, x.mtime_ns, x.stage, x.reason, x.decoder, x.failed_at"

func (s *Store) failures(ctx context.Context, q querier, query string, args ...any) ([]store.Failure, error) {
	type row struct {
		store.Failure

		root int64
	}
	rows, err := collect(ctx, q, query, func(scan scanFunc) (f row, err error) {
		var dir, name []byte
		var failed int64
		err = scan(&f.root, &dir, &name, &f.Size, &f.MTimeNS, &f.Stage, &f.Reason, &f.Decoder, &failed)
		f.Dir, f.Name, f.FailedAt = string(dir), string(name), time.Unix(failed, 0)
		return f, err
	}, args...)
	if err != nil {
		return nil, explain(err)
	}
	list := make([]store.Failure, len(rows))
	for i, r := range rows {
		if r.Root, err = s.rootName(ctx, q, r.root); err != nil {
			return nil, err
		}
		list[i] = r.Failure
	}
	return list, nil
}

// Failures returns all failures except bystanders, sorted by root and path.
func (s *Store) Failures(ctx context.Context) ([]store.Failure, error) {
	if err := s.noticeChanges(ctx); err != nil {
		return nil, err
	}
	return s.failures(ctx, s.read, "SELECT "+failureColumns+" FROM failures x WHERE x.stage <> 'sniff' ORDER BY x.root_id, x.dir, x.name")
}

// Suspects returns the files that were being read when a run crashed.
func (s *Store) Suspects(ctx context.Context) (map[store.Place]bool, error) {
	list, err := collect(ctx, s.read, "SELECT r.uid, x.dir, x.name FROM suspects x JOIN roots r ON r.id = x.root_id", scanPlace)
	set := make(map[store.Place]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set, explain(err)
}

func scanPlace(scan scanFunc) (p store.Place, err error) {
	var dir, name []byte
	err = scan(&p.Root, &dir, &name)
	p.Dir, p.Name = string(dir), string(name)
	return p, err
}
