package original

import (
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// picture is a file with everything that the rules compare.
type picture struct {
	index   int
	path    string
	rawTwin bool
	// known reports whether readFile succeeded.
	known bool
	// readable reports whether it was decoded, or is too large to be decoded and is compared by its metadata.
	readable bool

	header decode.Header
	meta   decode.Meta
	size   int64
	mtime  time.Time

	// steps are the quantisation steps of luminance, in natural order, upright; nil if it is not a JPEG.
	steps []float64
	// jpegQuality is libjpeg's quality, 1 to 100; 0 if it is not a JPEG.
	jpegQuality float64

	// luma is upright; gridX and gridY, 0 to 7, are the offset of JPEG's grid of blocks in it.
	luma         plane
	gridX, gridY int
	sharpness    float64
	blocks       map[[2]int][]block // cache of coefficients, by grid
}

// plane is the luminance of a picture, one byte per pixel.
type plane struct {
	w, h int
	pix  []byte
}

// maxPixels limits the pixels of a picture that is decoded, keptPixels those of all pictures that are compared at once. Above these limits,
// a picture is compared by its metadata only.
const (
	maxPixels  = 256 << 20
	keptPixels = 512 << 20
	maxFile    = 1 << 30 // bytes
)

// readFile reads everything except the pixels.
func (p *picture) readFile(path string) error {
	p.path = path
	f, err := regular.Open(path, regular.FollowLinks)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.size, p.mtime = info.Size(), info.ModTime()
	if p.header, err = decode.ReadHeader(f); err != nil {
		return err
	}
	p.meta = p.header.Meta(f)
	if p.header.Format != decode.JPEG {
		return nil
	}
	tables, err := readTables(f, p.size)
	if err != nil {
		return err
	}
	p.steps = make([]float64, len(tables.Luma))
	for i, q := range tables.Luma {
		if p.meta.Orientation >= 5 { // rows become columns
			i = i%8*8 + i/8
		}
		p.steps[i] = float64(q)
	}
	p.jpegQuality = libjpegQuality(tables)
	return nil
}

// readTables reads a JPEG's quantisation tables, from a larger part of the file if the usual part holds only metadata.
func readTables(f io.ReaderAt, size int64) (tables jpeg.Quantisation, err error) {
	const usual = 256 << 10
	for _, n := range []int64{min(size, usual), min(size, 64*usual)} {
		head := make([]byte, n)
		if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
			return tables, err
		}
		if tables, err = jpeg.ReadQuantisation(head); err == nil {
			return tables, nil
		}
	}
	return tables, err
}

// decodeBytes is the memory that readPixels needs while it decodes.
func (p *picture) decodeBytes(minShort int) int64 {
	return p.size + p.header.DecodeBytes(minShort) + p.pixels()
}

// readPixels decodes the picture, at full size or with a short side of at least minShort pixels. On failure, readable stays false.
func (p *picture) readPixels(minShort int) {
	data, err := regular.Read(p.path, regular.FollowLinks, maxFile)
	if err != nil {
		return
	}
	m, err := p.header.Decode(p.header.Select(data, minShort), p.meta.Orientation, minShort)
	if err != nil || m.Damaged {
		return
	}
	p.readable = true
	stored := plane{m.Columns, m.Rows, make([]byte, m.Columns*m.Rows)}
	rgb := make([]byte, 3*m.Columns)
	for y := range m.Rows {
		m.Row(y, rgb)
		line := stored.pix[y*m.Columns:]
		for x := range m.Columns { // ITU-R BT.601, as in JPEG
			line[x] = byte(math.Round(0.299*float64(rgb[3*x]) + 0.587*float64(rgb[3*x+1]) + 0.114*float64(rgb[3*x+2])))
		}
	}
	p.luma, p.gridX, p.gridY = stored.upright(m.Orientation)
	p.sharpness = p.luma.laplacianVariance()
}

// pixels is the number of pixels according to the file's header.
func (p *picture) pixels() int64 { return p.header.Pixels() }

func (p *picture) isJPEG() bool { return p.steps != nil }

func (p *picture) isRaw() bool { return slices.Contains(decode.RawFormats(), p.header.Format) }

// fromScreen reports whether the format is one that programs write and cameras do not.
func (p *picture) fromScreen() bool {
	switch p.header.Format {
	case decode.PNG, decode.GIF, decode.BMP, decode.WebP:
		return p.meta.Camera == ""
	}
	return false
}

// laplacianVariance measures focus (Pech-Pacheco et al., ICPR 2000), without the outermost pixels.
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
