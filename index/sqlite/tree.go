package sqlite

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// tree answers queries about the folders of a root, on the database or inside a transaction.
// Without WAL, another connection could not read while the transaction writes.
type tree struct {
	s *Store
	q querier
}

// Folders returns the folders that hold files.
func (t tree) Folders(ctx context.Context, at store.Folder) ([]store.FolderCount, error) {
	below, args := belowClause("dir", at.Dir)
	list, err := collect(ctx, t.q, "SELECT dir, count(*) FROM files WHERE root_id = "+rootID+" AND "+below+" GROUP BY dir ORDER BY dir",
		func(scan scanFunc) (f store.FolderCount, err error) {
			var dir []byte
			err = scan(&dir, &f.Files)
			f.Dir = string(dir)
			return f, err
		}, append([]any{string(at.Root)}, args...)...)
	return list, explain(err)
}

// FailureFolders returns the folders with recorded failures.
func (t tree) FailureFolders(ctx context.Context, at store.Folder) ([]string, error) {
	below, args := belowClause("dir", at.Dir)
	list, err := collect(ctx, t.q, "SELECT DISTINCT dir FROM failures WHERE root_id = "+rootID+" AND "+below+" ORDER BY dir",
		func(scan scanFunc) (string, error) {
			var dir []byte
			err := scan(&dir)
			return string(dir), err
		}, append([]any{string(at.Root)}, args...)...)
	return list, explain(err)
}

// FilesIn returns the files directly in folders.
func (t tree) FilesIn(ctx context.Context, root store.RootID, dirs []string) ([]store.File, error) {
	var files []store.File
	err := inChunks(dirs, func(chunk []string) error {
		args := []any{string(root)}
		for _, dir := range chunk {
			args = append(args, []byte(dir))
		}
		type row struct {
			store.File

			disk int64
		}
		rows, err := collect(ctx, t.q, `SELECT dir, name, size, mtime_ns, disk_id FROM files WHERE root_id = `+rootID+` AND dir IN `+marks(len(chunk))+` ORDER BY dir, name`,
			func(scan scanFunc) (r row, err error) {
				var dir, name []byte
				err = scan(&dir, &name, &r.Size, &r.MTimeNS, &r.disk)
				r.Root, r.Dir, r.Name = root, string(dir), string(name)
				return r, err
			}, args...)
		if err != nil {
			return explain(err)
		}
		for _, r := range rows {
			if r.Device, err = t.s.device(ctx, t.q, r.disk); err != nil {
				return err
			}
			files = append(files, r.File)
		}
		return nil
	})
	return files, err
}

// CountFiles returns how many files a root has.
func (t tree) CountFiles(ctx context.Context, root store.RootID) (n int, err error) {
	err = t.q.QueryRowContext(ctx, "SELECT coalesce(max(files), 0) FROM roots WHERE uid = ?", string(root)).Scan(&n)
	return n, explain(err)
}

// Folders returns the folders that hold files.
func (s *Store) Folders(ctx context.Context, at store.Folder) ([]store.FolderCount, error) {
	return tree{s, s.read}.Folders(ctx, at)
}

// FailureFolders returns the folders with recorded failures.
func (s *Store) FailureFolders(ctx context.Context, at store.Folder) ([]string, error) {
	return tree{s, s.read}.FailureFolders(ctx, at)
}

// FilesIn returns the files directly in folders.
func (s *Store) FilesIn(ctx context.Context, root store.RootID, dirs []string) ([]store.File, error) {
	return tree{s, s.read}.FilesIn(ctx, root, dirs)
}

// CountFiles returns how many files a root has.
func (s *Store) CountFiles(ctx context.Context, root store.RootID) (int, error) {
	return tree{s, s.read}.CountFiles(ctx, root)
}
