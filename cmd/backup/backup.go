// Package backup is the command that copies an index. It must not know how an index is stored.
package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the index, even while it is in use",
		Long: `Write a consistent copy of the index to FILE, even while other processes index and search. The copy is verified before it is
renamed to FILE, so FILE is never an incomplete copy. An older copy is replaced, but no other file. To use the copy:

  imgsearch search --index FILE ...      to search it directly
  imgsearch restore FILE                 to replace the index with it; cp is not safe

The copy does not include the vector file next to the index; the next run of index rebuilds it.

EXIT STATUS
  0 done; 1 failed; 2 usage error; 10 no index here yet; 11 another process is indexing into FILE`,
		Example: `  imgsearch backup /mnt/nas/photos-index.db`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return backup(c.Context(), p, args[0]) },
	}
}

func backup(ctx context.Context, p *cli.Program, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	ix, err := p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	backuper, ok := ix.(store.Backuper)
	if !ok {
		return cli.Usage("use the database's own tools", "%s cannot be copied to a file", ix.Location())
	}
	if err := backuper.Backup(ctx, path); err != nil {
		if bad, ok := errors.AsType[*os.PathError](err); ok {
			return cli.Usage("choose a file in an existing folder that you can write to", "%s: %w", words.Path(file), fserr.Cause(bad))
		}
		switch {
		case errors.Is(err, store.ErrNotReplaced):
			return cli.Usage("choose another name, or move the file away", "%w", err)
		case errors.Is(err, store.ErrItself):
			return cli.Usage("choose another file", "%w", err)
		}
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, map[string]any{"schema": wire.Schema, "file": path, "bytes": info.Size()})
	}
	p.Notef("wrote %s to %s", humanize.IBytes(uint64(info.Size())), words.Path(file)) //nolint:gosec // a size
	return nil
}
