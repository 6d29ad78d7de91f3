package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/embed/decode/meta"
)

// preview is a JPEG inside a camera raw file.
type preview struct {
	Extent
	head jpeg.Header
}

// rawFile describes a camera raw file, which is decoded from the JPEG previews that the camera embedded in it.
type rawFile struct {
	// previews are sorted by size, the largest first; there is at least one.
	previews []preview
	meta     Meta
	size     int64 // of the file
	// width and height are the sensor's, or the largest preview's if the file does not state it.
	width, height int
}

// minPreview is the smallest long side of a preview. Anything smaller is a thumbnail, which must not stand in for the picture:
// cameras embed thumbnails of 160 x 120.
const minPreview = 320

var errNoPreview = fmt.Errorf("%w: camera raw file without an embedded JPEG preview", ErrUnsupported)

// chosen returns the smallest preview whose short side is at least minShort, or the largest preview if there is none or minShort is 0.
func (f *rawFile) chosen(minShort int) preview {
	best := f.previews[0]
	if minShort > 0 {
		for _, p := range f.previews[1:] {
			if min(p.head.Width, p.head.Height) >= minShort {
				best = p
			}
		}
	}
	return best
}

// extents returns the parts of the file to read: the largest preview, which defines the picture's identity, and the preview to decode.
func (f *rawFile) extents(minShort int) []Extent {
	list := []Extent{f.previews[0].Extent}
	if c := f.chosen(minShort); c.Extent != list[0] {
		list = append(list, c.Extent)
	}
	return list
}

// identity returns the SHA-256 of the largest preview and the file's size.
func (f *rawFile) identity(data []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(data[:min(f.previews[0].Length, int64(len(data)))])
	_ = binary.Write(h, binary.BigEndian, f.size)
	return [sha256.Size]byte(h.Sum(nil))
}

// image returns the bytes of the preview to decode.
func (f *rawFile) image(data []byte, minShort int) []byte {
	if list := f.extents(minShort); len(list) > 1 {
		return data[min(list[0].Length, int64(len(data))):]
	}
	return data
}

// previewList collects previews and skips everything but supported JPEGs (a lossless JPEG is the sensor's data).
type previewList struct {
	r    io.ReaderAt
	size int64
	list []preview
	cut  bool // a preview extends past the end of the file
}

func (l *previewList) add(offset, length int64) {
	if offset <= 0 || length < 128 || slices.ContainsFunc(l.list, func(p preview) bool { return p.Offset == offset }) {
		return
	}
	if offset > l.size-length {
		l.cut = true
		return
	}
	head, err := jpeg.ReadHeader(io.NewSectionReader(l.r, offset, length))
	if err != nil || max(head.Width, head.Height) < minPreview {
		return
	}
	l.list = append(l.list, preview{Extent{offset, length}, head})
}

// finish builds the rawFile from the collected previews. width and height are the sensor's, or 0 if unknown.
func (l *previewList) finish(meta Meta, width, height int) (*rawFile, error) {
	if len(l.list) == 0 && l.cut {
		return nil, io.ErrUnexpectedEOF
	}
	if len(l.list) == 0 {
		return nil, errNoPreview
	}
	slices.SortFunc(l.list, func(a, b preview) int { return b.head.Width*b.head.Height - a.head.Width*a.head.Height })
	f := &rawFile{previews: l.list, meta: meta, size: l.size, width: width, height: height}
	if largest := l.list[0].head; largest.Width*largest.Height > width*height {
		f.width, f.height = largest.Width, largest.Height
	}
	return f, nil
}

// isRaw reports whether a TIFF file is a camera raw file: it is marked as DNG, or a directory holds a colour filter array or
// linear raw data (photometric interpretations 32803 and 34892), or data in a maker's own compression.
func isRaw(dirs []tiffDir, t *tiffFile) bool {
	if _, dng := dirs[0][tagDNGVersion]; dng {
		return true
	}
	return slices.ContainsFunc(dirs, func(d tiffDir) bool {
		switch t.number(d, tagPhotometric, -1) {
		case 32803, 34892:
			return true
		}
		switch t.number(d, tagCompression, 1) {
		case 34713, 32767, 65535, 65000, 32770, 32867, 34892: // Nikon, Sony, Pentax, Kodak, Samsung, Kodak, lossy DNG
			return true
		}
		return false
	})
}

// rawKinds lists the formats by the camera's maker.
var rawKinds = []struct {
	maker string
	kind  Format
}{
	{"NIKON", "nef"}, {"SONY", "arw"}, {"PENTAX", "pef"}, {"RICOH", "pef"}, {"Canon", "cr2"}, {"OLYMPUS", "orf"}, {"OM Digital", "orf"},
	{"Panasonic", "rw2"}, {"LEICA", "rwl"}, {"SAMSUNG", "srw"}, {"Hasselblad", "3fr"}, {"Phase One", "iiq"}, {"Leaf", "mos"},
	{"SEIKO EPSON", "erf"}, {"EASTMAN KODAK", "dcr"}, {"Kodak", "dcr"}, {"Mamiya", "mef"}, {"FUJIFILM", "raf"},
}

func rawKind(dirs []tiffDir, t *tiffFile) Format {
	if _, dng := dirs[0][tagDNGVersion]; dng {
		return "dng"
	}
	maker := t.text(dirs[0], tagMake)
	for _, k := range rawKinds {
		if len(maker) >= len(k.maker) && strings.EqualFold(maker[:len(k.maker)], k.maker) {
			return k.kind
		}
	}
	return "raw"
}

// readTIFFRaw reads a camera raw file in TIFF's layout; ok is false if the file is not a camera raw file.
func readTIFFRaw(r io.ReaderAt, size int64, certain bool) (f *rawFile, kind Format, ok bool, err error) {
	t, first, err := openTIFF(r, 0, size)
	if err != nil {
		return nil, "", certain, err
	}
	var dirs []tiffDir
	t.walk(first, func(d tiffDir) { dirs = append(dirs, d) })
	if len(dirs) == 0 {
		return nil, "", certain, errTIFF
	}
	if !certain && !isRaw(dirs, t) {
		return nil, "", false, nil
	}
	l := &previewList{r: r, size: size}
	var width, height int
	for _, d := range dirs {
		l.addDir(t, d)
		if w, h := int(t.number(d, tagWidth, 0)), int(t.number(d, tagHeight, 0)); w*h > width*height && w < maxRawSide && h < maxRawSide {
			width, height = w, h
		}
	}
	l.addMakerNote(t, dirs[0])
	f, err = l.finish(tiffMeta(r, size), width, height)
	return f, rawKind(dirs, t), true, err
}

// maxRawSide bounds the sensor size that a damaged directory may claim.
const maxRawSide = 1 << 16

// addDir adds the JPEG that a directory describes: by its own two tags, as one strip, or as Panasonic does.
func (l *previewList) addDir(t *tiffFile, d tiffDir) {
	if offset := t.number(d, tagJPEGOffset, 0); offset > 0 {
		l.add(t.base+offset, t.number(d, tagJPEGBytes, 0))
	}
	if c := t.number(d, tagCompression, 1); (c == 6 || c == 7 || c == 99) && t.number(d, tagPhotometric, 6) != 32803 {
		offsets, counts := t.numbers(d[tagStripOffsets], 2), t.numbers(d[tagStripBytes], 2)
		if len(offsets) == 1 && len(counts) == 1 {
			l.add(t.base+offsets[0], counts[0])
		}
	}
	if p, ok := d[tagPanasonicJPEG]; ok {
		l.add(p.at, int64(p.count))
	}
}

// addMakerNote adds the previews that Olympus, Pentax and Nikon describe in their maker notes (the layouts follow ExifTool's
// tag tables).
func (l *previewList) addMakerNote(t *tiffFile, first tiffDir) {
	exif, _, err := t.dir(t.number(first, tagExifIFD, 0))
	if err != nil {
		return
	}
	note, ok := exif[tagMakerNote]
	if !ok || note.count < 16 {
		return
	}
	var head [18]byte
	if _, err := t.r.ReadAt(head[:], note.at); err != nil {
		return
	}
	pointers := func(n *tiffFile, offset int64, start, length uint16, base int64) {
		if d, _, err := n.dir(offset); err == nil {
			l.add(base+n.number(d, start, 0), n.number(d, length, 0))
		}
	}
	switch {
	case bytes.HasPrefix(head[:], []byte("OLYMPUS\x00")), bytes.HasPrefix(head[:], []byte("OM SYSTEM")):
		// The directory follows the header; its offsets are relative to the start of the note.
		at := int64(12)
		if head[0] == 'O' && head[1] == 'M' {
			at = 16
		}
		n := &tiffFile{r: t.r, order: t.order, base: note.at, size: t.size}
		if d, _, err := n.dir(at); err == nil {
			const cameraSettings = 0x2020
			if settings := n.number(d, cameraSettings, 0); settings > 0 {
				pointers(n, settings, 0x0101, 0x0102, note.at)
			}
		}
	case bytes.HasPrefix(head[:], []byte("AOC\x00")), bytes.HasPrefix(head[:], []byte("PENTAX \x00")):
		n := &tiffFile{r: t.r, order: t.order, base: t.base, size: t.size}
		at := note.at - t.base + 6
		if head[0] == 'P' { // offsets are relative to the start of the note
			n.base, at = note.at, 10
		}
		pointers(n, at, 0x0004, 0x0003, n.base)
	case bytes.HasPrefix(head[:], []byte("Nikon\x00\x02")):
		n, at, err := openTIFF(t.r, note.at+10, t.size)
		if err != nil {
			return
		}
		if d, _, err := n.dir(at); err == nil {
			const previewIFD = 0x0011
			if p := n.number(d, previewIFD, 0); p > 0 {
				pointers(n, p, tagJPEGOffset, tagJPEGBytes, n.base)
			}
		}
	}
}

// readRAF reads a Fujifilm file, whose header points to one JPEG with all the metadata: its offset and length are the
// big-endian numbers at 84 and 88.
func readRAF(r io.ReaderAt, size int64) (*rawFile, error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], 84); err != nil {
		return nil, eof(err)
	}
	l := &previewList{r: r, size: size}
	l.add(int64(binary.BigEndian.Uint32(head[:])), int64(binary.BigEndian.Uint32(head[4:])))
	m := Meta{Orientation: 1}
	if len(l.list) > 0 {
		p := l.list[0]
		m = combine(meta.ReadJPEG(io.NewSectionReader(r, p.Offset, p.Length), p.Length))
	}
	return l.finish(m, 0, 0)
}

// damagedRaw reports err as a damaged header, unless err says that the file is not supported.
func damagedRaw(kind Format, err error) error {
	if errors.Is(err, ErrUnsupported) {
		return err
	}
	return fmt.Errorf("damaged %s header: %w", kind, tidy(err))
}
