package models

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

func newVerify(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Check the files of installed models for damage",
		Long: `Compare the SHA-256 of every file of the named models with the one recorded at download. Without NAME, check all installed models.

EXIT STATUS
  0 all unchanged; 1 failed; 2 usage error, no such model; 12 a file is missing or damaged`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return verify(p, args) },
	}
}

// verifyJSON is the machine format of models verify (docs/json.md).
type verifyJSON struct {
	Schema int             `json:"schema"`
	Models []verifiedModel `json:"models"`
}

type verifiedModel struct {
	Name     string           `json:"name"`
	OK       bool             `json:"ok"`
	Problems []models.Problem `json:"problems,omitempty"`
}

func verify(p *cli.Program, names []string) error {
	store := p.App.Models()
	if len(names) == 0 {
		if err := models.VerifyBuiltin(); err != nil {
			return err
		}
		var err error
		if names, err = store.Installed(); err != nil {
			return err
		}
	}
	out := verifyJSON{Schema: wire.Schema, Models: []verifiedModel{}}
	bad := false
	for _, name := range names {
		if name == models.StarterName || name == models.TextBuiltinName {
			if err := models.VerifyBuiltin(); err != nil {
				return err
			}
			out.Models = append(out.Models, verifiedModel{Name: name, OK: true})
			continue
		}
		if err := models.CheckName(name); err != nil {
			return err
		}
		problems, err := store.Verify(name, func(file string, _ int64) { p.Logf("%s: %s", name, file) })
		if errors.Is(err, fs.ErrNotExist) {
			return cli.Usage("see `imgsearch models list` for the installed models", "model %q is not installed", name)
		}
		if errors.Is(err, models.ErrDamaged) {
			problems, err = []models.Problem{{File: models.ManifestFile, What: err.Error()}}, nil
		}
		if err != nil {
			return err
		}
		out.Models = append(out.Models, verifiedModel{name, len(problems) == 0, problems})
		bad = bad || len(problems) > 0
	}
	if err := printVerified(p, out); err != nil {
		return err
	}
	if bad {
		return cli.Quiet(words.Model)
	}
	return nil
}

func printVerified(p *cli.Program, out verifyJSON) error {
	if p.JSON {
		return cli.PrintJSON(p.Out, out)
	}
	if len(out.Models) == 0 {
		p.Notef("no models are installed; the built-in model is intact")
	}
	for _, m := range out.Models {
		if m.OK {
			if _, err := fmt.Fprintf(p.Out, "%s: %s\n", words.Path(m.Name), p.Styled(cli.Good, "ok")); err != nil {
				return err
			}
		}
		for _, bad := range m.Problems {
			if _, err := fmt.Fprintf(p.Out, "%s: %s: %s\n", words.Path(m.Name), words.Path(bad.File), p.Styled(cli.Bad, words.Clean(bad.What))); err != nil {
				return err
			}
		}
		if !m.OK {
			p.Notef("hint: %s", cli.MendModel(p.App.Models(), m.Name))
		}
	}
	return nil
}
