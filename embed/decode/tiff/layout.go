// Package tiff decodes TIFF pictures (TIFF 6.0; BigTIFF) row by row: besides the picture, it needs the memory of one row, whatever a strip
// expands to. It must not know metadata, and leaves strips of JPEG streams to package decode.
package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// UnsupportedError is a kind of TIFF that is not decoded.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "TIFF with " + e.What }

var (
	errDamaged   = errors.New("damaged directory")
	errTruncated = errors.New("truncated")
	// errDamagedStrip is a strip whose codes make no sense.
	errDamagedStrip = errors.New("a strip is damaged")
)

func unsupported(format string, args ...any) error {
	return &UnsupportedError{fmt.Sprintf(format, args...)}
}

// The tags that determine how pixels are stored (TIFF 6.0, section 8 and the parts that follow it).
const (
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagCompression  = 259
	tagPhotometric  = 262
	tagFillOrder    = 266
	tagStripOffsets = 273
	tagSamples      = 277
	tagRowsPerStrip = 278
	tagStripBytes   = 279
	tagPlanar       = 284
	tagT4Options    = 292
	tagPredictor    = 317
	tagColorMap     = 320
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTileOffsets  = 324
	tagTileBytes    = 325
	tagExtraSamples = 338
	tagSampleFormat = 339
	tagCoefficients = 529
	tagSubsampling  = 530
	tagReference    = 532
)

// Photometric interpretations.
const (
	whiteIsZero = 0
	blackIsZero = 1
	rgb         = 2
	palette     = 3
	cmyk        = 5
	yCbCr       = 6
	cieLab      = 8
	iccLab      = 9
)

// colorSamples holds the number of samples of a colour, by photometric interpretation.
var colorSamples = map[int]int{whiteIsZero: 1, blackIsZero: 1, rgb: 3, palette: 1, cmyk: 4, yCbCr: 3, cieLab: 3, iccLab: 3}

// Values of SampleFormat. Others than floating point are read as unsigned, and undefined data too.
const (
	unsigned  = 1
	float     = 3
	undefined = 4
)

// Values of ExtraSamples.
const (
	associated   = 1 // colours are multiplied by the alpha
	unassociated = 2
)

const (
	maxEntries  = 4096
	maxSegments = 1 << 20 // the largest picture in tiles of 64 x 64
	maxSamples  = 1024
	maxSide     = 1 << 30   // so that the number of bytes of a picture does not overflow
	maxRow      = 256 << 20 // bytes of a row of a strip or tile
)

// Layout is how a file stores its first picture.
type Layout struct {
	// Width and Height are in pixels.
	Width, Height int

	bits, samples                     int // of a sample, and of a pixel
	compression, photometric, options int
	planar, predictor, fillOrder      int
	format                            int // of a sample
	subX, subY                        int // pixels that share chroma in YCbCr, else 1
	alpha                             int // index of the alpha sample; -1: none
	associated                        bool
	segW, segH                        int // of a strip or tile
	tiled                             bool
	offsets, lengths                  []int64
	colors                            [256][3]byte
	video                             *video // how YCbCr differs from JPEG's; nil if it does not
}

// directory is the first directory of a file.
type directory struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	tags  map[int]field
}

// field is an entry of a directory; at is the offset of its values.
type field struct {
	kind  uint16
	count int64
	at    int64
}

// Read reads the layout of the first picture in a file of a size.
func Read(r io.ReaderAt, size int64) (Layout, error) {
	d, err := readDirectory(r, size)
	if err != nil {
		return Layout{}, err
	}
	l := Layout{
		Width: int(d.number(tagWidth, 0)), Height: int(d.number(tagHeight, 0)), samples: int(d.number(tagSamples, 1)),
		compression: int(d.number(tagCompression, none)), planar: int(d.number(tagPlanar, 1)), predictor: int(d.number(tagPredictor, 1)),
		fillOrder: int(d.number(tagFillOrder, 1)), options: int(d.number(tagT4Options, 0)),
	}
	if l.Width <= 0 || l.Height <= 0 || l.Width > maxSide || l.Height > maxSide || l.samples <= 0 || l.samples > maxSamples {
		return Layout{}, fmt.Errorf("%w: %d x %d pixels of %d samples", errDamaged, l.Width, l.Height, l.samples)
	}
	if err := l.readColors(d); err != nil {
		return l, err
	}
	if err := l.readSegments(d); err != nil {
		return l, err
	}
	return l, l.isSupported()
}

func readDirectory(r io.ReaderAt, size int64) (*directory, error) {
	var head [16]byte
	if _, err := r.ReadAt(head[:8], 0); err != nil {
		return nil, errTruncated
	}
	d := &directory{r: r, size: size, tags: make(map[int]field)}
	switch string(head[:2]) {
	case "II":
		d.order = binary.LittleEndian
	case "MM":
		d.order = binary.BigEndian
	default:
		return nil, errDamaged
	}
	big := d.order.Uint16(head[2:]) == 43
	at, entry := int64(d.order.Uint32(head[4:])), int64(12)
	if big {
		if _, err := r.ReadAt(head[:], 0); err != nil {
			return nil, errTruncated
		}
		at, entry = int64(d.order.Uint64(head[8:])), 20
	}
	if at <= 0 || at >= size {
		return nil, errTruncated
	}
	count, countSize := head[:2], int64(2)
	if big {
		count, countSize = head[:8], 8
	}
	if _, err := r.ReadAt(count, at); err != nil {
		return nil, errTruncated
	}
	n := int64(d.order.Uint16(count))
	if big {
		n = int64(d.order.Uint64(count))
	}
	if n <= 0 || n > maxEntries {
		return nil, errDamaged
	}
	data := make([]byte, n*entry)
	if read, _ := r.ReadAt(data, at+countSize); read < len(data) {
		return nil, errTruncated
	}
	for i := range n {
		d.add(data[i*entry:(i+1)*entry], at+countSize+i*entry, big)
	}
	return d, nil
}

// rational is the type of fractions, which only rationals reads.
const rational = 5

// typeSizes holds the size in bytes of a value of each type, from 0; 0 means a type that is not read.
var typeSizes = [...]int64{1: 1, 3: 2, 4: 4, rational: 8, 6: 1, 7: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}

// add adds the entry that lies at an offset. Of a tag that occurs twice, the first counts.
func (d *directory) add(entry []byte, at int64, big bool) {
	tag, f := int(d.order.Uint16(entry)), field{kind: d.order.Uint16(entry[2:])}
	if int(f.kind) >= len(typeSizes) || typeSizes[f.kind] == 0 {
		return
	}
	inline := int64(4)
	f.count, f.at = int64(d.order.Uint32(entry[4:])), at+8
	if big {
		inline = 8
		f.count, f.at = int64(d.order.Uint64(entry[4:])), at+12
	}
	if f.count < 0 || f.count > d.size {
		return
	}
	if f.count*typeSizes[f.kind] > inline {
		f.at = int64(d.order.Uint32(entry[8:]))
		if big {
			f.at = int64(d.order.Uint64(entry[12:]))
		}
	}
	if _, known := d.tags[tag]; !known {
		d.tags[tag] = f
	}
}

// numbers returns at most limit values of a tag, nil if it is missing or lies outside the file.
func (d *directory) numbers(tag, limit int) []int64 {
	f, ok := d.tags[tag]
	if !ok || f.kind == rational {
		return nil
	}
	size := typeSizes[f.kind]
	n := min(f.count, int64(limit))
	if n <= 0 || f.at < 0 || f.at > d.size-n*size {
		return nil
	}
	data := make([]byte, n*size)
	if _, err := d.r.ReadAt(data, f.at); err != nil {
		return nil
	}
	values := make([]int64, n)
	for i := range values {
		switch v := data[int64(i)*size:]; size {
		case 1:
			values[i] = int64(v[0])
		case 2:
			values[i] = int64(d.order.Uint16(v))
		case 4:
			values[i] = int64(d.order.Uint32(v))
		case 8:
			values[i] = int64(d.order.Uint64(v))
		}
	}
	return values
}

// rationals returns n fractions of a tag, nil if it has fewer.
func (d *directory) rationals(tag, n int) []float64 {
	f, ok := d.tags[tag]
	if !ok || f.kind != rational || f.count < int64(n) || f.at < 0 || f.at > d.size-int64(8*n) {
		return nil
	}
	data := make([]byte, 8*n)
	if _, err := d.r.ReadAt(data, f.at); err != nil {
		return nil
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = float64(d.order.Uint32(data[8*i:])) / float64(d.order.Uint32(data[8*i+4:]))
	}
	return values
}

// number returns a tag's first value, or otherwise the default.
func (d *directory) number(tag int, otherwise int64) int64 {
	if v := d.numbers(tag, 1); len(v) > 0 {
		return v[0]
	}
	return otherwise
}

// readColors reads what the samples mean.
func (l *Layout) readColors(d *directory) error {
	bits := d.numbers(tagBits, l.samples)
	if len(bits) == 0 {
		bits = []int64{1}
	}
	for _, b := range bits {
		if b != bits[0] {
			return unsupported("samples of %v bits", bits)
		}
	}
	l.bits = int(bits[0])
	if l.format = int(d.number(tagSampleFormat, unsigned)); l.format != unsigned && l.format != float && l.format != undefined {
		return unsupported("sample format %d", l.format)
	}
	likely := int64(blackIsZero)
	if l.samples >= 3 {
		likely = rgb
	}
	l.photometric = int(d.number(tagPhotometric, likely))
	need, ok := colorSamples[l.photometric]
	if !ok {
		return unsupported("photometric interpretation %d", l.photometric)
	}
	switch {
	case !l.knowsBits():
		return unsupported("%d bits per sample", l.bits)
	case l.samples < need:
		return fmt.Errorf("%w: %d samples per pixel", errDamaged, l.samples)
	}
	l.alpha = -1
	for i, extra := range d.numbers(tagExtraSamples, l.samples) {
		if at := l.samples - len(d.numbers(tagExtraSamples, l.samples)) + i; (extra == associated || extra == unassociated) && at >= need && l.photometric != palette {
			l.alpha, l.associated = at, extra == associated
			break
		}
	}
	if l.photometric == palette {
		return l.readPalette(d)
	}
	return l.readSubsampling(d)
}

// knowsBits reports whether samples of this size are read.
func (l *Layout) knowsBits() bool {
	switch {
	case l.format == float:
		return (l.bits == 16 || l.bits == 32 || l.bits == 64) && (l.photometric <= rgb || l.photometric == cmyk || l.photometric == cieLab)
	case l.photometric == palette:
		return l.bits == 1 || l.bits == 2 || l.bits == 4 || l.bits == 8
	case l.photometric == yCbCr:
		return l.bits == 8
	case l.photometric == cieLab || l.photometric == iccLab:
		return l.bits == 8 || l.bits == 16
	}
	return l.bits == 1 || l.bits == 2 || l.bits == 4 || l.bits == 8 || l.bits == 12 || l.bits == 16 || l.bits == 32
}

// readSubsampling reads how many pixels share chroma (TIFF 6.0, section 21): 2 x 2 unless the file says otherwise.
func (l *Layout) readSubsampling(d *directory) error {
	l.subX, l.subY = 1, 1
	if l.photometric != yCbCr {
		return nil
	}
	l.video = newVideo(d.rationals(tagReference, 6), d.rationals(tagCoefficients, 3))
	l.subX, l.subY = 2, 2
	if v := d.numbers(tagSubsampling, 2); len(v) == 2 {
		l.subX, l.subY = int(v[0]), int(v[1])
	}
	known := func(n int) bool { return n == 1 || n == 2 || n == 4 }
	switch {
	case !known(l.subX) || !known(l.subY):
		return fmt.Errorf("%w: chroma of %d x %d pixels", errDamaged, l.subX, l.subY)
	case l.subsampled() && (l.planar != 1 || l.samples != 3 || l.predictor > 1):
		return unsupported("subsampled chroma in planes, with other samples or with a predictor")
	}
	return nil
}

// subsampled reports whether rows consist of blocks of pixels that share chroma.
func (l *Layout) subsampled() bool { return l.subX*l.subY > 1 }

// readPalette reads the colours: all red values, then all green ones, then all blue ones, of 16 bits each.
func (l *Layout) readPalette(d *directory) error {
	n := 1 << l.bits
	table := d.numbers(tagColorMap, 3*n)
	if len(table) < 3*n { // as libtiff does
		l.photometric = blackIsZero
		return nil
	}
	shift := 0 // some programs write 8 bits
	for _, v := range table {
		if v > 255 {
			shift = 8
		}
	}
	for i := range n {
		for c := range 3 {
			if v := uint32(table[c*n+i]); shift == 0 {
				l.colors[i][c] = byte(v)
			} else {
				l.colors[i][c] = pixel.To8(v)
			}
		}
	}
	return nil
}

// readSegments reads where the strips or tiles are.
func (l *Layout) readSegments(d *directory) error {
	offsets, lengths := tagStripOffsets, tagStripBytes
	l.segW, l.segH = l.Width, int(min(d.number(tagRowsPerStrip, int64(l.Height)), int64(l.Height)))
	if _, l.tiled = d.tags[tagTileOffsets]; l.tiled {
		offsets, lengths = tagTileOffsets, tagTileBytes
		l.segW, l.segH = int(d.number(tagTileWidth, 0)), int(d.number(tagTileHeight, 0))
	}
	if l.segW <= 0 || l.segH <= 0 || l.planar != 1 && l.planar != 2 {
		return errDamaged
	}
	if l.rowBytes() > maxRow {
		return unsupported("rows of %d bytes", l.rowBytes())
	}
	across, down := l.grid()
	if across > maxSegments || down > maxSegments || int64(across)*int64(down)*int64(l.planes()) > maxSegments { // maxSamples planes do not overflow
		return unsupported("%d x %d strips or tiles", across, down)
	}
	n := int64(across) * int64(down) * int64(l.planes())
	l.offsets = d.numbers(offsets, int(n))
	l.lengths = d.numbers(lengths, int(n))
	if int64(len(l.offsets)) < n {
		return errTruncated
	}
	if int64(len(l.lengths)) < n { // some programs do not write them: a strip ends at the next one
		l.lengths = make([]int64, n)
		for i := range l.lengths {
			l.lengths[i] = d.size - l.offsets[i]
			if i+1 < len(l.offsets) && l.offsets[i+1] > l.offsets[i] {
				l.lengths[i] = l.offsets[i+1] - l.offsets[i]
			}
		}
	}
	return nil
}

// grid returns the number of strips or tiles in a row and in a column.
func (l *Layout) grid() (across, down int) {
	return (l.Width + l.segW - 1) / l.segW, (l.Height + l.segH - 1) / l.segH
}

// planes returns the number of times that the grid is stored: once, or once for each sample.
func (l *Layout) planes() int {
	if l.planar == 2 {
		return l.samples
	}
	return 1
}

// rowBytes returns the number of bytes of a row of a strip or tile.
func (l *Layout) rowBytes() int64 {
	if l.subsampled() { // a row of blocks: their luma, and one sample each of Cb and Cr
		return int64((l.segW+l.subX-1)/l.subX) * int64(l.subX*l.subY+2)
	}
	return (int64(l.segW)*int64(l.samples/l.planes())*int64(l.bits) + 7) / 8
}

// isGray reports whether the decoded picture has one byte per pixel, and not three.
func (l *Layout) isGray() bool {
	return (l.photometric == whiteIsZero || l.photometric == blackIsZero) && l.alpha < 0
}

// stored returns the number of samples of a pixel that are decoded.
func (l *Layout) stored() int {
	n := colorSamples[l.photometric]
	if l.alpha >= 0 {
		n++
	}
	return n
}

// Memory returns the peak memory of Decode in bytes, besides the file's.
func (l *Layout) Memory() int64 {
	perPixel := int64(3)
	switch {
	case l.isGray():
		perPixel = 1
	case l.planar == 2:
		perPixel = int64(max(l.stored(), 3))
	}
	n := int64(l.Width)*int64(l.Height)*perPixel + 2*l.rowBytes() + int64(l.segW)*int64(l.samples) + 1<<20
	if l.compression == zstandard {
		n += 2 * maxWindow
	}
	return n
}
