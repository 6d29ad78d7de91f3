// Package restore is the command that puts a backup in the place of the index. It must not know how an index is stored.
package restore

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace the index with a backup",
		Long: `Replace the index with a copy of FILE, which "imgsearch backup" wrote. restore checks all of FILE first, and changes nothing if it is
damaged. It keeps the current index under another name, next to it. If you stop restore at any time, either the old index or the new one
is in place.

The vector file next to the index is not part of a backup; the next run of index rebuilds it.

EXIT STATUS
  0 done; 1 failed, or FILE is damaged; 2 usage error, or FILE is not an index; 11 another process is indexing; 14 FILE is from a newer
  version of imgsearch`,
		Example: `  imgsearch restore /mnt/nas/photos-index.db`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return restore(c.Context(), p, args[0]) },
	}
}

// restoreJSON is the machine format of restore (docs/json.md).
type restoreJSON struct {
	Schema   int     `json:"schema"`
	File     string  `json:"file"`
	Index    string  `json:"index"`
	Kept     *string `json:"kept"`
	Files    int     `json:"files"`
	Pictures int     `json:"pictures"`
}

func restore(ctx context.Context, p *cli.Program, file string) error {
	from, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	at, err := p.App.Index()
	if err != nil {
		return err
	}
	kept, err := at.Restore(ctx, from)
	if err != nil {
		return explain(err, file)
	}
	ix, err := at.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	n, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, restoreJSON{wire.Schema, from, at.Location(), wire.OrNull(kept), n.Files, n.Pictures})
	}
	p.Notef("restored %s from %s", english.Count(n.Files, "file"), words.Path(file))
	if kept != "" {
		p.Notef("the previous index is kept as %s", words.Path(kept))
	}
	return nil
}

// explain returns the error with the exit code and the hint that apply to FILE, which is not the index that the user has.
func explain(err error, file string) error {
	shown := words.Path(file)
	switch {
	case errors.Is(err, store.ErrNoIndex):
		return cli.Usage("choose a file that `imgsearch backup` wrote", "%s: no such file", shown)
	case errors.Is(err, store.ErrNotIndex):
		return cli.Usage("choose a file that `imgsearch backup` wrote", "%w", err)
	case errors.Is(err, store.ErrNotReplaced):
		return cli.Usage("choose another index with --index FILE, or move the file away", "%w", err)
	case errors.Is(err, store.ErrItself):
		return cli.Usage("choose a file that `imgsearch backup` wrote", "%s is the index itself", shown)
	case errors.Is(err, store.ErrDamaged):
		return &cli.Error{Code: words.Failed, Err: err, Hint: "nothing was changed; `imgsearch --index FILE doctor --repair` recovers what is readable in FILE"}
	}
	return err
}
