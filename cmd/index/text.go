package index

import (
	"slices"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
)

// checkOCR rejects an unknown value of --ocr.
func (o *options) checkOCR() error {
	if o.ocr != "" && !slices.Contains([]string{store.OCRAuto, store.OCROn, store.OCROff}, o.ocr) {
		return cli.Usage("use auto, on or off", "invalid value for --ocr: %q", o.ocr)
	}
	return nil
}
