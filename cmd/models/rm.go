package models

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/models"
)

type removeOptions struct {
	p         *cli.Program
	name      string
	precision string
	yes       bool
	keep      bool
}

func newRemove(p *cli.Program) *cobra.Command {
	o := removeOptions{p: p}
	c := &cobra.Command{
		Use:   "rm NAME",
		Short: "Remove a model: its files, and its vectors from the index",
		Long: `Remove a model's downloaded files and, after asking, its vectors from the index, which took the time of indexing to make.
The model that searches use stays until another is chosen. Photos are never touched.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage, no such model, or nobody to ask and no --yes; 11 an indexer holds the index`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.precision, "precision", "", "only the vectors of this precision (`fp32` or int8); the files stay")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&o.keep, "keep-vectors", false, "remove the files only")
	return c
}

func (o *removeOptions) run(ctx context.Context) error {
	if err := o.p.CheckModel(app.ModelChoice{Precision: o.precision}); err != nil {
		return err
	}
	if o.keep && o.precision != "" {
		return cli.Usage("--precision removes vectors only", "--keep-vectors and --precision")
	}
	manifest, err := o.p.App.Models().Manifest(o.name)
	installed := err == nil && models.CheckName(o.name) == nil
	if models.CheckName(o.name) == nil && (errors.Is(err, models.ErrDamaged) || o.p.App.Models().Partial(o.name)) {
		installed = true // what is there of it can be removed
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.p.Warnf("%v", err)
	}
	if o.keep {
		return o.removeFiles(installed, manifest, true)
	}
	err = o.p.App.Change(ctx, func(ix store.Store) error { return o.removeVectors(ctx, ix, installed, manifest) })
	if errors.Is(err, store.ErrNoIndex) {
		return o.removeFiles(installed, manifest, true)
	}
	return err
}

func (o *removeOptions) removeVectors(ctx context.Context, ix store.Store, installed bool, manifest models.Manifest) error {
	known, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	used, _ := known.Of(store.Default)
	var drop []store.Model
	vectors, answers := 0, false
	for _, m := range known {
		// By the name alone only where it means nothing else: two folders, or a folder and a stored model, may share it.
		if m.Ref != o.name && (installed || m.Name != o.name || len(places(known, o.name)) > 1) || o.precision != "" && m.Precision != o.precision {
			continue
		}
		if m.Identity == used.Identity {
			answers = true
			continue
		}
		vectors += m.Embedded
		drop = append(drop, m)
	}
	if answers && (len(drop) == 0 || installed && o.precision == "") {
		return cli.Usage("choose another first: `imgsearch models use NAME`", "model %s answers the searches", used.Title())
	}
	if len(drop) == 0 && !installed && len(places(known, o.name)) > 1 {
		return cli.Usage("give one of "+strings.Join(places(known, o.name), ", "), "%q means several models", o.name)
	}
	if len(drop) == 0 {
		return o.removeFiles(installed && o.precision == "", manifest, true)
	}
	titles := make([]string, len(drop))
	for i, m := range drop { // two folders may have the same name
		titles[i] = fmt.Sprintf("%s (%s)", m.Title(), m.Ref)
	}
	what := fmt.Sprintf("drop %d vectors of model %s", vectors, strings.Join(titles, ", "))
	if installed && o.precision == "" {
		what += fmt.Sprintf(" and delete its files (%s)", humanize.IBytes(uint64(manifest.Bytes())))
	}
	if ok, err := o.confirm(what); err != nil || !ok {
		return err
	}
	for _, m := range drop {
		if err := ix.DropModel(ctx, m.Identity); err != nil {
			return err
		}
	}
	o.p.Notef("dropped %d vectors", vectors)
	return o.removeFiles(installed && o.precision == "", manifest, false)
}

// places are where models of a name lie.
func places(known []store.Model, name string) []string {
	var refs []string
	for _, m := range known {
		if (m.Name == name || m.Ref == name) && !slices.Contains(refs, m.Ref) {
			refs = append(refs, m.Ref)
		}
	}
	return refs
}

// removeFiles deletes a stored model's files; must tells that there is nothing else to remove.
func (o *removeOptions) removeFiles(installed bool, manifest models.Manifest, must bool) error {
	if !installed {
		if must {
			return cli.Usage("`imgsearch models list` shows what is installed, `imgsearch status` what the index has", "model %q not found", o.name)
		}
		return nil
	}
	if must {
		if ok, err := o.confirm(fmt.Sprintf("delete the files of model %s (%s)", o.name, humanize.IBytes(uint64(manifest.Bytes())))); err != nil || !ok {
			return err
		}
	}
	if spec, err := o.p.App.OpenSpec(o.name); err == nil { // of a damaged model nothing tells which copies are its
		if err := embed.DropCopies(spec, o.p.App.CacheDirs()); err != nil {
			o.p.Warnf("%v", err)
		}
	}
	if err := o.p.App.Models().Remove(o.name); err != nil {
		return err
	}
	o.p.Notef("deleted the files of model %s", o.name)
	return nil
}

// confirm asks the person at the terminal.
func (o *removeOptions) confirm(what string) (bool, error) {
	if o.yes {
		return true, nil
	}
	if !o.p.InTTY || !o.p.ErrTTY {
		return false, cli.Usage("give --yes", "this would %s, and there is nobody to ask", what)
	}
	fmt.Fprintf(o.p.Err, "%s? [y/N] ", strings.ToUpper(what[:1])+what[1:])
	line, err := bufio.NewReader(o.p.In).ReadString('\n')
	if err != nil && line == "" {
		return false, nil // the end of the input is a no
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	o.p.Notef("nothing was removed")
	return false, nil
}
