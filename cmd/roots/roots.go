// Package roots is the command that lists, forgets and moves the indexed folders. It must not know how an index is stored.
package roots

import (
	"context"
	"fmt"
	"os"
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
	c := &cobra.Command{
		Use:   "roots",
		Short: "List, add, move or remove the indexed folders",
		Long: `The roots are the folders that you gave to index. The index stores the paths of files relative to them: if a disk is mounted
elsewhere, run ` + "`imgsearch roots move OLD NEW`" + ` once; nothing is embedded again.

In a database that several machines use, a root is one thing with a path on each machine that sees it: run ` + "`imgsearch roots add --as NAME DIR`" + ` on
each of them. NAME is the root's name, or what ` + "`imgsearch roots list`" + ` prints for it, such as nas:/volume1/photos; a new name makes a new root.

EXIT STATUS
  0 done; 1 failed; 2 usage error, or no such root; 10 no index here yet; 11 another process is indexing;
  14 the index is from a newer version of imgsearch`,
		Args: cli.UnknownSubcommand,
		RunE: func(c *cobra.Command, _ []string) error {
			return cli.Usage("see `imgsearch roots --help`", "missing subcommand: list, add, rm or move")
		},
	}
	c.AddCommand(
		newAdd(p),
		&cobra.Command{
			Use: "list", Short: "List the roots", Args: cli.NoArgs,
			RunE: func(c *cobra.Command, _ []string) error { return listRoots(c.Context(), p) },
		},
		&cobra.Command{
			Use: "rm DIR...", Short: "Remove roots and their files from the index; the photos are kept", Args: cobra.MinimumNArgs(1),
			RunE: func(c *cobra.Command, args []string) error { return removeRoots(c.Context(), p, args) },
		},
		&cobra.Command{
			Use: "move OLD NEW", Short: "Tell the index that a root has moved", Args: cobra.ExactArgs(2),
			RunE: func(c *cobra.Command, args []string) error { return moveRoot(c.Context(), p, args[0], args[1]) },
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
	Name      string `json:"name,omitempty"`
	// Hosts are its paths on all machines, if the index is one of several machines.
	Hosts []hostJSON `json:"hosts,omitempty"`
	// elsewhere reports whether this machine has no path to it.
	elsewhere bool
}

type hostJSON struct {
	Host string `json:"host"`
	Path string `json:"path"`
}

func listRoots(ctx context.Context, p *cli.Program) error {
	ix, err := p.App.OpenForReading(ctx)
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
		reachable := false
		if !r.Elsewhere {
			_, err := os.Stat(r.Path)
			reachable = err == nil
		}
		list = append(list, rootJSON{r.Path, wire.NotUTF8(r.Path), r.Walked, r.Files, reachable, r.Name, nil, r.Elsewhere})
	}
	if err := addHosts(ctx, ix, roots, list); err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, struct {
			Schema int        `json:"schema"`
			Roots  []rootJSON `json:"roots"`
		}{wire.Schema, list})
	}
	for _, r := range list {
		mark := ""
		if !r.Walked {
			mark = ", single files only"
		}
		switch {
		case r.elsewhere:
			mark += ", on another machine"
		case !r.Reachable:
			mark += ", unreachable"
		}
		if r.Name != "" {
			mark += ", named " + words.Path(r.Name)
		}
		if _, err := fmt.Fprintf(p.Out, "%s  (%s%s)\n", words.Path(r.Path), english.Count(r.Files, "file"), mark); err != nil {
			return err
		}
		for _, h := range r.Hosts {
			if _, err := fmt.Fprintf(p.Out, "    %s:%s\n", words.Path(h.Host), words.Path(h.Path)); err != nil {
				return err
			}
		}
	}
	return nil
}

func removeRoots(ctx context.Context, p *cli.Program, paths []string) error {
	return p.App.Change(ctx, func(ix store.Store) error {
		for _, path := range paths {
			abs, err := absolute(ctx, ix, path)
			if err != nil {
				return err
			}
			n, err := ix.RemoveRoot(ctx, abs)
			if err != nil {
				return err
			}
			if p.JSON {
				if err := cli.PrintJSON(p.Out, struct {
					Schema  int    `json:"schema"`
					Removed string `json:"removed"`
					Files   int    `json:"files"`
				}{wire.Schema, abs, n}); err != nil {
					return err
				}
				continue
			}
			p.Notef("removed %s and its %s from the index; the photos are kept", words.Path(abs), english.Count(n, "file"))
		}
		return nil
	})
}

func moveRoot(ctx context.Context, p *cli.Program, old, path string) error {
	newAbs, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(newAbs)
	if err != nil || !info.IsDir() {
		return cli.Usage("use the folder that the photos are in now", "%s is not a folder", words.Path(newAbs))
	}
	return p.App.Change(ctx, func(ix store.Store) error {
		oldAbs, err := absolute(ctx, ix, old)
		if err != nil {
			return err
		}
		roots, err := ix.Roots(ctx)
		if err != nil {
			return err
		}
		for _, r := range roots {
			if r.Path == newAbs && r.Path != oldAbs {
				return cli.Usage("remove one of them with `imgsearch roots rm`", "%s is already a root", words.Path(newAbs))
			}
		}
		if err := ix.MoveRoot(ctx, oldAbs, newAbs); err != nil {
			return err
		}
		if p.JSON {
			return cli.PrintJSON(p.Out, struct {
				Schema int    `json:"schema"`
				Old    string `json:"old"`
				New    string `json:"new"`
			}{wire.Schema, oldAbs, newAbs})
		}
		p.Notef("root %s is now %s; no files were moved", words.Path(oldAbs), words.Path(newAbs))
		return nil
	})
}

// absolute returns the absolute path of a root, or what roots list prints for one of another machine.
func absolute(ctx context.Context, ix store.Store, path string) (string, error) {
	roots, err := ix.Roots(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range roots {
		if r.Elsewhere && r.Path == path {
			return path, nil
		}
	}
	return filepath.Abs(path)
}
