package original

import (
	"bytes"
	"math"
	"os"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
)

// picture is a file with all that is compared.
type picture struct {
	index   int
	rawTwin bool
	// known reports whether readFile succeeded.
	known bool
	// readable reports whether it can be compared: by its pixels or, if they are too many, by its file.
	readable bool

	header decode.Header
	meta   decode.Meta
	data   []byte // until it is decoded
	size   int64
	mtime  time.Time

	// steps are those to which the coefficients of luminance were rounded, in natural order; nil of what is no JPEG.
	steps []float64
	// jpegQuality is as libjpeg counts it, 1 to 100; 0 of what is no JPEG.
	jpegQuality float64

	luma      plane
	sharpness float64
	blocks    []block // what coefficients returns, once it was asked
}

// plane is luminance, a byte a pixel, as stored.
type plane struct {
	w, h int
	pix  []byte
}

// maxPixels bounds a picture that is decoded: of a larger one only what its file says is compared.
const maxPixels = 128 << 20

// readFile reads all but the pixels.
func (p *picture) readFile(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	p.size, p.mtime = info.Size(), info.ModTime()
	if p.data, err = os.ReadFile(path); err != nil {
		return err
	}
	if p.header, err = decode.ReadHeader(bytes.NewReader(p.data)); err != nil {
		return err
	}
	p.meta = p.header.Meta(bytes.NewReader(p.header.Select(p.data, 0)))
	if p.header.Format != decode.JPEG {
		return nil
	}
	tables, err := jpeg.ReadQuantisation(p.data)
	if err != nil {
		return err
	}
	for _, q := range tables.Luma {
		p.steps = append(p.steps, float64(q))
	}
	p.jpegQuality = libjpegQuality(tables)
	return nil
}

// decodeBytes is the memory that readPixels takes.
func (p *picture) decodeBytes(minShort int) int64 {
	if !p.known || p.pixels() > maxPixels {
		return 0
	}
	return p.header.DecodeBytes(minShort) + p.pixels()
}

// readPixels decodes the picture, at full size or no smaller than minShort pixels on its short side. One that cannot be decoded, or is too large, has none.
func (p *picture) readPixels(minShort int) {
	defer func() { p.data = nil }()
	if p.pixels() > maxPixels {
		p.readable = true
		return
	}
	m, err := p.header.Decode(p.header.Select(p.data, minShort), p.meta.Orientation, minShort)
	if err != nil || m.Damaged {
		return
	}
	p.readable = true
	p.luma = plane{m.Columns, m.Rows, make([]byte, m.Columns*m.Rows)}
	rgb := make([]byte, 3*m.Columns)
	for y := range m.Rows {
		m.Row(y, rgb)
		line := p.luma.pix[y*m.Columns:]
		for x := range m.Columns { // ITU-R BT.601, as JPEG has it
			line[x] = byte(math.Round(0.299*float64(rgb[3*x]) + 0.587*float64(rgb[3*x+1]) + 0.114*float64(rgb[3*x+2])))
		}
	}
	p.sharpness = p.luma.laplacianVariance()
}

// pixels is how many the picture has, decoded or not.
func (p *picture) pixels() int64 { return p.header.Pixels() }

func (p *picture) isJPEG() bool { return p.steps != nil }

func (p *picture) isRaw() bool { return slices.Contains(decode.RawFormats(), p.header.Format) }

// fromScreen reports whether programs make such files and cameras do not.
func (p *picture) fromScreen() bool {
	switch p.header.Format {
	case decode.PNG, decode.GIF, decode.BMP, decode.WebP:
		return p.meta.Camera == ""
	}
	return false
}

// laplacianVariance is a measure of focus (Pech-Pacheco et al., ICPR 2000). The edge is left out.
func (p plane) laplacianVariance() float64 {
	if p.w < 3 || p.h < 3 {
		return 0
	}
	var sum, squares int64
	for y := 1; y < p.h-1; y++ {
		above, here, below := p.pix[(y-1)*p.w:][:p.w], p.pix[y*p.w:][:p.w], p.pix[(y+1)*p.w:][:p.w]
		for x := 1; x < p.w-1; x++ {
			v := int64(above[x]) + int64(below[x]) + int64(here[x-1]) + int64(here[x+1]) - 4*int64(here[x])
			sum += v
			squares += v * v
		}
	}
	n := float64(p.w-2) * float64(p.h-2)
	return float64(squares)/n - float64(sum)/n*float64(sum)/n
}
