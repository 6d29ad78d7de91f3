// Package postgres stores an index in a PostgreSQL database with pgvector, for libraries of several machines. It is the only package that knows this SQL.
// It must not know how pictures are read or vectors computed.
//
// Everything is in the schema named Schema. Transactions that write take turns (advisory locks), so that counts and the order of vectors are
// consistent; they are short. What is true of one machine only is stored under its name.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Store is an open index. Its methods may be called from any goroutine.
type Store struct {
	db       *pgxpool.Pool
	host     string
	location string
	words    words
	indexes  annIndexes
	// writing has an element while a transaction of this process writes, so that others do not hold a connection while they wait.
	writing chan struct{}
	locks   sync.Map // the locks that are held, as keys
	// exactUpTo is exactPictures, and indexFrom exactVectors; tests set them lower.
	exactUpTo, indexFrom int64
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Checker = (*Store)(nil)
	_ store.Sized   = (*Store)(nil)
)

// Options control how an index is opened.
type Options struct {
	// Host is the name of this machine, to which paths and devices belong; "": IMGSEARCH_MACHINE, else the system's name.
	Host string
	// Migrating, if not nil, is called with the versions before an earlier schema is migrated.
	Migrating func(from, to int)
}

// host returns the name of this machine.
func (o Options) host() (string, error) {
	if o.Host != "" {
		return o.Host, nil
	}
	if name := os.Getenv("IMGSEARCH_MACHINE"); name != "" {
		return name, nil
	}
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "", errors.New("the name of this machine is unknown: set IMGSEARCH_MACHINE")
	}
	return name, nil
}

// Open opens the index for changes. It creates the schema, and migrates an earlier one.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := connect(ctx, url, o)
	if err != nil {
		return nil, err
	}
	err = s.checkSchema(ctx)
	if errors.Is(err, store.ErrNoIndex) || errors.Is(err, errOld) {
		err = s.migrate(ctx, o)
	}
	if err == nil {
		err = s.checkWritable(ctx)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	return s, nil
}

// OpenReadOnly opens the index for searches, for which the right to read its tables is enough. It migrates an earlier schema if it may, else the error
// is ErrOlder.
func OpenReadOnly(ctx context.Context, url string, o Options) (*Store, error) {
	s, err := connect(ctx, url, o)
	if err != nil {
		return nil, err
	}
	err = s.checkSchema(ctx)
	if errors.Is(err, errOld) {
		if err = s.migrate(ctx, o); errors.Is(err, store.ErrReadOnly) {
			err = store.ErrOlder
		}
	}
	if err != nil {
		return nil, s.fail(err)
	}
	return s, nil
}

// fail closes a store that cannot be opened.
func (s *Store) fail(err error) error {
	s.db.Close()
	return fmt.Errorf("open index %q: %w", s.location, explain(err))
}

// Check returns an error if there is no index at a URL that can be opened for reading.
func Check(ctx context.Context, url string, o Options) error {
	s, err := connect(ctx, url, o)
	if err != nil {
		return err
	}
	defer s.db.Close()
	if err := s.checkSchema(ctx); err != nil && !errors.Is(err, errOld) {
		return explain(err)
	}
	return nil
}

// Location returns the URL of the index without a password.
func (s *Store) Location() string { return s.location }

// Bytes returns the size of the index in the database, including its indexes.
func (s *Store) Bytes() (n int64) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = s.db.QueryRow(ctx, "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'", Schema).Scan(&n)
	return n
}

// Close closes all connections.
func (s *Store) Close() error {
	s.db.Close()
	return nil
}

// querier is what a pool, a connection and a transaction have in common.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

type scanFunc func(dest ...any) error

// collect runs a query and reads each row.
func collect[T any](ctx context.Context, q querier, query string, row func(scanFunc) (T, error), args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := row(rows.Scan)
		if err != nil {
			return nil, explain(err)
		}
		list = append(list, v)
	}
	return list, explain(rows.Err())
}

// each runs a query and calls row for each row.
func each(ctx context.Context, q querier, query string, row func(scanFunc) error, args ...any) error {
	_, err := collect(ctx, q, query, func(scan scanFunc) (struct{}, error) { return struct{}{}, row(scan) }, args...)
	return err
}

// value runs a query and returns its single value; ok is false if there is no row.
func value[T any](ctx context.Context, q querier, query string, args ...any) (v T, ok bool, err error) {
	err = q.QueryRow(ctx, query, args...).Scan(&v)
	if errors.Is(err, pgx.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, explain(err)
}

// atOnce is the number of places or ids in one statement.
const atOnce = 5000

// inChunks calls each with consecutive parts of a list.
func inChunks[T any](list []T, each func([]T) error) error {
	return column.InChunks(list, atOnce, each)
}

// ids converts picture ids to a bytea[].
func ids(list []store.PictureID) [][]byte {
	raw := make([][]byte, len(list))
	for i := range list {
		raw[i] = list[i][:]
	}
	return raw
}

func scanID(scan scanFunc) (id store.PictureID, err error) {
	var raw []byte
	if err := scan(&raw); err != nil {
		return id, err
	}
	return column.PictureID(raw)
}

// placeColumns are the arrays of the roots, folders and names of places.
func placeColumns(places []store.Place) (roots []string, dirs, names [][]byte) {
	for _, p := range places {
		roots, dirs, names = append(roots, string(p.Root)), append(dirs, []byte(p.Dir)), append(names, []byte(p.Name))
	}
	return roots, dirs, names
}

// wantedPlaces is a WITH clause for places, whose arrays are the first three parameters.
const wantedPlaces = "WITH wanted AS MATERIALIZED (SELECT w.nr, r.id AS root_id, r.uid, w.dir, w.name, d.id AS folder_id FROM unnest($1::text[], $2::bytea[], $3::bytea[]) WITH ORDINALITY w(root, dir, name, nr) " +
	"JOIN roots r ON r.uid = w.root LEFT JOIN folders d ON d.root_id = r.id AND d.digest = sha256(w.dir)) "
