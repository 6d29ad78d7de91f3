package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

func newUse(p *cli.Program) *cobra.Command {
	var precision string
	var now bool
	c := &cobra.Command{
		Use:   "use NAME",
		Short: "Choose the model that index and search use by default",
		Long: `Choose the index's model. If all pictures have vectors of this model, the choice takes effect at once. Otherwise the next runs
of ` + "`imgsearch index`" + ` make the missing vectors, and searches use the current model until they are complete.
The vectors of the other model are kept. With the name of a text model, choose the model that reads the text in photos; the
next runs of index read it again, and until then searches use what is there.

EXIT STATUS
  0 done; 1 failed; 2 usage error, an unknown model; 10 no index here yet; 11 another process is indexing;
  12 the model is missing or damaged; 13 --now, and the index has no vectors of this model`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return use(c.Context(), p, app.ModelChoice{Name: args[0], Precision: precision}, now)
		},
	}
	c.Flags().StringVar(&precision, "precision", "", "compute in `PRECISION`: fp32 or int8 (default: that of the index's model, otherwise fp32)")
	c.Flags().BoolVar(&now, "now", false, "take effect at once, with the vectors that exist so far")
	return c
}

// useJSON is the machine format of models use (docs/json.md).
type useJSON struct {
	Schema    int    `json:"schema"`
	Model     string `json:"model"`
	Precision string `json:"precision"`
	Effective bool   `json:"effective"`
	Embedded  int    `json:"embedded"`
	Pictures  int    `json:"pictures"`
}

func use(ctx context.Context, p *cli.Program, asked app.ModelChoice, now bool) error {
	if models.IsText(asked.Name) {
		if asked.Precision != "" || now {
			return cli.Usage("omit them", "--precision and --now do not apply to text models")
		}
		return useText(ctx, p, asked.Name)
	}
	if err := p.CheckModel(asked); err != nil {
		return err
	}
	var out useJSON
	var title string
	if err := p.App.Change(ctx, func(ix store.Store) (err error) {
		out, title, err = setModel(ctx, p, ix, asked, now)
		return err
	}); err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, out)
	}
	text := fmt.Sprintf("searches now use model %s (%d of %d pictures embedded)\n", title, out.Embedded, out.Pictures)
	if !out.Effective {
		text = fmt.Sprintf("model %s has vectors of %d of %d pictures; run `imgsearch index` to create the rest; searches use the model when it has all\n", title, out.Embedded, out.Pictures)
	}
	_, err := fmt.Fprint(p.Out, words.Clean(strings.TrimSuffix(text, "\n"))+"\n")
	return err
}

func setModel(ctx context.Context, p *cli.Program, ix store.Store, asked app.ModelChoice, now bool) (out useJSON, title string, err error) {
	m, err := p.App.ChooseModel(ctx, ix, asked, true)
	if err != nil {
		return out, title, err
	}
	if now {
		all, err := ix.Models(ctx)
		if err != nil {
			return out, title, err
		}
		if known, _ := all.ByIdentity(m.Identity); known.Embedded == 0 {
			stored := m.Stored()
			return out, title, &app.NoVectorsError{Model: stored, Asked: app.ModelChoice{Name: stored.Ref, Precision: asked.Precision}}
		}
	}
	if err := p.App.Loader(m, app.Loading{}).Prepare(); err != nil {
		return out, title, err // the model does not exist in that precision
	}
	stored, err := p.App.EnsureModel(ctx, ix, m)
	if err != nil {
		return out, title, err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return out, title, err
	}
	effective, role := now || stored.Embedded == totals.Pictures, store.Wanted
	if effective {
		role = store.Default
	}
	if err := ix.SetRole(ctx, stored.Identity, role); err != nil {
		return out, title, err
	}
	return useJSON{wire.Schema, stored.Name, stored.Precision, effective, stored.Embedded, totals.Pictures}, stored.Title(), nil
}
