package decode

import (
	"bytes"
	"encoding/binary"
)

// JPEG markers (ITU-T T.81, table B.1).
const (
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerDQT   = 0xdb
	markerAPP0  = 0xe0
	markerAPP2  = 0xe2
	markerAPP14 = 0xee
	markerAPP15 = 0xef
	markerCOM   = 0xfe
	markerTEM   = 0x01
)

// jpegParts calls visit for each part of a JPEG stream up to and including EOI: a marker with its segment's payload, or
// marker 0 with a stretch of entropy-coded data. A damaged stream is read as far as possible; the rest is passed as one
// last stretch with marker 0.
func jpegParts(data []byte, visit func(marker byte, payload []byte)) {
	pos := 2 // SOI
	for pos < len(data) {
		// Entropy-coded data, fill bytes or junk up to the next marker.
		start := pos
		var marker byte
		for {
			i := bytes.IndexByte(data[pos:], 0xff)
			if i < 0 || pos+i+1 >= len(data) {
				visit(0, data[start:])
				return
			}
			pos += i
			next := data[pos+1]
			if next == 0 || next >= markerRST0 && next <= markerRST7 {
				pos += 2 // a stuffed byte or a restart: still the scan's data
				continue
			}
			if next == 0xff {
				pos++ // a fill byte before the marker
				continue
			}
			marker = next
			break
		}
		if start < pos {
			visit(0, data[start:pos])
		}
		pos += 2
		switch marker {
		case markerEOI:
			visit(marker, nil)
			return
		case markerSOI, markerTEM:
			continue
		}
		if pos+2 > len(data) {
			visit(0, data[pos-2:])
			return
		}
		size := int(binary.BigEndian.Uint16(data[pos:]))
		if size < 2 || pos+size > len(data) {
			visit(0, data[pos-2:])
			return
		}
		visit(marker, data[pos+2:pos+size])
		pos += size
	}
}
