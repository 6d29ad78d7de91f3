package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// runningWorkers are the rows of the workers that hold their lock.
var runningWorkers = fmt.Sprintf(`SELECT w.* FROM workers w WHERE EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %d AND l.objid = w.id AND l.objsubid = 2
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, postgres.WorkerClass)

// Worker describes a running worker.
type Worker struct {
	Host     string
	PID      int
	Version  string
	Provider string
	Roots    []store.RootID
	// Reserve means that it works only while no other worker does.
	Reserve   bool
	StartedAt time.Time
}

// Workers returns the running workers.
func (q *Queue) Workers(ctx context.Context) ([]Worker, error) {
	list, err := query(ctx, q.db, func(row pgx.CollectableRow) (w Worker, err error) {
		var roots []string
		err = row.Scan(&w.Host, &w.PID, &w.Version, &w.Provider, &w.Reserve, &w.StartedAt, &roots)
		for _, r := range roots {
			w.Roots = append(w.Roots, store.RootID(r))
		}
		return w, err
	}, `SELECT w.host, w.pid, w.version, w.provider, w.reserve, w.started_at, ARRAY(SELECT uid FROM roots WHERE id = ANY(w.roots) ORDER BY id) FROM (`+runningWorkers+`) w ORDER BY w.id`)
	return list, postgres.Explain(err)
}

// Serves reports whether running workers take the jobs of all these roots, and of new ones on this machine if onHere is set. Those in reserve do not count.
func (q *Queue) Serves(ctx context.Context, roots []store.RootID, onHere bool) (serves bool, err error) {
	list := make([]string, len(roots))
	for i, r := range roots {
		list[i] = string(r)
	}
	err = q.db.QueryRow(ctx, `WITH w AS (`+runningWorkers+` AND NOT w.reserve) SELECT NOT EXISTS (SELECT 1 FROM unnest($1::text[]) uid LEFT JOIN roots r USING (uid)
			WHERE NOT EXISTS (SELECT 1 FROM w WHERE r.id = ANY(w.roots) OR w.everything AND w.host = $2 AND EXISTS (SELECT 1 FROM mounts m WHERE m.root_id = r.id AND m.host = $2)))
		AND (NOT $3 OR EXISTS (SELECT 1 FROM w WHERE w.everything AND w.host = $2))`, list, q.s.Host(), onHere).Scan(&serves)
	return serves, postgres.Explain(err)
}

// registration is a worker's row and lock.
type registration struct {
	id      int32
	name    string
	session *postgres.Session
}

// register adds a worker, and takes the lock that shows that it is running.
func (q *Queue) register(ctx context.Context, o Options) (*registration, error) {
	r := &registration{}
	var err error
	r.session, err = q.s.OpenSession(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return inTx(ctx, conn, func(tx pgx.Tx) error {
			// The name has the id, so that no two workers ever have the same.
			err := tx.QueryRow(ctx, `INSERT INTO workers(name, host, pid, version, provider, seconds, reserve, everything) VALUES (gen_random_uuid()::text, $1, $2, $3, $4, $5, $6, $7) RETURNING id`,
				q.s.Host(), os.Getpid(), o.Version, o.Provider, o.Seconds, o.Reserve, o.Everything).Scan(&r.id)
			if err != nil {
				return err
			}
			r.name = fmt.Sprintf("%d@%s", r.id, clean(q.s.Host()))
			if _, err := tx.Exec(ctx, "UPDATE workers SET name = $2 WHERE id = $1", r.id, r.name); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", postgres.WorkerClass, r.id) // the session's, not the transaction's
			return err
		})
	})
	return r, err
}

// clean returns a machine's name in the characters that River allows in names.
func clean(host string) string {
	host = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' {
			return c
		}
		return '_'
	}, host)
	return host[:min(len(host), 60)]
}

// unregister removes a worker whose jobs have ended.
func (q *Queue) unregister(ctx context.Context, r *registration) error {
	_, err := q.db.Exec(ctx, "DELETE FROM workers WHERE id = $1", r.id)
	return errors.Join(err, r.session.Close())
}
