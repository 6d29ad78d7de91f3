package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/models"
)

// ModelFlags adds the flags that choose a model.
func ModelFlags(f *pflag.FlagSet, c *app.ModelChoice) {
	f.StringVar(&c.Name, "model", "", "use model `NAME` from `imgsearch models list`, or the model in a folder (default: the index's model)")
	f.StringVar(&c.Precision, "precision", "", "compute in `PRECISION`: fp32 or int8; int8 is faster on most processors and gives nearly the same vectors (default: that of the index's model)")
}

// CheckModel returns a usage error for an unknown model or precision.
func (p *Program) CheckModel(c app.ModelChoice) error {
	err := p.App.Check(c)
	if errors.Is(err, app.ErrPrecision) {
		return Usage("use fp32 or int8", "--precision: %w", err)
	}
	return err
}

// MendModel returns a hint that says how to repair a damaged model.
func MendModel(store models.Store, name string) string {
	m, err := store.Manifest(name)
	switch {
	case err != nil:
		return fmt.Sprintf("remove it with `imgsearch models rm %s`, then pull it again", name)
	case m.Revision == "":
		return fmt.Sprintf("repair it with `imgsearch models pull --from %q %s`", m.Source, name)
	}
	if catalogue, err := models.ReadCatalogue(); err == nil {
		if e, ok := catalogue.Lookup(name); ok && e.Repository == m.Source {
			return fmt.Sprintf("repair it with `imgsearch models pull %s`", name)
		}
	}
	return fmt.Sprintf("repair it with `imgsearch models pull %s`", m.Source)
}
