package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// repair mends what can be mended of the index: of a damaged one, what can be read goes into a new one, and the damaged file is
// kept; of a sound one, what it cannot use is dropped and the vectors' file beside it made anew.
func (a *App) repair(ctx context.Context) error {
	path, err := a.indexPath()
	if err != nil {
		return err
	}
	if err := sqlite.Check(path); err != nil {
		return err
	}
	lock, err := index.TryLock(path)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	damaged, err := isDamaged(ctx, path)
	if err != nil {
		return err
	}
	if damaged {
		if err := a.salvage(ctx, path); err != nil {
			return err
		}
	}
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer store.Close()
	dropped, err := store.DropUnfit(ctx)
	if err != nil {
		return err
	}
	if dropped > 0 {
		a.notef("dropped %s that the index could not use; the next `imgsearch index` makes them anew", count(int(dropped), "row"))
	}
	models, err := store.Models(ctx)
	if err != nil {
		return err
	}
	for _, m := range models {
		if err := index.RebuildVectorFile(ctx, store, m); err != nil {
			return fmt.Errorf("rebuild the vectors of %s: %w", m.Name, err)
		}
	}
	a.notef("the vectors beside the index were written anew")
	return store.Checkpoint(ctx)
}

// isDamaged tells whether an index is; an error is of another kind, which repair does not mend.
func isDamaged(ctx context.Context, path string) (bool, error) {
	store, err := sqlite.OpenReadOnly(ctx, path)
	if errors.Is(err, sqlite.ErrDamaged) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer store.Close()
	findings, err := store.Integrity(ctx)
	if errors.Is(err, sqlite.ErrDamaged) {
		return true, nil
	}
	return len(findings) > 0, err
}

func (a *App) salvage(ctx context.Context, path string) error {
	s, err := sqlite.Salvage(ctx, path)
	if err != nil {
		if s.Kept == "" {
			return &codedError{code: exitFailed, err: err, hint: "move " + escapePath(path) + " away and index again: nothing was changed, and the photos are not touched by this"}
		}
		return err
	}
	info, err := os.Stat(s.Kept)
	if err != nil {
		return err
	}
	parts := []string{count(s.Rows["files"], "file"), count(s.Rows["contents"], "picture"), count(s.Rows["embeddings"], "vector")}
	a.warnf("the index was damaged: %s were saved into a new one; the damaged one, of %s, is kept as %s; `imgsearch index` makes what is missing",
		strings.Join(parts, ", "), humanize.IBytes(uint64(info.Size())), escapePath(s.Kept))
	return nil
}
