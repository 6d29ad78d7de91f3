package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// OpenReadOnly opens the index for reading, even on a read-only disk. It migrates an earlier schema first; if it cannot, it returns ErrOlder.
// If another process holds the lock, possibly to migrate, it waits for up to Options.Wait and then returns ErrBusy.
func OpenReadOnly(ctx context.Context, path string, o Options) (*Store, error) {
	if err := Check(path); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	o.reportLog(path, false)
	begin, renewed := time.Now(), false
	for {
		s, err := openForReading(ctx, path)
		if err != nil {
			return nil, err
		}
		if err = s.checkSchema(ctx); err == nil {
			return s, nil
		}
		s.Close()
		if !errors.Is(err, errOld) {
			return nil, fmt.Errorf("open index %q: %w", path, err)
		}
		updated, err := Open(ctx, path, o)
		if err == nil && !renewed {
			if err = updated.Close(); err != nil {
				return nil, fmt.Errorf("open index %q: %w", path, explain(err))
			}
			renewed = true
			continue
		}
		if err == nil {
			_ = updated.Close() // nothing was written
			err = fmt.Errorf("open index %q: %w: its schema is still an old one", path, store.ErrBusy)
		}
		if !errors.Is(err, store.ErrBusy) || time.Since(begin) >= o.Wait {
			return nil, err
		}
		if o.Waiting != nil && time.Since(begin) > migrationNotice {
			o.Waiting()
			o.Waiting = nil
		}
		select { // the process with the lock is creating or migrating the index
		case <-time.After(migrationLook):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// How often a reader checks whether another process has migrated the index, and after how long it reports that it is waiting.
const (
	migrationLook   = 20 * time.Millisecond
	migrationNotice = time.Second
)

func openForReading(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path, "mode=ro", pragma("busy_timeout", "10000"), pragma("query_only", "1"))
	if err == nil || !emptyWAL(path) {
		return s, err
	}
	// WAL needs a file next to the database, which cannot be created here.
	// Without a pending log the database file is complete, and it cannot change while we read it.
	return open(ctx, path, "mode=ro", "immutable=1", pragma("query_only", "1"))
}
