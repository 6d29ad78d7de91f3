package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

// Salvaged describes what was recovered from a damaged index.
type Salvaged struct {
	// Kept is the new path of the damaged file, which is never deleted.
	Kept string
	// Rows counts the rows copied, by table; Lost counts the places where reading a table failed.
	Rows map[string]int
	Lost int
}

// salvageOrder lists the tables of all schema versions, each before the tables that refer to it.
// It omits data that can be recreated: the counts of the triggers, the vector files, the stored queries and the labels.
var salvageOrder = []string{"meta", "roots", "mounts", "disks", "words", "models", "contents", "pictures", "files", "embeddings", "previews", "text_models", "texts", "failures", "suspects", "runs"}

// Salvage replaces a damaged index with a new one that contains all data that could be read.
// It keeps the damaged file under another name in the same folder. The caller holds the index's lock.
func Salvage(ctx context.Context, path string) (s Salvaged, err error) {
	old, err := open(ctx, path, "mode=ro", pragma("query_only", "1"))
	if err != nil {
		return s, fmt.Errorf("open index %q: %w", path, err)
	}
	defer old.Close()
	atomicfile.Sweep(filepath.Dir(path), repairPattern)
	fresh := filepath.Join(filepath.Dir(path), atomicfile.Name(repairPattern))
	defer func() {
		for _, suffix := range append([]string{""}, sideFiles...) {
			os.Remove(fresh + suffix)
		}
	}()
	if err := Prepare(fresh); err != nil {
		return s, err
	}
	target, err := openForChanges(ctx, fresh)
	if err != nil {
		return s, err
	}
	defer target.Close()
	s.Rows = make(map[string]int)
	if err := s.copyTables(ctx, old, target); err != nil {
		return s, err
	}
	if err := target.checkpoint(ctx); err != nil {
		return s, err
	}
	if err := target.Close(); err != nil {
		return s, err
	}
	if err := old.Close(); err != nil {
		return s, err
	}
	return s, s.putInPlace(path, fresh)
}

// copyTables copies the tables into an empty index of the same schema and then migrates it.
func (s *Salvaged) copyTables(ctx context.Context, old, target *Store) error {
	version, err := old.userVersion(ctx)
	if err != nil || version < 1 || version > SchemaVersion() {
		version = SchemaVersion() // the first page is damaged: copy the columns that both schemas have
	}
	if err := target.migrate(ctx, version); err != nil {
		return err
	}
	for _, table := range salvageOrder {
		n, lost, err := salvageTable(ctx, old.db, target.db, table)
		if err != nil {
			return fmt.Errorf("save %s: %w", table, explain(err))
		}
		if table == "contents" {
			table = "pictures"
		}
		s.Rows[table] += n
		s.Lost += lost
	}
	if err := target.migrate(ctx, SchemaVersion()); err != nil {
		return err
	}
	if _, err := dropDamagedVectors(ctx, old, target); err != nil {
		return err
	}
	t, err := target.begin(ctx)
	if err != nil {
		return err
	}
	defer t.Rollback()
	for _, stmt := range []string{
		// The triggers have added to the copied counts.
		`UPDATE roots SET files = (SELECT count(*) FROM files f WHERE f.root_id = roots.id), bytes = (SELECT coalesce(sum(size), 0) FROM files f WHERE f.root_id = roots.id)`,
		// Files whose words were lost must be read again.
		`UPDATE files SET meta = 0, camera = NULL, lens = NULL, keywords = NULL, people = NULL WHERE EXISTS
			(SELECT 1 FROM (SELECT files.camera AS id UNION ALL SELECT files.lens UNION ALL SELECT files.keywords UNION ALL SELECT files.people) WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM words))`,
		`UPDATE pictures SET camera = NULL WHERE camera NOT IN (SELECT id FROM words)`,
		`UPDATE pictures SET lens = NULL WHERE lens NOT IN (SELECT id FROM words)`,
		`UPDATE pictures SET keywords = NULL WHERE keywords NOT IN (SELECT id FROM words)`,
		`UPDATE pictures SET people = NULL WHERE people NOT IN (SELECT id FROM words)`,
		// The labels are not salvaged: they name pictures by row ids, which may be given again.
		`DELETE FROM meta WHERE key = 'labels'`,
	} {
		if _, err := t.exec(ctx, stmt); err != nil {
			return err
		}
	}
	if err := t.rebuildTrigrams(ctx); err != nil {
		return err
	}
	t.orphans = true // there may be pictures whose files were lost
	if err := t.deriveAll(ctx, ""); err != nil {
		return err
	}
	return t.Commit(ctx)
}

// putInPlace replaces the damaged index with the new one and keeps it under another name.
func (s *Salvaged) putInPlace(path, fresh string) error {
	s.Kept = numbered(path + damagedInfix)
	return replace(path, fresh, s.Kept)
}

// numbered returns a name that ends with the time and that no file has.
func numbered(before string) string {
	stamp := before + time.Now().Format("20060102-150405")
	name := stamp
	for n := 2; ; n++ {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			return name
		}
		name = fmt.Sprintf("%s-%d", stamp, n)
	}
}

// salvageTable copies the rows of a table that can be read and that the new index accepts.
// After an unreadable page it continues with the next readable row ids.
func salvageTable(ctx context.Context, from, to *sql.DB, table string) (rows, lost int, err error) {
	columns, filled, err := commonColumns(ctx, from, to, table)
	if err != nil || len(columns) == 0 {
		return 0, 0, err
	}
	numbered := slices.Contains(columns, "id") || slices.Contains(columns, "seq") || slices.Contains([]string{"previews", "mounts", "texts"}, table)
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	insert, err := tx.PrepareContext(ctx, "INSERT OR IGNORE INTO "+table+"("+strings.Join(columns, ", ")+") VALUES "+marks(len(columns)))
	if err != nil {
		return 0, 0, err
	}
	defer insert.Close() //nolint:errcheck // the transaction closes it too
	var last int64 = -1 << 62
	for skip := int64(1); ; skip *= 2 {
		n, at, err := copyRows(ctx, from, insert, table, columns, filled, numbered, last)
		rows += n
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return rows, lost, ctx.Err()
		}
		lost++
		if n > 0 {
			skip = 1
		}
		if !numbered || skip > 1<<40 {
			break
		}
		last = max(at, last, 0) + skip
	}
	return rows, lost, tx.Commit()
}

// copyRows copies the rows after a row id until one cannot be read.
func copyRows(ctx context.Context, from *sql.DB, insert *sql.Stmt, table string, columns []string, filled []bool, numbered bool, after int64) (n int, last int64, err error) {
	last = after
	query := "SELECT 0, " + strings.Join(columns, ", ") + " FROM " + table
	var args []any
	if numbered {
		query = "SELECT rowid, " + strings.Join(columns, ", ") + " FROM " + table + " NOT INDEXED WHERE rowid > ? ORDER BY rowid"
		args = []any{after}
	}
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return 0, last, err
	}
	defer rows.Close()
	values := make([]any, len(columns))
	fields := []any{&last}
	for i := range values {
		fields = append(fields, &values[i])
	}
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return n, last, err
		}
		for i, v := range values {
			// The driver reads an empty blob, such as the folder "", as nil, which it would write as NULL.
			if b, ok := v.([]byte); filled[i] && (v == nil || ok && b == nil) {
				values[i] = []byte{}
			}
		}
		// A row that refers to a lost row is lost too.
		if res, err := insert.ExecContext(ctx, values...); err == nil {
			if k, err := res.RowsAffected(); err == nil {
				n += int(k)
			}
		}
	}
	return n, last, rows.Err()
}

// commonColumns returns the columns that a table has in both databases, and which of them are NOT NULL blobs.
// It returns none if the old database does not have the table.
func commonColumns(ctx context.Context, from, to *sql.DB, table string) (names []string, filled []bool, err error) {
	type column struct {
		name string
		blob bool
	}
	columns := func(db *sql.DB) ([]column, error) {
		return collect(ctx, db, `SELECT name, "notnull" AND type = 'BLOB' FROM pragma_table_info(?)`, func(scan scanFunc) (column, error) {
			var c column
			return c, scan(&c.name, &c.blob)
		}, table)
	}
	wanted, err := columns(to)
	if err != nil {
		return nil, nil, err
	}
	have, err := columns(from)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // if its description cannot be read, the table cannot be read either
	}
	for _, c := range wanted {
		if slices.ContainsFunc(have, func(h column) bool { return h.name == c.name }) {
			names, filled = append(names, c.name), append(filled, c.blob)
		}
	}
	return names, filled, nil
}

// dropDamagedVectors deletes from an index the vectors that are damaged in another one, from which it was copied or which it is.
func dropDamagedVectors(ctx context.Context, from, to *Store) (n int64, err error) {
	all, err := from.Models(ctx)
	if err != nil {
		return 0, nil //nolint:nilerr // then its vectors cannot be examined
	}
	var damaged []int64
	for _, m := range all {
		seqs, _, _ := from.damagedVectors(ctx, m.Identity) // what could be examined
		damaged = append(damaged, seqs...)
	}
	return int64(len(damaged)), to.inTx(ctx, func(t *tx) error {
		for _, seq := range damaged {
			if _, err := t.exec(ctx, "DELETE FROM embeddings WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		t.forget = len(damaged) > 0
		return nil
	})
}

// DropUnfit deletes unusable data, which is damaged vectors and previews that are too short,
// and rebuilds the indexes of all tables. It returns the number of rows deleted.
func (s *Store) DropUnfit(ctx context.Context) (n int64, err error) {
	if n, err = dropDamagedVectors(ctx, s, s); err != nil {
		return 0, err
	}
	err = s.inTx(ctx, func(t *tx) error {
		k, err := t.exec(ctx, "DELETE FROM previews WHERE length(jpeg) < 100")
		n += k
		if err != nil {
			return err
		}
		return t.rebuildTrigrams(ctx)
	})
	if err != nil {
		return 0, err
	}
	_, err = s.db.ExecContext(ctx, "REINDEX")
	return n, explain(err)
}
