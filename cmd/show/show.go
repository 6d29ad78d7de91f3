// Package show is the command that prints everything in the index about a picture. It must not know how the index is stored.
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

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p}
	return &cobra.Command{
		Use:   "show FILE|ID",
		Short: "Show everything the index knows about a photo",
		Long: `Show everything the index knows about a photo: its files, copies and twins (its raw or HEIC files), its metadata and the files
that it comes from, the models that have vectors of it, and the error if its file could not be read. ID is the start of a
photo's id, at least eight hexadecimal digits; ` + "`imgsearch search --json`" + ` and ` + "`imgsearch show FILE`" + ` print ids. If the
file is not in the index but the same photo is, that photo is shown.

EXIT STATUS
  0   done
  1   failed, or the file is not in the index
  2   usage error, or no photo has this id
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
	const hint = "pass a file or a photo's id"
	switch len(args) {
	case 0:
		return cli.Usage(hint, "missing argument: FILE or ID")
	case 1:
		if args[0] == "" {
			return cli.Usage(hint, "the name is empty")
		}
		return nil
	}
	return cli.Usage("run `imgsearch show` once per photo", "expected one photo, got %d", len(args))
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
	return found.print(o.p)
}

// shown is what the index knows about a file or a picture.
type shown struct {
	*query.Picture

	// path is the file on the command line; "" if there was an id.
	path string
	// known is whether that file is in the index, and not only its picture.
	known   bool
	failure *store.Failure
}

// find looks a picture up by file or id.
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

// findOther looks a picture up by id, or by the content of a file that is not in the index.
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
		return nil, cli.Usage("pass the file of a photo", "%s is not a file", words.Path(name))
	}
	file, err := pictures.Read(s.path)
	if err != nil { // not a picture, so not in the index
		return nil, notIndexed(s.path)
	}
	return engine.Picture(ctx, file.Picture.ID)
}

// errNotIndexed means that a file is not in the index.
var errNotIndexed = errors.New("not in the index")

func notIndexed(path string) error {
	hint := "run `imgsearch index` on its folder, or `imgsearch index --dry-run " + words.Path(path) + "` to see why it is skipped"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		hint = "the file does not exist; an id has at least eight hexadecimal digits, in lower case"
	}
	return &cli.Error{Code: words.Failed, Err: fmt.Errorf("%s: %w", words.Path(path), errNotIndexed), Hint: hint}
}
