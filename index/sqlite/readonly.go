package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// OpenReadOnly opens the index for reading, on a read-only disk too. An earlier schema is brought up to date first; ErrOlder where it
// cannot be. While another process has the lock, perhaps to do that, it waits for at most Options.Wait: ErrBusy.
func OpenReadOnly(ctx context.Context, path string, o Options) (*Store, error) {
	if err := Check(path); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
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
			_ = updated.Close() // it only read
			err = fmt.Errorf("open index %q: %w: its schema stays the old one", path, store.ErrBusy)
		}
		if !errors.Is(err, store.ErrBusy) || time.Since(begin) >= o.Wait {
			return nil, err
		}
		if o.Waiting != nil && time.Since(begin) > migrationNotice {
			o.Waiting()
			o.Waiting = nil
		}
		select { // who holds the lock is making the index, or brings it up to date
		case <-time.After(migrationLook):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// How often a reader looks whether another process has brought the index up to date, and when it says that it waits.
const (
	migrationLook   = 20 * time.Millisecond
	migrationNotice = time.Second
)

func openForReading(ctx context.Context, path string) (*Store, error) {
	s, err := open(ctx, path, "mode=ro", pragma("busy_timeout", "10000"), pragma("query_only", "1"))
	if err == nil || !emptyWAL(path) {
		return s, err
	}
	// WAL needs a file beside the database, which cannot be made here; without a pending log the database alone
	// is the truth, and it cannot change under us.
	return open(ctx, path, "mode=ro", "immutable=1", pragma("query_only", "1"))
}
