package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/imgsearch/imgsearch/index/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationNames are the migrations in order; migration i makes schema version i+1.
func migrationNames() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// SchemaVersion is the version that this program writes.
func SchemaVersion() int {
	names, err := migrationNames()
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return len(names)
}

func (s *Store) userVersion(ctx context.Context) (int, error) {
	var v int
	err := s.read.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}

// Schema returns the version of the open index.
func (s *Store) Schema(ctx context.Context) (int, error) { return s.userVersion(ctx) }

// schemaFiles is the first version in which metadata belongs to files.
const schemaFiles = 4

// errOld is an index that must be migrated before anything is asked of it.
var errOld = errors.New("an earlier schema")

// checkSchema refuses what cannot be read as it is: a foreign database, an index from the future, and errOld.
func (s *Store) checkSchema(ctx context.Context) error {
	// One statement sees one state: a first indexer may be making the tables at this moment.
	var version, id, tables int
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).Scan(&version, &id, &tables)
	if err != nil {
		return explain(err)
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return store.ErrNoIndex // an empty file: made, and never filled
	case id != applicationID:
		return fmt.Errorf("%w: a database of another program", store.ErrNotIndex)
	case version > SchemaVersion():
		return fmt.Errorf("%w: its schema is %d, this program reads up to %d", store.ErrNewer, version, SchemaVersion())
	case version < SchemaVersion():
		return fmt.Errorf("%w: %d", errOld, version)
	}
	return nil
}

// migrate brings the schema up to a version, each step in a transaction of its own. The caller holds the lock.
func (s *Store) migrate(ctx context.Context, to int) error {
	err := s.checkSchema(ctx)
	if err == nil {
		return nil
	}
	if !errors.Is(err, store.ErrNoIndex) && !errors.Is(err, errOld) {
		return err
	}
	names, err := migrationNames()
	if err != nil {
		return err
	}
	version, err := s.userVersion(ctx)
	if err != nil {
		return err
	}
	for ; version < to; version++ {
		if err := s.step(ctx, names[version], version+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
		if version+1 == schemaFiles {
			// What pictures of several files show follows from all of them.
			if err := s.inTx(ctx, func(t *tx) error { return t.deriveAll(ctx, "HAVING count(*) > 1") }); err != nil {
				return fmt.Errorf("migrate to schema %d: %w", version+1, err)
			}
		}
	}
	return nil
}

// step runs one migration. Tables that others refer to are made anew in it, so that foreign keys are checked at its end only:
// https://sqlite.org/lang_altertable.html#otheralter
func (s *Store) step(ctx context.Context, name string, to int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1") //nolint:errcheck // it is on in every new connection
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	// Two programs may open a new index at once: the second finds the work done.
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version >= to {
		return nil
	}
	for _, stmt := range []string{
		string(script),
		fmt.Sprintf("PRAGMA user_version = %d", to),
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
	} {
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return err
		}
	}
	if err := checkForeignKeys(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func checkForeignKeys(ctx context.Context, tx *sql.Tx) error {
	broken, err := collect(ctx, tx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`, func(scan scanFunc) (table string, err error) {
		return table, scan(&table)
	})
	if err == nil && len(broken) > 0 {
		err = fmt.Errorf("%w: rows of %s refer to what is not there", store.ErrDamaged, broken[0])
	}
	return err
}
