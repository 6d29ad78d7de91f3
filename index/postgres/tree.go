package postgres

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// tree answers queries about the folders of a root, on the database or inside a transaction.
type tree struct {
	q    querier
	host string
}

// below is a condition on a folder's dir: the folder in parameter $2 or one below it. '0' is the byte after '/'.
const below = "(length($2::bytea) = 0 OR d.dir = $2 OR d.dir >= $2 || '/'::bytea AND d.dir < $2 || '0'::bytea)"

func (t tree) folders(ctx context.Context, at store.Folder) ([]store.FolderCount, error) {
	return collect(ctx, t.q, `SELECT d.dir, n.files FROM roots r JOIN folders d ON d.root_id = r.id CROSS JOIN LATERAL (SELECT count(*) AS files FROM files f WHERE f.folder_id = d.id) n
		WHERE r.uid = $1 AND n.files > 0 AND `+below+" ORDER BY d.dir", func(scan scanFunc) (f store.FolderCount, err error) {
		var dir []byte
		err = scan(&dir, &f.Files)
		f.Dir = string(dir)
		return f, err
	}, string(at.Root), []byte(at.Dir))
}

func (t tree) failureFolders(ctx context.Context, at store.Folder) ([]string, error) {
	return collect(ctx, t.q, "SELECT d.dir FROM roots r JOIN folders d ON d.root_id = r.id WHERE r.uid = $1 AND EXISTS (SELECT 1 FROM failures x WHERE x.folder_id = d.id) AND "+below+" ORDER BY d.dir",
		func(scan scanFunc) (string, error) {
			var dir []byte
			err := scan(&dir)
			return string(dir), err
		}, string(at.Root), []byte(at.Dir))
}

func (t tree) filesIn(ctx context.Context, root store.RootID, dirs []string) (files []store.File, err error) {
	err = inChunks(dirs, func(chunk []string) error {
		raw := make([][]byte, len(chunk))
		for i, dir := range chunk {
			raw[i] = []byte(dir)
		}
		list, err := collect(ctx, t.q, `SELECT d.dir, f.name, f.size, f.mtime_ns, coalesce(v.device, 0) FROM unnest($2::bytea[]) AS w(dir) JOIN roots r ON r.uid = $1
			JOIN folders d ON d.root_id = r.id AND d.digest = sha256(w.dir) JOIN files f ON f.folder_id = d.id LEFT JOIN devices v ON v.disk_id = f.disk_id AND v.host = $3 ORDER BY d.dir, f.name`,
			func(scan scanFunc) (f store.File, err error) {
				var dir, name []byte
				var device int64
				err = scan(&dir, &name, &f.Size, &f.MTimeNS, &device)
				f.Place, f.Device = store.Place{Root: root, Dir: string(dir), Name: string(name)}, uint64(device)
				return f, err
			}, string(root), raw, t.host)
		files = append(files, list...)
		return err
	})
	return files, err
}

// Folders returns the folders that hold files.
func (s *Store) Folders(ctx context.Context, at store.Folder) ([]store.FolderCount, error) {
	return tree{s.db, s.host}.folders(ctx, at)
}

// FailureFolders returns the folders with recorded failures.
func (s *Store) FailureFolders(ctx context.Context, at store.Folder) ([]string, error) {
	return tree{s.db, s.host}.failureFolders(ctx, at)
}

// FilesIn returns the files directly in folders.
func (s *Store) FilesIn(ctx context.Context, root store.RootID, dirs []string) ([]store.File, error) {
	return tree{s.db, s.host}.filesIn(ctx, root, dirs)
}

// CountFiles returns the number of files of a root.
func (s *Store) CountFiles(ctx context.Context, root store.RootID) (int, error) {
	n, _, err := value[int](ctx, s.db, "SELECT files FROM roots WHERE uid = $1", string(root))
	return n, err
}

// Folders returns the folders that hold files.
func (t *tx) Folders(ctx context.Context, at store.Folder) ([]store.FolderCount, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return tree{t.tx, t.s.host}.folders(ctx, at)
}

// FailureFolders returns the folders with recorded failures.
func (t *tx) FailureFolders(ctx context.Context, at store.Folder) ([]string, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return tree{t.tx, t.s.host}.failureFolders(ctx, at)
}

// FilesIn returns the files directly in folders.
func (t *tx) FilesIn(ctx context.Context, root store.RootID, dirs []string) ([]store.File, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return tree{t.tx, t.s.host}.filesIn(ctx, root, dirs)
}

// CountFiles returns the number of files of a root.
func (t *tx) CountFiles(ctx context.Context, root store.RootID) (int, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	n, _, err := value[int](ctx, t.tx, "SELECT count(*) FROM files f JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id WHERE r.uid = $1", string(root))
	return n, err
}
