package doctor

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/words"
)

// repair repairs the index. If it is damaged, repair copies the readable part into a new index and keeps the damaged file. If it is
// sound, repair drops unusable rows and rebuilds the vector file.
func repair(ctx context.Context, p *cli.Program) error {
	at, err := p.App.Index()
	if err != nil {
		return err
	}
	if err := at.Check(); err != nil {
		return err
	}
	if err := salvage(ctx, p, at); err != nil {
		return err
	}
	ix, lock, err := at.OpenLocked(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer ix.Close()
	repairer, ok := ix.(store.Repairer)
	if !ok {
		return cli.Usage("use the database's own tools", "%s cannot be repaired", ix.Location())
	}
	dropped, err := repairer.DropUnfit(ctx)
	if err != nil {
		return err
	}
	if dropped > 0 {
		p.Notef("removed %s that the index could not use; the next run of `imgsearch index` recreates them", english.Count(int(dropped), "row"))
	}
	if err := repairer.RebuildSearch(ctx); err != nil {
		return err
	}
	p.Notef("rebuilt the vector file")
	return nil
}

// isDamaged reports whether an index is damaged. It returns only errors that repair cannot fix.
func isDamaged(ctx context.Context, at app.Index) (bool, error) {
	findings, err := at.Examine(ctx)
	if errors.Is(err, store.ErrDamaged) {
		return true, nil
	}
	return len(findings) > 0, err
}

// salvage copies the readable part of a damaged index into a new one, under the index's lock.
func salvage(ctx context.Context, p *cli.Program, at app.Index) error {
	lock, err := at.TryLock()
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // repair takes it again
	damaged, err := isDamaged(ctx, at)
	if err != nil || !damaged {
		return err
	}
	s, err := at.Salvage(ctx)
	if err != nil {
		if s.Kept == "" {
			return &cli.Error{Code: words.Failed, Err: err, Hint: "nothing was changed; move " + words.Path(at.Path) + " away and index your photos again"}
		}
		return err
	}
	info, err := os.Stat(s.Kept)
	if err != nil {
		return err
	}
	parts := []string{english.Count(s.Files, "file"), english.Count(s.Pictures, "picture"), english.Count(s.Vectors, "vector")}
	p.Warnf("the index was damaged: recovered %s into a new index; the damaged file (%s) is kept as %s; run `imgsearch index` to add what is missing",
		strings.Join(parts, ", "), humanize.IBytes(uint64(info.Size())), words.Path(s.Kept))
	return nil
}
