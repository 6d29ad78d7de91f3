package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/store"
)

func newRootsCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "roots",
		Short: "List, forget or move the indexed folders",
		Long: `The roots are the folders that were given to index. Files are remembered relative to them, so that a disk that is
mounted elsewhere is one ` + "`roots move`" + `, and nothing is embedded again.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage, or no such root; 10 no index here yet; 11 another process is indexing;
  14 the index is from a newer version of imgsearch`,
		Args: unknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError("see `imgsearch roots --help`", "roots needs one of list, rm, move")
		},
	}
	c.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the roots", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error { return app.listRoots(c.Context()) },
		},
		&cobra.Command{
			Use: "rm DIR...", Short: "Forget roots and their files; no photo is touched", Args: cobra.MinimumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return app.removeRoots(c.Context(), args) },
		},
		&cobra.Command{
			Use: "move OLD NEW", Short: "Tell that a root is at another place now", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error { return app.moveRoot(c.Context(), args[0], args[1]) },
		},
	)
	return c
}

// rootJSON is a root in the machine format (docs/json.md).
type rootJSON struct {
	Path      string `json:"path"`
	PathB64   []byte `json:"path_b64,omitempty"`
	Walked    bool   `json:"walked"`
	Files     int    `json:"files"`
	Reachable bool   `json:"reachable"`
}

func (a *App) listRoots(ctx context.Context) error {
	ix, err := a.openReadOnly(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	roots, err := ix.Roots(ctx)
	if err != nil {
		return err
	}
	list := make([]rootJSON, 0, len(roots))
	for _, r := range roots {
		_, err = os.Stat(r.Path)
		list = append(list, rootJSON{r.Path, notUTF8(r.Path), r.Walked, r.Files, err == nil})
	}
	if a.json {
		return printJSON(a.streams.Out, struct {
			Schema int        `json:"schema"`
			Roots  []rootJSON `json:"roots"`
		}{schemaVersion, list})
	}
	for _, r := range list {
		mark := ""
		if !r.Walked {
			mark = ", single files only"
		}
		if !r.Reachable {
			mark += ", not reachable now"
		}
		if _, err := fmt.Fprintf(a.streams.Out, "%s  (%s%s)\n", escapePath(r.Path), count(r.Files, "file"), mark); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) removeRoots(ctx context.Context, paths []string) error {
	return a.changeIndex(ctx, func(ix store.Store) error {
		for _, path := range paths {
			abs, err := filepath.Abs(path)
			if err != nil {
				return err
			}
			n, err := ix.RemoveRoot(ctx, abs)
			if err != nil {
				return err
			}
			if a.json {
				if err := printJSON(a.streams.Out, struct {
					Schema  int    `json:"schema"`
					Removed string `json:"removed"`
					Files   int    `json:"files"`
				}{schemaVersion, abs, n}); err != nil {
					return err
				}
				continue
			}
			a.notef("forgot %s and its %s; the photos are where they were", escapePath(abs), count(n, "file"))
		}
		return nil
	})
}

func (a *App) moveRoot(ctx context.Context, old, path string) error {
	oldAbs, err := filepath.Abs(old)
	if err != nil {
		return err
	}
	newAbs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(newAbs)
	if err != nil || !info.IsDir() {
		return usageError("give the folder where the photos are now", "%s is not a folder", escapePath(newAbs))
	}
	return a.changeIndex(ctx, func(ix store.Store) error {
		roots, err := ix.Roots(ctx)
		if err != nil {
			return err
		}
		for _, r := range roots {
			if r.Path == newAbs && r.Path != oldAbs {
				return usageError("forget one of them with `imgsearch roots rm`", "%s is a root itself", escapePath(newAbs))
			}
		}
		if err := ix.MoveRoot(ctx, oldAbs, newAbs); err != nil {
			return err
		}
		if a.json {
			return printJSON(a.streams.Out, struct {
				Schema int    `json:"schema"`
				Old    string `json:"old"`
				New    string `json:"new"`
			}{schemaVersion, oldAbs, newAbs})
		}
		a.notef("%s is at %s now", escapePath(oldAbs), escapePath(newAbs))
		return nil
	})
}
