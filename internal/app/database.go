package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// ErrInDatabase means that something is done to an index in a database that can only be done to one in a file.
var ErrInDatabase = errors.New("the index is in a database, not in a file")

func (i Index) notAFile() error { return fmt.Errorf("index %q: %w", i.Location(), ErrInDatabase) }

func (i Index) databaseOptions() postgres.Options { return postgres.Options{Migrating: i.Migrating} }

// openedDatabase keeps a nil pointer from becoming an interface that is not nil.
func openedDatabase(s *postgres.Store, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// askTime limits how long a question to a database may take that callers without a context ask.
const askTime = 20 * time.Second

func (i Index) checkDatabase() error {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	return postgres.Check(ctx, i.Path, i.databaseOptions())
}

func (i Index) isDatabaseLocked() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	s, err := postgres.OpenReadOnly(ctx, i.Path, i.databaseOptions())
	if err != nil {
		return false, err
	}
	locked, err := s.IsLocked(ctx)
	return locked, errors.Join(err, s.Close())
}

func (i Index) openDatabaseLocked(ctx context.Context, take func(*postgres.Store, context.Context) (store.Lock, error)) (store.Store, store.Lock, error) {
	s, err := postgres.Open(ctx, i.Path, i.databaseOptions())
	if err != nil {
		return nil, nil, err
	}
	lock, err := take(s, ctx)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	if err := s.UpdatePlaces(ctx); err != nil {
		return nil, nil, errors.Join(err, lock.Unlock(), s.Close())
	}
	return s, lock, nil
}

// Base returns the path to which the names of this machine's own files about the index are appended: that of the index, or, if it is in a database, that of
// an empty file in the folder for what this machine has observed, which Base creates. The file also tells whose socket is beside it.
func (i Index) Base() string {
	if !i.InDatabase() {
		return i.Path
	}
	digest := sha256.Sum256([]byte(i.Location()))
	base := filepath.Join(i.databaseDir(), "index-"+hex.EncodeToString(digest[:8]))
	if f, err := os.OpenFile(base, os.O_CREATE|os.O_RDONLY, 0o600); err == nil {
		f.Close()
	}
	return base
}

// databaseDir returns the folder of Base, and creates it, private to the user.
func (i Index) databaseDir() string {
	dir := os.Getenv("IMGSEARCH_STATE")
	if dir == "" {
		var err error
		if dir, err = stateDir(); err != nil {
			dir = filepath.Join(os.TempDir(), fmt.Sprintf("imgsearch-%d", os.Getuid()))
		}
	}
	_ = os.MkdirAll(dir, 0o700) // who writes there reports it
	return dir
}
