package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationNames returns the migrations in order; migration i leads to schema version i+1.
func migrationNames() []string {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return names
}

// SchemaVersion returns the schema version that this program writes.
func SchemaVersion() int { return len(migrationNames()) }

// errOld means that the index must be migrated before it is used.
var errOld = errors.New("an earlier schema")

// versionKey is the key of the schema version in the table meta.
const versionKey = "schema"

// Schema returns the schema version of the open index.
func (s *Store) Schema(ctx context.Context) (int, error) { return version(ctx, s.db) }

// version returns the schema version, 0 if there is no index.
func version(ctx context.Context, q querier) (int, error) {
	// Without the right to use the schema, its tables look as if they did not exist.
	usable, exists, err := value[bool](ctx, q, "SELECT has_schema_privilege(oid, 'USAGE') FROM pg_namespace WHERE nspname = $1", Schema)
	if err != nil || !exists {
		return 0, err
	}
	if !usable {
		return 0, fmt.Errorf("%w: no right to use the schema %s", store.ErrRole, Schema)
	}
	text, _, err := value[string](ctx, q, "SELECT value FROM "+Schema+".meta WHERE key = $1", versionKey)
	if errors.Is(err, store.ErrNoIndex) {
		return 0, nil
	}
	if err != nil || text == "" {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%w: its schema version is %q", store.ErrDamaged, text)
	}
	return n, nil
}

// checkSchema returns an error if the index cannot be used as it is.
func (s *Store) checkSchema(ctx context.Context) error {
	switch v, err := version(ctx, s.db); {
	case err != nil:
		return err
	case v == 0:
		return store.ErrNoIndex
	case v > SchemaVersion():
		return fmt.Errorf("%w: its schema version is %d, and this program supports up to %d", store.ErrNewer, v, SchemaVersion())
	case v < SchemaVersion():
		return errOld
	}
	return nil
}

// checkWritable returns ErrRole if the role cannot change the index, or the server is a standby.
func (s *Store) checkWritable(ctx context.Context) error {
	ok, _, err := value[bool](ctx, s.db, "SELECT pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass('pictures')), 'USAGE') AND has_schema_privilege($1, 'CREATE') AND NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'", Schema)
	if err == nil && !ok {
		err = store.ErrRole
	}
	return err
}

// migrate creates the schema or brings it up to date. Each step is one transaction.
func (s *Store) migrate(ctx context.Context, o Options) error {
	return s.InTurn(ctx, func(conn *pgx.Conn) error { return bringUpToDate(ctx, conn, o) })
}

// InTurn runs a change of the schema while no other program makes one.
func (s *Store) InTurn(ctx context.Context, change func(*pgx.Conn) error) error {
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The lock is the session's: a transaction would see the state before it waited.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", lockClass, migrateLock); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1, $2)", lockClass, migrateLock) //nolint:errcheck // a broken connection holds no lock
	return change(conn.Conn())
}

func bringUpToDate(ctx context.Context, conn *pgx.Conn, o Options) error {
	have, err := version(ctx, conn)
	if err != nil {
		return err
	}
	if have > 0 && have < SchemaVersion() && o.Migrating != nil {
		o.Migrating(have, SchemaVersion())
	}
	for names := migrationNames(); have < len(names); have++ {
		if err := step(ctx, conn, names[have], have+1); err != nil {
			return fmt.Errorf("migrate to schema %d: %w", have+1, explain(err))
		}
	}
	return nil
}

// step runs one migration.
func step(ctx context.Context, conn *pgx.Conn, name string, to int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if to == 1 {
			// A role that may not create schemas can use one that an administrator has created for it.
			exists, _, err := value[bool](ctx, tx, "SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)", Schema)
			if err != nil {
				return err
			}
			if !exists {
				if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{Schema}.Sanitize()); err != nil {
					return err
				}
			}
		}
		if _, err := tx.Exec(ctx, string(script)); err != nil {
			return err
		}
		if to == 1 {
			if _, err := tx.Exec(ctx, "INSERT INTO meta(key, value) VALUES ($1, $2)", gazetteerKey, places.Version); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, "INSERT INTO meta(key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", versionKey, strconv.Itoa(to))
		return err
	})
}
