package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// OpenReadOnly opens the index for reading, on a read-only disk too. An earlier schema is brought up to date first; ErrOlder where it
// cannot be.
func OpenReadOnly(ctx context.Context, path string, o Options) (*Store, error) {
	if err := Check(path); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	for begin := time.Now(); ; {
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
		if err == nil {
			if err = updated.Close(); err != nil {
				return nil, fmt.Errorf("open index %q: %w", path, explain(err))
			}
			continue
		}
		if !errors.Is(err, store.ErrBusy) || time.Since(begin) > migrationWait {
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

// How long a reader waits for another process to bring the index up to date, how often it looks, and when it says so: a million pictures
// take 18 s.
const (
	migrationWait   = 30 * time.Second
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
