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
	"github.com/imgsearch/imgsearch/internal/words"
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
		Short: "Remove a model's files, and its vectors from the index",
		Long: `Remove a model's downloaded files and its vectors from the index. To get the vectors back, you must index again, so rm asks first.
The model that searches use cannot be removed; choose another one first. Photos are never touched.

EXIT STATUS
  0 done; 1 failed; 2 usage error, no such model, or no terminal to confirm and no --yes; 11 another process is indexing`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return o.run(c.Context())
		},
	}
	c.Flags().StringVar(&o.precision, "precision", "", "remove only the vectors of this `PRECISION` (fp32 or int8), not the files")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask for confirmation")
	c.Flags().BoolVar(&o.keep, "keep-vectors", false, "remove only the files")
	return c
}

func (o *removeOptions) run(ctx context.Context) error {
	if err := o.p.CheckModel(app.ModelChoice{Precision: o.precision}); err != nil {
		return err
	}
	if o.keep && o.precision != "" {
		return cli.Usage("--precision removes only vectors", "--keep-vectors and --precision cannot be combined")
	}
	manifest, err := o.p.App.Models().Manifest(o.name)
	installed := err == nil && models.CheckName(o.name) == nil
	if models.CheckName(o.name) == nil && (errors.Is(err, models.ErrDamaged) || o.p.App.Models().Partial(o.name)) {
		installed = true // its remaining files can be removed
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.p.Warnf("%v", err)
	}
	if models.IsText(o.name) {
		return o.removeText(ctx, installed, manifest)
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
		// Match by name only if the name is unambiguous: two folders, or a folder and a stored model, may share it.
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
		return cli.Usage("first choose another model with `imgsearch models use NAME`", "searches use model %s, so it cannot be removed", used.Title())
	}
	if len(drop) == 0 && !installed && len(places(known, o.name)) > 1 {
		return cli.Usage("use one of "+strings.Join(places(known, o.name), ", "), "%q matches several models", o.name)
	}
	if len(drop) == 0 {
		return o.removeFiles(installed && o.precision == "", manifest, true)
	}
	titles := make([]string, len(drop))
	for i, m := range drop { // two folders may have the same name
		titles[i] = fmt.Sprintf("%s (%s)", m.Title(), m.Ref)
	}
	what := fmt.Sprintf("remove %d vectors of model %s", vectors, strings.Join(titles, ", "))
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
	o.p.Notef("removed %d vectors", vectors)
	return o.removeFiles(installed && o.precision == "", manifest, false)
}

// removeText deletes the files of a text model, unless the index uses it. What it has read stays in the index.
func (o *removeOptions) removeText(ctx context.Context, installed bool, manifest models.Manifest) error {
	if o.name == models.TextBuiltinName {
		return cli.Usage("to read no text, run `imgsearch index --ocr off`", "%s is built in, so it cannot be removed", o.name)
	}
	ix, err := o.p.App.OpenForReading(ctx)
	if err == nil {
		defer ix.Close()
		used, err := ix.Setting(ctx, store.SettingTextModel)
		if err != nil {
			return err
		}
		if used == o.name {
			return cli.Usage("first choose another one with `imgsearch models use "+models.TextBuiltinName+"`", "the index uses text model %s, so it cannot be removed", o.name)
		}
	} else if !errors.Is(err, store.ErrNoIndex) {
		return err
	}
	return o.removeFiles(installed, manifest, true)
}

// places returns the folders or names of the models with a name.
func places(known []store.Model, name string) []string {
	var refs []string
	for _, m := range known {
		if (m.Name == name || m.Ref == name) && !slices.Contains(refs, m.Ref) {
			refs = append(refs, m.Ref)
		}
	}
	return refs
}

// removeFiles deletes a stored model's files. must means that nothing else is removed: then it asks, and having no files is an error.
func (o *removeOptions) removeFiles(installed bool, manifest models.Manifest, must bool) error {
	if !installed {
		if must {
			return cli.Usage("see `imgsearch models list` for the installed models and `imgsearch status` for those in the index", "model %q not found", o.name)
		}
		return nil
	}
	if must {
		if ok, err := o.confirm(fmt.Sprintf("delete the files of model %s (%s)", o.name, humanize.IBytes(uint64(manifest.Bytes())))); err != nil || !ok {
			return err
		}
	}
	if spec, err := o.p.App.OpenSpec(o.name); err == nil { // the copies of a damaged model cannot be identified
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

// confirm asks for confirmation at the terminal.
func (o *removeOptions) confirm(what string) (bool, error) {
	if o.yes {
		return true, nil
	}
	if !o.p.InTTY || !o.p.ErrTTY {
		return false, cli.Usage("use --yes to confirm it", "this would %s, and there is no terminal to ask for confirmation", what)
	}
	fmt.Fprintf(o.p.Err, "%s? [y/N] ", words.Clean(strings.ToUpper(what[:1])+what[1:]))
	line, err := bufio.NewReader(o.p.In).ReadString('\n')
	if err != nil && line == "" {
		return false, nil // end of input means no
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	o.p.Notef("nothing was removed")
	return false, nil
}
