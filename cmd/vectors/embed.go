// Package vectors holds the commands that print or export vectors. It must not know how vectors are made or stored.
package vectors

import (
	"context"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/wire"
)

type embedOptions struct {
	p        *cli.Program
	text     string
	images   []string
	model    app.ModelChoice
	language cli.LanguageFlag
	provider cli.ProviderFlags
}

// NewEmbed returns the command that prints the vectors of texts and pictures.
func NewEmbed(p *cli.Program) *cobra.Command {
	o := embedOptions{p: p}
	c := &cobra.Command{
		Use:   "embed [TEXT...]",
		Short: "Print the vector of a text or of pictures",
		Long: `Print the L2-normalised vector of a text, or of each picture given by --image, one JSON object per line (see docs/json.md).
Each object has the identity of the model that computed the vector; vectors of models with different identities
cannot be compared. The dot product of two vectors is their cosine similarity.

EXIT STATUS
  0 done; 1 failed; 2 usage error, or a file that is not a picture; 12 the model or the runtime library is missing or damaged`,
		Example: `  imgsearch embed dog on beach
  imgsearch embed --image a.jpg --image b.jpg`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.text = strings.Join(args, " ")
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.images, "image", nil, "print the vector of the picture `FILE` (may be repeated)")
	cli.ModelFlags(f, &o.model)
	o.language.Add(f)
	o.provider.Add(f)
	return c
}

// vectorJSON is a vector with its source and model (docs/json.md).
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
		return cli.Usage("encode it as UTF-8", "the text is not valid UTF-8")
	case !hasText && o.language.Given():
		return cli.Usage("add a text", "--lang needs a text")
	case hasText == (len(o.images) > 0):
		return cli.Usage("pass either a text or pictures: `imgsearch embed TEXT` or `imgsearch embed --image FILE`", "expected a text or --image")
	}
	language, err := o.language.Choose()
	if err != nil {
		return err
	}
	provider, err := o.provider.Choose()
	if err != nil {
		return err
	}
	if err := o.p.CheckModel(o.model); err != nil {
		return err
	}
	ix, err := o.p.App.OpenAtOnce(ctx)
	if err == nil {
		defer ix.Close()
	} else {
		ix = nil // without an index, use the model of --model or the built-in one
	}
	m, err := o.p.App.ChooseModel(ctx, ix, o.model, false)
	if err != nil {
		return err
	}
	encoder := app.Encoder{Loader: o.p.App.Loader(m, app.Loading{Provider: provider, OneShot: true})}
	out := vectorJSON{Schema: wire.Schema, Model: m.Spec.Model.Name, Identity: m.Identity, Precision: string(m.Precision), Dim: m.Spec.Dim}
	if hasText {
		vectors, err := encoder.Texts(ctx, []string{o.language.Prefix(o.p, m.Spec.Model.Name, language) + o.text})
		if err != nil {
			return err
		}
		out.Text, out.Vector = o.text, vectors[0]
		return cli.PrintJSON(o.p.Out, out)
	}
	return o.printImages(ctx, encoder, out)
}

func (o *embedOptions) printImages(ctx context.Context, encoder app.Encoder, out vectorJSON) error {
	for _, path := range o.images {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		f, err := pictures.Read(abs)
		if err != nil {
			return err
		}
		vector, err := encoder.File(ctx, f)
		if err != nil {
			return err
		}
		out.Path, out.PathB64, out.Vector = abs, wire.NotUTF8(abs), vector
		if err := cli.PrintJSON(o.p.Out, out); err != nil {
			return err
		}
	}
	return nil
}
