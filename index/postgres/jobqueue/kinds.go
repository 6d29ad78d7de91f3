package jobqueue

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
)

// unreachedFor is how long no worker may have reached a root before one walks it all the same, since that it cannot be reached is what the session then says.
// Workers that start, and a server that was restarted, take less time.
const unreachedFor = 6 * time.Second

// kinds returns the kinds of jobs that this worker takes now, and records which roots it reaches.
func (l *life) kinds() (kinds []string, err error) {
	reachable, known, err := l.o.Roots(l.ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.db.Exec(l.ctx, "UPDATE workers SET roots = ARRAY(SELECT id FROM roots WHERE uid = ANY($2)) WHERE id = $1", l.me.id, ids(reachable)); err != nil {
		return nil, err
	}
	rows, err := l.db.Query(l.ctx, `WITH w AS MATERIALIZED (`+livingWorkers+`) SELECT id, uid = ANY($1), EXISTS (SELECT 1 FROM w WHERE r.id = ANY(w.roots)), EXISTS (SELECT 1 FROM w WHERE NOT w.reserve AND r.id = ANY(w.roots))
		FROM roots r WHERE uid = ANY($1) OR uid = ANY($2) ORDER BY id`, ids(reachable), ids(known))
	if err != nil {
		return nil, err
	}
	type seen struct {
		root                    int32
		here, anywhere, workers bool
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s seen, err error) {
		return s, row.Scan(&s.root, &s.here, &s.anywhere, &s.workers)
	})
	if err != nil {
		return nil, err
	}
	host := l.s.Host()
	for _, r := range list {
		if r.anywhere {
			delete(l.unreached, r.root)
		} else if _, ok := l.unreached[r.root]; !ok {
			l.unreached[r.root] = time.Now()
		}
		switch {
		case l.o.Reserve && r.workers: // only what no other machine can do
			kinds = append(kinds, settleKind(r.root, host), ownKind(r.root, host))
		case r.here:
			kinds = append(kinds, walkKind(r.root), hereKind(r.root, host), readKind(r.root), textKind(r.root), settleKind(r.root, host), ownKind(r.root, host))
		case !r.anywhere && time.Since(l.unreached[r.root]) > unreachedFor:
			kinds = append(kinds, walkKind(r.root), hereKind(r.root, host), settleKind(r.root, host))
		case !r.anywhere:
			kinds = append(kinds, settleKind(r.root, host))
		}
	}
	slices.Sort(kinds)
	return kinds, nil
}

func ids(roots []store.Root) []string {
	list := make([]string, len(roots))
	for i, r := range roots {
		list[i] = string(r.ID)
	}
	return list
}
