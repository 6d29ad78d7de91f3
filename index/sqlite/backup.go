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
	if err := refuseSideFiles(path); err != nil {
		return err
	}
	if locked, err := IsLocked(path); err == nil && locked {
		return fmt.Errorf("%q: %w", path, store.ErrBusy)
	}
	fresh, err := s.copyVerified(ctx, filepath.Dir(path), ".imgsearch-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(fresh)
	if _, err := os.Lstat(path); err == nil { // a new copy needs no lock, and no lock file next to it
		l, err := tryLock(path)
		if err != nil {
			return err
		}
		defer l.Unlock()                                //nolint:errcheck // it only closes the file
		if err := s.mayReplace(ctx, path); err != nil { // it may have changed meanwhile
			return err
		}
	}
	if err := replace(path, fresh, ""); err != nil {
		return err
	}
	return checkPlaced(ctx, path)
}

// checkPlaced checks that a copy, at its place, is read as what was verified: that no log of another index is next to it.
func checkPlaced(ctx context.Context, path string) error {
	if !emptyWAL(path) {
		return fmt.Errorf("%w: %s was written by another process meanwhile", store.ErrDamaged, path+"-wal")
	}
	placed, err := openForReading(ctx, path)
	if err != nil {
		return fmt.Errorf("read the copy: %w", err)
	}
	defer placed.Close()
	if err := placed.checkSchema(ctx); err != nil && !errors.Is(err, errOld) {
		return fmt.Errorf("read the copy: %w", err)
	}
	return nil
}

// copyVerified writes a consistent copy of the index to a new file in a folder, readable by the owner only, and checks all of it. The
// pattern names the file (atomicfile.Name). Leftovers of killed processes are removed.
func (s *Store) copyVerified(ctx context.Context, dir, pattern string) (_ string, err error) {
	atomicfile.Sweep(dir, pattern)
	path := filepath.Join(dir, atomicfile.Name(pattern))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			os.Remove(path)
		}
	}()
	if err := f.Close(); err != nil {
		return "", err
	}
	if err := s.copyTo(ctx, path); err != nil {
		return "", fmt.Errorf("copy the index: %w", explain(err))
	}
	copied, err := openForReading(ctx, path)
	if err != nil {
		return "", fmt.Errorf("read the copy: %w", err)
	}
	err = copied.verify(ctx)
	copied.Close()
	for _, suffix := range sideFiles {
		os.Remove(path + suffix)
	}
	if err != nil {
		return "", fmt.Errorf("read the copy: %w", err)
	}
	return path, nil
}

// verify returns store.ErrDamaged with the first problem of the index, if it has one.
func (s *Store) verify(ctx context.Context) error {
	findings, err := s.Integrity(ctx)
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%w: %s", store.ErrDamaged, findings[0])
	}
	return err
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
