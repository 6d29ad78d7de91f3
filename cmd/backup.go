package cmd

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

func newBackupCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the index, also while it is in use",
		Long: `Write a copy of the index, as it is at one moment, to a file: whole or not at all, also while others index and search. The
copy is read through before it gets its name. An older copy is replaced; any other file is left alone. To use it:

  imgsearch search --index FILE ...      as it is
  cp FILE "$(imgsearch status | awk '/^index/ {print $2}')"      in place of a lost one, while nothing runs

The vectors' file beside the index is not in it: the next run of index makes it anew.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage; 10 no index here yet`,
		Example: `  imgsearch backup /mnt/nas/photos-index.db`,
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return app.backup(c.Context(), args[0]) },
	}
}

func (a *App) backup(ctx context.Context, file string) error {
	path, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	ix, err := a.openReadOnly(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	backuper, ok := ix.(store.Backuper)
	if !ok {
		return usageError("use the database's own tools", "%s cannot be copied to a file", ix.Location())
	}
	if err := backuper.Backup(ctx, path); err != nil {
		if bad, ok := errors.AsType[*os.PathError](err); ok {
			return usageError("give a file in a folder that is there and can be written", "%s: %w", escapePath(file), fserr.Cause(bad))
		}
		switch {
		case errors.Is(err, store.ErrNotReplaced):
			return usageError("give another name, or move it away", "%w", err)
		case errors.Is(err, store.ErrItself):
			return usageError("give another file", "%w", err)
		}
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if a.json {
		return printJSON(a.streams.Out, map[string]any{"schema": schemaVersion, "file": path, "bytes": info.Size()})
	}
	a.notef("%s in %s", humanize.IBytes(uint64(info.Size())), escapePath(file)) //nolint:gosec // a size
	return nil
}
