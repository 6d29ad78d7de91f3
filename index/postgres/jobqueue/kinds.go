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
func (r *runner) kinds() (kinds []string, err error) {
	reachable, known, err := r.o.Roots(r.ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.db.Exec(r.ctx, "UPDATE workers SET roots = ARRAY(SELECT id FROM roots WHERE uid = ANY($2)) WHERE id = $1", r.me.id, ids(reachable)); err != nil {
		return nil, err
	}
	type seen struct {
		root                    int32
		here, anywhere, workers bool
	}
	list, err := query(r.ctx, r.db, func(row pgx.CollectableRow) (s seen, err error) {
		err = row.Scan(&s.root, &s.here, &s.anywhere, &s.workers)
		return s, err
	}, `WITH w AS MATERIALIZED (`+runningWorkers+`) SELECT id, uid = ANY($1), EXISTS (SELECT 1 FROM w WHERE r.id = ANY(w.roots)), EXISTS (SELECT 1 FROM w WHERE NOT w.reserve AND r.id = ANY(w.roots))
		FROM roots r WHERE uid = ANY($1) OR uid = ANY($2) ORDER BY id`, ids(reachable), ids(known))
	if err != nil {
		return nil, err
	}
	host := r.s.Host()
	for _, s := range list {
		if s.anywhere {
			delete(r.unreached, s.root)
		} else if _, ok := r.unreached[s.root]; !ok {
			r.unreached[s.root] = time.Now()
		}
		switch {
		case r.o.Reserve && s.workers: // only what no other machine can do
			kinds = append(kinds, settleKind(s.root, host), hostReadKind(s.root, host))
		case s.here:
			kinds = append(kinds, walkKind(s.root), hostWalkKind(s.root, host), readKind(s.root), textKind(s.root), settleKind(s.root, host), hostReadKind(s.root, host))
		case !s.anywhere && time.Since(r.unreached[s.root]) > unreachedFor:
			kinds = append(kinds, walkKind(s.root), hostWalkKind(s.root, host), settleKind(s.root, host))
		case !s.anywhere:
			kinds = append(kinds, settleKind(s.root, host))
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
