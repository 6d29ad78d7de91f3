// Package show is the command that prints all that is known of a picture. It must not know where that lies.
package show

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct{ p *cli.Program }

// New makes the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p}
	return &cobra.Command{
		Use:   "show FILE|ID",
		Short: "Print all that is known of a photo",
		Long: `Print all that the index knows of a photo: its files, copies and twins, when, where and with what it was taken and which file
says so, the models that have a vector of it, and why its file could not be read. ID is the beginning of a photo's id, eight
digits or more, as --json prints it. A file that is not in the index is recognised if the index has the same photo.

EXIT STATUS
  0   done
  1   failed, or the index does not know the file
  2   wrong usage
  10  no index here yet: run ` + "`imgsearch index DIR`" + `
  14  the index is from a newer version of imgsearch
  130 interrupted`,
		Example: `  imgsearch show ~/Pictures/beach.jpg
  imgsearch show 3f2a9c01
  imgsearch show --json ~/Pictures/beach.jpg`,
		Args: oneArgument,
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args[0]) },
	}
}

func oneArgument(_ *cobra.Command, args []string) error {
	const hint = "give a file, or a photo's id"
	switch len(args) {
	case 0:
		return cli.Usage(hint, "no photo to show")
	case 1:
		if args[0] == "" {
			return cli.Usage(hint, "an empty name")
		}
		return nil
	}
	return cli.Usage("run it for each of them", "several photos to show")
}

func (o *options) run(ctx context.Context, name string) error {
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	engine := app.Engine(ix, app.NoModel)
	found, err := find(ctx, ix, engine, name)
	if err != nil {
		return err
	}
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, found.json())
	}
	return found.print(o.p.Out)
}

// shown is what is known of a file or a picture.
type shown struct {
	*query.Picture

	// path is the file that was asked for; "" with an id.
	path string
	// known reports whether the index knows that file, and not only its picture.
	known   bool
	failure *store.Failure
}

// find finds a picture by a file or an id.
func find(ctx context.Context, ix store.Store, engine *query.Engine, name string) (*shown, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	all, err := engine.Known(ctx, "", []string{path})
	if err != nil {
		return nil, err
	}
	s := &shown{path: path}
	known, ok := all[path]
	switch {
	case ok && known.File != nil:
		s.known = true
		s.failure = known.Failure
		s.Picture, err = engine.Picture(ctx, known.File.Picture)
	case ok:
		s.failure = known.Failure
	default:
		s.Picture, err = s.findOther(ctx, ix, engine, name)
	}
	if err != nil {
		return nil, err
	}
	if s.Picture == nil && s.failure == nil {
		return nil, notIndexed(path)
	}
	return s, nil
}

// findOther finds a picture by an id, or by a file that the index does not know.
func (s *shown) findOther(ctx context.Context, ix store.Store, engine *query.Engine, name string) (*query.Picture, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		id, isID, err := cli.FindID(ctx, ix, "", name)
		switch {
		case err != nil:
			return nil, err
		case !isID:
			return nil, notIndexed(s.path)
		}
		s.path = ""
		return engine.Picture(ctx, id)
	}
	if !info.Mode().IsRegular() {
		return nil, cli.Usage("give a photo's file", "%s is not a file", words.Path(name))
	}
	file, err := pictures.Read(s.path)
	if err != nil { // whatever is wrong with it, the index does not know it
		return nil, notIndexed(s.path)
	}
	return engine.Picture(ctx, file.Picture.ID)
}

// errNotIndexed is a file of which the index knows nothing.
var errNotIndexed = errors.New("the index does not know this file")

func notIndexed(path string) error {
	hint := "run `imgsearch index` on its folder, or `imgsearch index --dry-run " + words.Path(path) + "` to see why it is left out"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		hint = "there is no such file either; a photo's id is given by eight or more of its digits, in lower case"
	}
	return &cli.Error{Code: words.Failed, Err: fmt.Errorf("%s: %w", words.Path(path), errNotIndexed), Hint: hint}
}
