package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
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
	err := s.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
	return v, err
}

// Schema returns the version of the open index.
func (s *Store) Schema(ctx context.Context) (int, error) { return s.userVersion(ctx) }

// checkSchema refuses what this program cannot read: a foreign database and an index from the future.
func (s *Store) checkSchema(ctx context.Context) error {
	// One statement sees one state: a first indexer may be making the tables at this moment.
	var version, id, tables int
	err := s.db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_schema)`).Scan(&version, &id, &tables)
	if err != nil {
		return explain(err)
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return ErrNoIndex // an empty file: made, and never filled
	case id != applicationID:
		return fmt.Errorf("%w: a database of another program", ErrNotIndex)
	case version > SchemaVersion():
		return fmt.Errorf("%w: its schema is %d, this program reads up to %d", ErrNewer, version, SchemaVersion())
	}
	s.schema = version
	if version < SchemaVersion() {
		return fmt.Errorf("%w: its schema is %d; any index run brings it up to %d", errOlder, version, SchemaVersion())
	}
	return nil
}

var errOlder = fmt.Errorf("the index is from an older version of imgsearch")

// migrate brings the schema up to date, each step in a transaction of its own.
func (s *Store) migrate(ctx context.Context) error {
	err := s.checkSchema(ctx)
	if err == nil {
		return nil
	}
	if !isOneOf(err, ErrNoIndex, errOlder) {
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
	for ; version < len(names); version++ {
		if err := s.step(ctx, names[version], version+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", version+1, err)
		}
	}
	s.schema = version
	return nil
}

func (s *Store) step(ctx context.Context, name string, to int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
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
	return tx.Commit()
}
