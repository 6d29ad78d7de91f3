package meta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
)

// Blocks are the blocks of metadata in a file.
type Blocks struct {
	EXIF EXIF
	// IPTC is an IPTC block, XMP the packets in the order of the file.
	IPTC []byte
	XMP  [][]byte

	hasEXIF  bool
	bytes    int // of XMP
	inflated int // of compressed texts, which are bounded together
}

// addEXIF reads an EXIF block. The first one that says anything counts.
func (b *Blocks) addEXIF(r io.ReaderAt, base, end int64) {
	if b.hasEXIF {
		return
	}
	x := ReadEXIF(r, base, end)
	b.EXIF = x
	b.hasEXIF = x.Orientation != 0 || x.Original != "" || x.Digitized != "" || x.Modified != "" || x.Maker != "" || x.Model != "" || x.Software != "" || x.Width != 0 || x.Place.Known || x.Rating.Known
}

// AddEXIF reads an EXIF block at start..end of r, with or without the identifier that JPEG puts before it.
func (b *Blocks) AddEXIF(r io.ReaderAt, start, end int64) {
	head := make([]byte, len(exifMark))
	if _, err := r.ReadAt(head, start); err == nil && bytes.HasPrefix(head, []byte("Exif\x00")) {
		start += int64(len(head))
	}
	b.addEXIF(r, start, end)
}

// AddDirectory adds what the first directory of a TIFF structure at start..end says, such as one of those that Canon's CR3 files have instead of
// an EXIF block.
func (b *Blocks) AddDirectory(r io.ReaderAt, start, end int64) {
	if at, first := open(r, start, end); first != nil {
		at.fill(&b.EXIF, first)
		b.hasEXIF = true
	}
}

// AddPlace is AddDirectory for a directory of GPS tags.
func (b *Blocks) AddPlace(r io.ReaderAt, start, end int64) {
	if at, first := open(r, start, end); first != nil && !b.EXIF.Place.Known {
		b.EXIF.Place = at.place(first)
	}
}

// AddTIFF reads a TIFF file, or a raw file in its layout: it is an EXIF block, and has tags for the others.
func (b *Blocks) AddTIFF(r io.ReaderAt, size int64) {
	b.addEXIF(r, 0, size)
	if b.EXIF.IPTC != nil {
		b.addIPTC(b.EXIF.IPTC)
	} else if b.EXIF.Resources != nil {
		b.addIPTC(IPTCResource(b.EXIF.Resources))
	}
	b.addXMP(b.EXIF.XMP)
}

func (b *Blocks) addIPTC(data []byte) {
	if b.IPTC == nil {
		b.IPTC = data
	}
}

func (b *Blocks) addXMP(packet []byte) {
	if len(packet) > 0 && len(packet) <= MaxXMP && b.bytes+len(packet) <= maxBlock && len(b.XMP) < maxPackets {
		b.bytes += len(packet)
		b.XMP = append(b.XMP, packet)
	}
}

// maxPackets bounds the packets of XMP in a file; maxBlock bounds all their bytes.
const maxPackets = 8

// AddXMP adds the packet at start..end of r.
func (b *Blocks) AddXMP(r io.ReaderAt, start, end int64) {
	if end-start <= MaxXMP {
		b.addXMP(readAt(r, start, end-start))
	}
}

// readAt returns n bytes, nil if they cannot be read.
func readAt(r io.ReaderAt, at, n int64) []byte {
	if n <= 0 || n > maxBlock {
		return nil
	}
	data := make([]byte, n)
	if read, _ := r.ReadAt(data, at); int64(read) < n {
		return nil
	}
	return data
}

// The identifiers of JPEG segments (Exif 3.0, 4.7.2; XMP part 3, 1.1.3; Photoshop's file formats).
const (
	exifMark      = "Exif\x00\x00"
	xmpMark       = "http://ns.adobe.com/xap/1.0/\x00"
	photoshopMark = "Photoshop 3.0\x00"
)

// The markers that are looked at (ITU-T T.81, table B.1).
const (
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerAPP1  = 0xe1
	markerAPP13 = 0xed
)

// maxSegments bounds the parts of a file that are visited.
const maxSegments = 4096

// ReadJPEG finds the blocks of a JPEG file: in its segments before the first scan.
func ReadJPEG(r io.ReaderAt, size int64) (b Blocks) {
	var resources []byte // may be split
	for at, n := int64(2), 0; n < maxSegments; n++ {
		if at = nextMarker(r, at); at < 0 {
			break
		}
		head := readAt(r, at, 4)
		if head == nil {
			break
		}
		marker, length := head[1], int64(binary.BigEndian.Uint16(head[2:]))
		if length < 2 {
			at += 2
			continue
		}
		if marker == markerSOS || marker == markerEOI {
			break
		}
		start, end := at+4, min(at+2+length, size)
		switch marker {
		case markerAPP1:
			const longest, xmpEnd = 64, "://ns.adobe.com/xap/1.0/\x00"
			switch id := readAt(r, start, min(longest, end-start)); {
			case bytes.HasPrefix(id, []byte("Exif\x00")):
				if data := readAt(r, start, end-start); data != nil { // at once: it has many small parts
					b.addEXIF(bytes.NewReader(data), int64(len(exifMark)), int64(len(data)))
				}
			case bytes.Contains(id, []byte(xmpEnd)): // some programs write another beginning
				b.AddXMP(r, start+int64(bytes.Index(id, []byte(xmpEnd))+len(xmpEnd)), end)
			}
		case markerAPP13:
			if data, ok := bytes.CutPrefix(readAt(r, start, end-start), []byte(photoshopMark)); ok {
				resources = append(resources, data...)
			}
		}
		at += 2 + length
	}
	b.addIPTC(IPTCResource(resources))
	return b
}

// nextMarker returns the offset of the next marker that begins a segment, from at on, behind fill bytes and rubbish; -1: there is none nearby.
func nextMarker(r io.ReaderAt, at int64) int64 {
	if head := readAt(r, at, 2); head != nil && head[0] == 0xff && beginsSegment(head[1]) {
		return at // as it should be
	}
	const nearby = 64 << 10
	data := make([]byte, nearby)
	n, _ := r.ReadAt(data, at)
	for i := 0; i+1 < n; i++ {
		if data[i] == 0xff && beginsSegment(data[i+1]) {
			return at + int64(i)
		}
	}
	return -1
}

// beginsSegment reports whether a marker is followed by a length: not a fill byte, TEM, a restart or the beginning of an image.
func beginsSegment(marker byte) bool {
	return marker != 0 && marker != 1 && marker != 0xff && (marker < 0xd0 || marker > 0xd8)
}

// ReadWebP finds the blocks of a WebP file: its chunks EXIF and XMP, whatever the flags in VP8X say.
func ReadWebP(r io.ReaderAt, size int64) (b Blocks) {
	at := int64(12)
	for range maxSegments {
		head := readAt(r, at, 8)
		if head == nil {
			break
		}
		if !isChunkName(head[:4]) && at > 12 { // the chunk before it has an odd length, and no padding
			at--
			if head = readAt(r, at, 8); head == nil || !isChunkName(head[:4]) {
				break
			}
		}
		start := at + 8
		end := min(start+int64(binary.LittleEndian.Uint32(head[4:])), size)
		switch string(head[:4]) {
		case "EXIF":
			b.AddEXIF(r, start, end)
		case "XMP ":
			b.AddXMP(r, start, end)
		}
		at = end + (end-start)&1
	}
	return b
}

func isChunkName(name []byte) bool {
	for _, c := range name {
		if c != ' ' && (c < '0' || c > 'z') {
			return false
		}
	}
	return true
}

// ReadPNG finds the blocks of a PNG file: eXIf, XMP in iTXt, and the profiles that ImageMagick writes as text (PNG 3rd edition; XMP part 3, 1.1.5).
func ReadPNG(r io.ReaderAt, _ int64) (b Blocks) {
	const signature, frame = 8, 12 // a chunk's length, kind and checksum
	const maxPixelChunks = 1 << 18
	for at, n, pixels := int64(signature), 0, 0; n < maxSegments && pixels < maxPixelChunks; n++ {
		head := readAt(r, at, 8)
		if head == nil || string(head[4:]) == "IEND" {
			break
		}
		if string(head[4:]) == "IDAT" {
			n--
			pixels++
		}
		size := int64(binary.BigEndian.Uint32(head))
		start := at + 8
		switch string(head[4:]) {
		case "eXIf":
			b.AddEXIF(r, start, start+size)
		case "iTXt", "zTXt", "tEXt":
			b.addText(string(head[4:]), readAt(r, start, size))
		}
		at += frame + size
	}
	return b
}

// addText adds what a text chunk holds: a keyword, a method of compression unless it is tEXt, and the text.
func (b *Blocks) addText(kind string, data []byte) {
	keyword, rest, ok := bytes.Cut(data, []byte{0})
	if !ok {
		return
	}
	compressed := kind == "zTXt"
	switch kind {
	case "zTXt":
		if len(rest) < 1 {
			return
		}
		rest = rest[1:]
	case "iTXt":
		if len(rest) < 2 {
			return
		}
		compressed, rest = rest[0] == 1, rest[2:]
		for range 2 { // the language, and the translated keyword
			if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
				return
			}
		}
	}
	name := string(keyword)
	profile, isProfile := strings.CutPrefix(name, "Raw profile type ")
	if !isProfile && name != "XML:com.adobe.xmp" {
		return
	}
	if compressed {
		if rest = inflate(rest, maxBlock-b.inflated); rest == nil {
			return
		}
		b.inflated += len(rest)
	}
	if !isProfile {
		b.addXMP(rest)
		return
	}
	rest = profileBytes(rest)
	switch profile {
	case "exif":
		b.AddEXIF(bytes.NewReader(rest), 0, int64(len(rest)))
	case "APP1":
		if packet, ok := bytes.CutPrefix(rest, []byte(xmpMark)); ok {
			b.addXMP(packet)
		} else {
			b.AddEXIF(bytes.NewReader(rest), 0, int64(len(rest)))
		}
	case "xmp":
		b.addXMP(rest)
	case "iptc", "8bim":
		if resource := IPTCResource(rest); resource != nil {
			rest = resource
		}
		b.addIPTC(rest)
	}
}

// inflate returns uncompressed data, what there is of it, up to a limit.
func inflate(data []byte, limit int) []byte {
	if limit <= 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, int64(limit))) // a wrong checksum at the end does not matter
	return out
}

// profileBytes decodes a raw profile: a line feed, the name, the length, and hexadecimal digits in lines.
func profileBytes(text []byte) []byte {
	lines := bytes.SplitN(bytes.TrimLeft(text, "\n"), []byte("\n"), 3)
	const parts = 3
	if len(lines) < parts {
		return nil
	}
	digits := bytes.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, lines[2])
	data := make([]byte, len(digits)/2)
	n, _ := hex.Decode(data, digits[:2*len(data)]) // up to the first character that is no digit
	return data[:n]
}
