package doctor

import (
	"bytes"
	"context"
	_ "embed" // the samples
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// The samples are one painted picture of 800 x 400 with a photo's noise, encoded by libheif's heif-enc (HEIC and AVIF, quality 50) and libvips
// (JPEG XL, quality 75).
var (
	//go:embed samples/sample.heic
	sampleHEIC []byte
	//go:embed samples/sample.avif
	sampleAVIF []byte
	//go:embed samples/sample.jxl
	sampleJXL []byte
)

// checkCodecs decodes a sample of each format that the system's libraries decode faster than the bundled decoders, and measures the speed.
func checkCodecs(ctx context.Context, e *examination) {
	for _, s := range []struct {
		name   string
		data   []byte
		advice Advice
	}{
		{"heic", sampleHEIC, InstallLibavcodec}, {"avif", sampleAVIF, InstallLibavcodec}, {"jxl", sampleJXL, InstallLibjxl},
	} {
		if ctx.Err() != nil {
			return
		}
		h, err := decode.ReadHeader(bytes.NewReader(s.data))
		if err != nil {
			e.fail(s.name, ReportBug, "%v", err)
			continue
		}
		speed, err := measure(h, s.data)
		if err != nil {
			e.fail(s.name, ReportBug, "%v", err)
			continue
		}
		d := h.Decoder()
		f := Finding{Name: s.name, Severity: Info, Detail: fmt.Sprintf("%s, about %.2g megapixels a second on one processor", d.Name, speed), Evidence: d.Passed}
		if !d.Fastest {
			f.Advice = s.advice
		}
		e.add(f)
	}
}

// measure decodes a sample again and again for a moment, and returns the best speed in megapixels per second.
func measure(h decode.Header, data []byte) (float64, error) {
	const enough, least, most = 150 * time.Millisecond, 2, 5 // the first run prepares the decoder
	best := time.Hour
	for begin, n := time.Now(), 0; n < least || n < most && time.Since(begin) < enough; n++ {
		start := time.Now()
		if _, err := h.Decode(data, 1, 0); err != nil {
			return 0, err
		}
		best = min(best, time.Since(start))
	}
	return float64(h.Pixels()) / 1e6 / best.Seconds(), nil
}
