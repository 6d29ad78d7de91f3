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

// repair mends what can be mended of the index: of a damaged one, what can be read goes into a new one, and the damaged file is
// kept; of a sound one, what it cannot use is dropped and the vectors' file beside it made anew.
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
		p.Notef("dropped %s that the index could not use; the next `imgsearch index` makes them anew", english.Count(int(dropped), "row"))
	}
	if err := repairer.RebuildSearch(ctx); err != nil {
		return err
	}
	p.Notef("the vectors beside the index were written anew")
	return nil
}

// isDamaged reports whether an index is; an error is of another kind, which repair does not fix.
func isDamaged(ctx context.Context, at app.Index) (bool, error) {
	findings, err := at.Examine(ctx)
	if errors.Is(err, store.ErrDamaged) {
		return true, nil
	}
	return len(findings) > 0, err
}

// salvage makes a new index of a damaged one, under its lock.
func salvage(ctx context.Context, p *cli.Program, at app.Index) error {
	lock, err := at.TryLock()
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // it is taken again for what follows
	damaged, err := isDamaged(ctx, at)
	if err != nil || !damaged {
		return err
	}
	s, err := at.Salvage(ctx)
	if err != nil {
		if s.Kept == "" {
			return &cli.Error{Code: words.Failed, Err: err, Hint: "move " + words.Path(at.Path) + " away and index again: nothing was changed, and the photos are not touched by this"}
		}
		return err
	}
	info, err := os.Stat(s.Kept)
	if err != nil {
		return err
	}
	parts := []string{english.Count(s.Files, "file"), english.Count(s.Pictures, "picture"), english.Count(s.Vectors, "vector")}
	p.Warnf("the index was damaged: %s were saved into a new one; the damaged one, of %s, is kept as %s; `imgsearch index` makes what is missing",
		strings.Join(parts, ", "), humanize.IBytes(uint64(info.Size())), words.Path(s.Kept))
	return nil
}
