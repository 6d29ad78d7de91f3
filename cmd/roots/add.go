package roots

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

func newAdd(p *cli.Program) *cobra.Command {
	name := ""
	c := &cobra.Command{
		Use: "add DIR", Short: "Add a root, which the next run of index brings up to date, or tell where one is on this machine", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return addRoot(c.Context(), p, args[0], name) },
	}
	c.Flags().StringVar(&name, "as", "", "the root called `NAME`, or as roots list prints it, is in DIR on this machine (an index in a database only)")
	return c
}

// addedJSON is what roots add prints in the machine format.
type addedJSON struct {
	Schema int    `json:"schema"`
	Path   string `json:"path"`
	Name   string `json:"name,omitempty"`
	// Known reports whether the index had the root before.
	Known bool `json:"known"`
}

func addRoot(ctx context.Context, p *cli.Program, dir, name string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if info, err := os.Stat(abs); err != nil || !info.IsDir() {
		return cli.Usage("name the folder that the photos are in", "%s is not a folder", words.Path(abs))
	}
	at, err := p.App.Index()
	if err != nil {
		return err
	}
	ix, lock, err := at.OpenToAddRoots(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer ix.Close()
	known, err := add(ctx, ix, abs, name)
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, addedJSON{wire.Schema, abs, name, known})
	}
	if known {
		p.Notef("%s is %s on this machine", words.Path(abs), words.Path(cmp.Or(name, "a root")))
		return nil
	}
	p.Notef("added %s; index it with `imgsearch index`", words.Path(abs))
	return nil
}

// add adds a root, or mounts one that the index has: known reports which.
func add(ctx context.Context, ix store.Store, path, name string) (known bool, err error) {
	roots, err := ix.Roots(ctx)
	if err != nil {
		return false, err
	}
	here := slices.IndexFunc(roots, func(r store.Root) bool { return !r.Elsewhere && r.Path == path })
	if name == "" {
		_, err := ix.AddRoot(ctx, path, true)
		return here >= 0, err
	}
	shared, ok := ix.(store.Shared)
	if !ok {
		return false, cli.Usage("an index in a file belongs to one machine: omit --as", "--as needs an index in a database")
	}
	named := slices.IndexFunc(roots, func(r store.Root) bool { return r.Name == name || r.Elsewhere && r.Path == name })
	switch {
	case named >= 0 && here >= 0 && named != here:
		return false, cli.Usage("remove it with `imgsearch roots rm`, or choose another folder", "%s is already another root", words.Path(path))
	case named >= 0 && !roots[named].Elsewhere && roots[named].Path != path:
		return false, cli.Usage("if it has moved, run `imgsearch roots move`", "%s is %s on this machine", words.Path(name), words.Path(roots[named].Path))
	case named >= 0:
		return true, shared.Mount(ctx, roots[named].ID, path)
	case strings.ContainsAny(name, ":/\\"):
		return false, cli.Usage("see `imgsearch roots list`", "no root %s; a new name has no colon and no slash", words.Path(name))
	}
	r, err := ix.AddRoot(ctx, path, true)
	if err != nil {
		return false, err
	}
	if err := shared.NameRoot(ctx, r.ID, name); errors.Is(err, store.ErrNameTaken) {
		return false, cli.Usage("choose another name", "%w", err)
	} else if err != nil {
		return false, err
	}
	return here >= 0, nil
}

// addHosts adds the paths on all machines to a list of roots, if the index is one of several machines.
func addHosts(ctx context.Context, ix store.Store, roots []store.Root, list []rootJSON) error {
	shared, ok := ix.(store.Shared)
	if !ok {
		return nil
	}
	mounts, err := shared.Mounts(ctx)
	for _, m := range mounts {
		if i := slices.IndexFunc(roots, func(r store.Root) bool { return r.ID == m.Root }); i >= 0 {
			list[i].Hosts = append(list[i].Hosts, hostJSON{m.Host, m.Path})
		}
	}
	return err
}
