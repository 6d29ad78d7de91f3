package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"modernc.org/sqlite"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

// Backup writes a consistent copy of the index to a file, completely or not at all, while other processes read and write.
// An older copy is replaced once the new one is complete and verified.
// If path is any other file, Backup returns store.ErrNotReplaced; if it is the index, store.ErrItself.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := s.mayReplace(ctx, path); err != nil {
		return err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".imgsearch-backup-*") // readable by the owner only
	if err != nil {
		return err
	}
	tmp.Close()
	defer os.Remove(tmp.Name())
	if err := s.copyTo(ctx, tmp.Name()); err != nil {
		return fmt.Errorf("copy the index: %w", explain(err))
	}
	copied, err := openForReading(ctx, tmp.Name())
	if err != nil {
		return fmt.Errorf("read the copy: %w", err)
	}
	findings, err := copied.Integrity(ctx)
	copied.Close()
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(tmp.Name() + suffix)
	}
	if err != nil {
		return fmt.Errorf("read the copy: %w", err)
	}
	if len(findings) > 0 {
		return fmt.Errorf("%w: %s", store.ErrDamaged, findings[0])
	}
	return atomicfile.Put(tmp.Name(), path)
}

// mayReplace returns an error if path is a file that is not a backup.
func (s *Store) mayReplace(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular() && info.Size() == 0:
		return nil
	}
	if own, err := os.Stat(s.path); err == nil && os.SameFile(own, info) {
		return fmt.Errorf("%q: %w", path, store.ErrItself)
	}
	old, err := openForReading(ctx, path)
	if err != nil {
		return fmt.Errorf("%q: %w", path, store.ErrNotReplaced)
	}
	defer old.Close()
	switch err := old.checkSchema(ctx); {
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("open index %q: %w", path, err)
	case err != nil && !errors.Is(err, errOld):
		return fmt.Errorf("%q: %w", path, store.ErrNotReplaced)
	}
	return nil
}

// copyTo runs SQLite's online backup in one step, so that the copy is a single consistent state.
func (s *Store) copyTo(ctx context.Context, path string) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // returns the connection to the pool
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the SQLite driver does not support backups")
		}
		b, err := source.NewBackup(fileURI(path))
		if err != nil {
			return err
		}
		for more := true; more; {
			if more, err = b.Step(-1); err != nil {
				return errors.Join(err, b.Finish())
			}
		}
		return b.Finish()
	})
}
