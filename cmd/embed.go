package cmd

import (
	"context"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/tokenize"
)

type embedOptions struct {
	app      *App
	text     string
	images   []string
	model    askedModel
	provider askedProvider
}

func newEmbedCommand(app *App) *cobra.Command {
	o := embedOptions{app: app}
	c := &cobra.Command{
		Use:   "embed [TEXT...]",
		Short: "Print the vector of a text or of pictures",
		Long: `Print the L2-normalised vector of a text, or of each picture given by --image, one JSON object a line (docs/json.md), with
the identity of the model that made it: vectors of different identities cannot be compared. The dot product of two vectors is
their cosine similarity.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage, or a file that is no picture; 12 the model or the runtime library is missing or damaged`,
		Example: `  imgsearch embed dog on beach
  imgsearch embed --image a.jpg --image b.jpg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.text = strings.Join(args, " ")
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.images, "image", nil, "the picture `FILE` (may be repeated)")
	modelFlags(f, &o.model)
	o.provider.flags(f)
	return c
}

// vectorJSON is a vector with where it comes from (docs/json.md).
type vectorJSON struct {
	Schema    int       `json:"schema"`
	Model     string    `json:"model"`
	Identity  string    `json:"identity"`
	Precision string    `json:"precision"`
	Dim       int       `json:"dim"`
	Text      string    `json:"text,omitempty"`
	Path      string    `json:"path,omitempty"`
	PathB64   []byte    `json:"path_b64,omitempty"`
	Vector    []float32 `json:"vector"`
}

func (o *embedOptions) run(ctx context.Context) error {
	hasText := tokenize.Clean(o.text, false) != ""
	switch {
	case !utf8.ValidString(o.text):
		return usageError("write it in UTF-8", "the text is not UTF-8")
	case hasText == (len(o.images) > 0):
		return usageError("give a text, or pictures: `imgsearch embed --image FILE`", "a text or --image")
	}
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	if err := o.model.check(o.app); err != nil {
		return err
	}
	ix, err := o.app.openReadOnly(ctx)
	if err == nil {
		defer ix.Close()
	} else {
		ix = nil // without an index it is the built-in model, or the one that is named
	}
	m, err := o.app.chooseModel(ctx, ix, o.model, false)
	if err != nil {
		return err
	}
	loader := o.app.loader(m, true)
	out := vectorJSON{Schema: schemaVersion, Model: m.spec.Model.Name, Identity: m.identity, Precision: string(m.precision), Dim: m.spec.Dim}
	if hasText {
		tower, err := loader.Textual(ctx)
		if err != nil {
			return err
		}
		vectors, err := tower.Embed([]string{o.text})
		if err != nil {
			return err
		}
		out.Text, out.Vector = o.text, vectors[0]
		return printJSON(o.app.streams.Out, out)
	}
	return o.printImages(ctx, loader, out)
}

func (o *embedOptions) printImages(ctx context.Context, loader *embed.Loader, out vectorJSON) error {
	for _, path := range o.images {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		p, err := readPicture(abs)
		if err != nil {
			return err
		}
		vector, err := embedPicture(ctx, loader, p)
		if err != nil {
			return err
		}
		out.Path, out.PathB64, out.Vector = abs, notUTF8(abs), vector
		if err := printJSON(o.app.streams.Out, out); err != nil {
			return err
		}
	}
	return nil
}
