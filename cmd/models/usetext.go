package models

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// useTextJSON is the machine format of models use with a text model (docs/json.md).
type useTextJSON struct {
	Schema    int    `json:"schema"`
	TextModel string `json:"text_model"`
	// Read is the number of pictures that it has read.
	Read     int `json:"read"`
	Pictures int `json:"pictures"`
}

// useText chooses the model that reads the text in photos.
func useText(ctx context.Context, p *cli.Program, name string) error {
	m, err := p.App.TextModel(name)
	if err != nil {
		return err
	}
	out := useTextJSON{Schema: wire.Schema, TextModel: m.Name}
	var mode string
	err = p.App.Change(ctx, func(ix store.Store) error {
		totals, err := ix.Totals(ctx)
		if err != nil {
			return err
		}
		c, err := ix.TextCoverage(ctx, m.Identity)
		if err != nil {
			return err
		}
		if mode, err = ix.Setting(ctx, store.SettingOCR); err != nil {
			return err
		}
		out.Read, out.Pictures = c.Read, totals.Pictures
		return ix.SetSetting(ctx, store.SettingTextModel, m.Name)
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return cli.PrintJSON(p.Out, out)
	}
	line := fmt.Sprintf("text model %s has read %d of %d pictures", words.Path(m.Name), out.Read, out.Pictures)
	switch {
	case mode == store.OCROff:
		line += "; this index reads no text: to read it, run `imgsearch index --ocr auto`"
	case out.Read < out.Pictures:
		line += "; run `imgsearch index` to read the rest"
	}
	_, err = fmt.Fprintln(p.Out, line)
	return err
}
