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

// migrationNames returns the migrations in order; migration i leads to schema version i+1.
func migrationNames() ([]string, error) { return fs.Glob(migrations, "migrations/*.sql") }

// SchemaVersion returns the schema version that this program writes.
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

// Schema returns the schema version of the open index.
func (s *Store) Schema(ctx context.Context) (int, error) { return s.userVersion(ctx) }

// schemaFiles is the first schema version that stores metadata per file.
const schemaFiles = 4

// errOld means that the index must be migrated before it is used.
var errOld = errors.New("an earlier schema")

// checkSchema returns an error if the index cannot be read as it is: store.ErrNoIndex for an empty file, store.ErrNotIndex for the
// database of another program, store.ErrNewer for a newer schema, and errOld for an earlier one.
func (s *Store) checkSchema(ctx context.Context) error {
	// A single statement sees a consistent state: another process may be creating the tables at this moment.
	var version, id, tables int
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).Scan(&version, &id, &tables)
	if err != nil {
		return explain(err)
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return store.ErrNoIndex // an empty file: created but never written
	case id != applicationID:
		return fmt.Errorf("%w: a database of another program", store.ErrNotIndex)
	case version > SchemaVersion():
		return fmt.Errorf("%w: its schema version is %d, and this program supports up to %d", store.ErrNewer, version, SchemaVersion())
	case version < SchemaVersion():
		return fmt.Errorf("%w: %d", errOld, version)
	}
	return nil
}

// migrate migrates the schema to a version, each step in its own transaction. The caller holds the lock.
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
	derive := version < schemaFiles && to == SchemaVersion()
	for ; version < to; version++ {
		if err := s.step(ctx, names[version], version+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	if !derive {
		return nil
	}
	// The metadata of pictures with several files is derived from all of these files.
	if err := s.inTx(ctx, func(t *tx) error { return t.deriveAll(ctx, "HAVING count(*) > 1") }); err != nil {
		return fmt.Errorf("migrate to schema %d: %w", to, err)
	}
	return nil
}

// step runs one migration. Foreign keys are checked only at its end, since migrations may recreate tables that others refer to:
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
	defer conn.Close() //nolint:errcheck // returns the connection to the pool
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
		return err
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA foreign_keys = 1") //nolint:errcheck // new connections have it enabled
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	// Two processes may open a new index at the same time; the second one has nothing to do.
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
		err = fmt.Errorf("%w: table %s has references to missing rows", store.ErrDamaged, broken[0])
	}
	return err
}
