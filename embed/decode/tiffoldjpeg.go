package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// oldJPEG says where the parts of a JPEG stream are that is stored in the older way (TIFF 6.0, section 22). Programs write it differently: as a
// whole stream, as a stream's header with its data in strips, as tables in tags of their own, or as one stream for each strip.
type oldJPEG struct {
	stream, length int64 // the whole stream or its header; 0: none
	interval       int64 // of restarts, in blocks
	quant, dc, ac  []int64
	samples        int
	subsampling    []int64
}

const (
	tagRestartInterval = 0x0203
	tagQTables         = 0x0207
	tagDCTables        = 0x0208
	tagACTables        = 0x0209
	tagSubsampling     = 0x0212
)

func readOldJPEG(t *tiffFile, d tiffDir) *oldJPEG {
	o := &oldJPEG{
		stream: t.number(d, tagJPEGOffset, 0), length: t.number(d, tagJPEGBytes, 0), interval: t.number(d, tagRestartInterval, 0),
		quant: t.numbers(d[tagQTables], 3), dc: t.numbers(d[tagDCTables], 3), ac: t.numbers(d[tagACTables], 3),
		samples: int(min(t.number(d, tagSamples, 1), 4)), subsampling: t.numbers(d[tagSubsampling], 2),
	}
	if o.stream < 0 || o.stream >= t.size {
		o.stream = 0
	}
	if len(o.subsampling) < 2 {
		o.subsampling = []int64{2, 2}
	}
	return o
}

// isStream reports whether JPEG data begins at an offset.
func isStream(data []byte, offset int64) bool {
	return offset >= 0 && offset < int64(len(data))-2 && data[offset] == 0xff && data[offset+1] == markerSOI
}

// hasStreams reports whether there are several strips, each a stream.
func (j jpegTIFF) hasStreams(data []byte) bool {
	if len(j.offsets) < 2 || len(j.lengths) < len(j.offsets) {
		return false
	}
	for _, offset := range j.offsets {
		if !isStream(data, offset) {
			return false
		}
	}
	return true
}

// decodeOld decodes one stream: as it is stored if it is whole, else one that is assembled from a header and the strips. The one
// with more rows counts.
func (j jpegTIFF) decodeOld(data []byte) (image.Image, error) {
	var best *jpeg.Picture
	var firstErr error
	for _, find := range []func([]byte) ([]byte, error){j.wholeStream, j.assembled} {
		stream, err := find(data)
		if err == nil {
			var p *jpeg.Picture
			if p, err = jpeg.Decode(stream, 0); err == nil {
				if p.Width == j.width && (best == nil || p.Rows > best.Rows || p.Rows == best.Rows && best.Damaged && !p.Damaged) {
					best = p
				}
				if p.Width == j.width && p.Rows >= j.height && !p.Damaged {
					break
				}
			}
		}
		if firstErr == nil {
			firstErr = err
		}
	}
	if best == nil || 2*best.Rows < j.height {
		if firstErr == nil {
			firstErr = errors.New("truncated")
		}
		return nil, tidyJPEG(firstErr, "stream")
	}
	c := jpegCanvas{jpegTIFF: j}
	if err := c.setSpace(best); err != nil {
		return nil, err
	}
	rows := min(best.Rows, j.height)
	m := &pixel.Picture{Width: j.width, Height: rows, Pix: make([]byte, 3*j.width*rows), Damaged: best.Damaged || rows < j.height}
	for y := range rows {
		best.Row(y, m.Pix[3*y*j.width:3*(y+1)*j.width])
	}
	return m, nil
}

// wholeStream returns the stream that the file names, or else its only strip, with the marker of RGB if it needs one.
func (j jpegTIFF) wholeStream(data []byte) ([]byte, error) {
	at := j.old.stream
	if at == 0 && len(j.offsets) == 1 {
		at = j.offsets[0]
	}
	if at <= 0 || !isStream(data, at) {
		return nil, errors.New("no JPEG stream")
	}
	if j.photometric != tiffRGB {
		return data[at:], nil
	}
	return bytes.Join([][]byte{{0xff, markerSOI}, adobeRGB, data[at+2:]}, nil), nil
}

// assembled returns a stream of a header, from the file's stream or else from its tables, and the data of all strips.
func (j jpegTIFF) assembled(data []byte) ([]byte, error) {
	if len(j.offsets) == 0 || len(j.offsets) != len(j.lengths) || len(j.offsets) > 1<<16 {
		return nil, errors.New("no strips")
	}
	var parts oldParts
	if at := j.old.stream; at > 0 && isStream(data, at) {
		end := int64(len(data))
		if j.old.length > 0 && j.old.length < end-at {
			end = at + j.old.length
		}
		parts.read(data[at:end])
	}
	if err := parts.complete(j, data); err != nil {
		return nil, err
	}
	out := []byte{0xff, markerSOI}
	if j.photometric == tiffRGB {
		out = append(out, adobeRGB...)
	}
	out = append(out, parts.tables...)
	out = append(out, parts.frame(j.width, j.height)...)
	if len(j.offsets) > 1 || j.old.interval > 0 {
		interval := parts.interval
		if interval == 0 {
			interval = int(j.old.interval)
		}
		if interval == 0 {
			interval = parts.blocks(j.width, j.partH)
		}
		if interval <= 0 || interval > 0xffff {
			return nil, errors.New("strips that are too large")
		}
		out = append(out, segment(markerDRI, binary.BigEndian.AppendUint16(nil, uint16(interval)))...)
	}
	out = append(out, parts.scan...)
	restarts := 0
	for i := range j.offsets {
		strip, err := cutPart(data, j.offsets[i], min(j.lengths[i], int64(len(data))-j.offsets[i]))
		if err != nil {
			return nil, err
		}
		if i == 0 && isStream(strip, 0) { // the header is repeated in front of the data
			strip = afterScanHeader(strip)
		}
		strip = bytes.TrimSuffix(strip, []byte{0xff, markerEOI})
		if i > 0 && !endsWithRestart(out) {
			out = append(out, 0xff, markerRST0+byte(restarts%8))
			restarts++
		}
		restarts += countRestarts(strip)
		out = append(out, strip...)
	}
	return append(out, 0xff, markerEOI), nil
}

const (
	markerDHT  = 0xc4
	markerDRI  = 0xdd
	markerSOF0 = 0xc0
)

// segment returns a marker with its segment.
func segment(marker byte, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(payload)+2)), payload...)
}

// oldParts are the segments of a header.
type oldParts struct {
	tables   []byte // DQT and DHT
	kind     byte   // of frame
	sof      []byte // the frame's payload
	scan     []byte // SOS
	interval int
	quant    bool
	huffman  bool
}

// read reads the header of a stream, up to its data.
func (p *oldParts) read(stream []byte) {
	done := false
	jpegParts(stream, func(marker byte, payload []byte) {
		switch {
		case done:
		case marker == markerDQT:
			p.quant, p.tables = true, append(p.tables, segment(marker, payload)...)
		case marker == markerDHT:
			p.huffman, p.tables = true, append(p.tables, segment(marker, payload)...)
		case marker >= markerSOF0 && marker <= markerSOF0+2 && len(payload) >= 6:
			p.kind, p.sof = marker, payload
		case marker == markerDRI && len(payload) >= 2:
			p.interval = int(binary.BigEndian.Uint16(payload))
		case marker == markerSOS:
			p.scan, done = segment(marker, payload), true
		}
	})
}

// complete adds what the stream lacks from the file's tags.
func (p *oldParts) complete(j jpegTIFF, data []byte) error {
	o := j.old
	n := o.samples
	if p.sof != nil {
		n = int(p.sof[5])
	}
	if n != 1 && n != 3 {
		return errors.New("a JPEG stream without 1 or 3 components")
	}
	var quant, dc, ac tableSet
	var frame, scan []byte
	for i := range n {
		q, d, a := 0, 0, 0
		if !p.quant {
			table, err := cutPart(data, at(o.quant, i), 64)
			if err != nil {
				return errors.New("no quantisation tables")
			}
			q = quant.add(table)
		}
		if !p.huffman {
			dcTable, ok := huffmanTable(data, at(o.dc, i))
			acTable, ok2 := huffmanTable(data, at(o.ac, i))
			if !ok || !ok2 {
				return errors.New("no Huffman tables")
			}
			d, a = dc.add(dcTable), ac.add(acTable)
		}
		sampling := byte(0x11)
		if i == 0 && n == 3 {
			sampling = byte(o.subsampling[0]&15<<4 | o.subsampling[1]&15)
		}
		frame = append(frame, byte(i+1), sampling, byte(q))
		scan = append(scan, byte(i+1), byte(d<<4|a))
	}
	for i, table := range quant.tables {
		p.tables = append(p.tables, segment(markerDQT, append([]byte{byte(i)}, table...))...)
	}
	for class, set := range []tableSet{dc, ac} {
		for i, table := range set.tables {
			p.tables = append(p.tables, segment(markerDHT, append([]byte{byte(class<<4 | i)}, table...))...)
		}
	}
	if p.sof == nil {
		p.kind, p.sof = markerSOF0, append([]byte{8, 0, 0, 0, 0, byte(n)}, frame...)
	}
	if p.scan == nil {
		p.scan = segment(markerSOS, append(append([]byte{byte(n)}, scan...), 0, 63, 0))
	}
	return nil
}

func at(list []int64, i int) int64 {
	if i < len(list) {
		return list[i]
	}
	return -1
}

// huffmanTable returns a table: the numbers of codes of 16 lengths, and their symbols.
func huffmanTable(data []byte, at int64) ([]byte, bool) {
	counts, err := cutPart(data, at, 16)
	if err != nil {
		return nil, false
	}
	n := int64(0)
	for _, c := range counts {
		n += int64(c)
	}
	table, err := cutPart(data, at, 16+n)
	return table, err == nil && n > 0 && n <= 256
}

// tableSet numbers tables: equal ones have one number.
type tableSet struct{ tables [][]byte }

func (s *tableSet) add(table []byte) int {
	for i, t := range s.tables {
		if bytes.Equal(t, table) {
			return i
		}
	}
	s.tables = append(s.tables, table)
	return len(s.tables) - 1
}

// frame returns the frame's segment for a picture of the given size.
func (p *oldParts) frame(width, height int) []byte {
	payload := bytes.Clone(p.sof)
	binary.BigEndian.PutUint16(payload[1:], uint16(height))
	binary.BigEndian.PutUint16(payload[3:], uint16(width))
	return segment(p.kind, payload)
}

// blocks returns the number of minimum coded units in a number of rows.
func (p *oldParts) blocks(width, rows int) int {
	h, v := 1, 1
	for i := 6; i+2 < len(p.sof); i += 3 {
		h, v = max(h, int(p.sof[i+1]>>4)), max(v, int(p.sof[i+1]&15))
	}
	if p.sof[5] == 1 {
		h, v = 1, 1
	}
	return (width + 8*h - 1) / (8 * h) * ((rows + 8*v - 1) / (8 * v))
}

// afterScanHeader returns the data of a stream's first scan.
func afterScanHeader(stream []byte) []byte {
	var rest []byte
	found := false
	jpegParts(stream, func(marker byte, payload []byte) {
		switch {
		case marker == markerSOS:
			found = true
		case marker == 0 && found && rest == nil:
			rest = payload
		}
	})
	return rest
}

func endsWithRestart(data []byte) bool {
	n := len(data)
	return n >= 2 && data[n-2] == 0xff && data[n-1] >= markerRST0 && data[n-1] <= markerRST7
}

// countRestarts counts the restart markers in a scan's data.
func countRestarts(data []byte) (n int) {
	for i := 0; i+1 < len(data); i++ {
		if data[i] == 0xff && data[i+1] >= markerRST0 && data[i+1] <= markerRST7 {
			n++
		}
	}
	return n
}
