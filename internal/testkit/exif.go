package testkit

import "encoding/binary"

// CameraEXIF is the EXIF data of a photo. Empty fields are omitted.
type CameraEXIF struct {
	Camera, Lens, Software string
	Taken                  string // "2023:07:01 12:00:00"
	Width, Height          int
	Orientation            int // 0: omitted
}

// Segment returns the payload of an APP1 segment.
func (e CameraEXIF) Segment() []byte {
	var main, exif tiffDir
	main.text(0x0110, e.Camera)
	main.short(0x0112, e.Orientation)
	main.text(0x0131, e.Software)
	exif.text(0x9003, e.Taken)
	exif.number(0xa002, e.Width)
	exif.number(0xa003, e.Height)
	exif.text(0xa434, e.Lens)
	const header = 8
	main.number(0x8769, header+main.size()+12)
	data := append([]byte("Exif\x00\x00II*\x00"), header, 0, 0, 0)
	data = append(data, main.bytes(header)...)
	return append(data, exif.bytes(header+main.size())...)
}

// tiffDir is an image file directory (TIFF 6.0, section 2), followed by its values.
type tiffDir struct {
	entries []tiffEntry
}

type tiffEntry struct {
	tag, kind uint16
	count     int
	value     []byte
}

func (d *tiffDir) text(tag uint16, s string) {
	if s != "" {
		d.entries = append(d.entries, tiffEntry{tag, 2, len(s) + 1, append([]byte(s), 0)})
	}
}

func (d *tiffDir) short(tag uint16, n int) {
	if n != 0 {
		d.entries = append(d.entries, tiffEntry{tag, 3, 1, binary.LittleEndian.AppendUint16(nil, uint16(n))})
	}
}

func (d *tiffDir) number(tag uint16, n int) {
	if n != 0 {
		d.entries = append(d.entries, tiffEntry{tag, 4, 1, binary.LittleEndian.AppendUint32(nil, uint32(n))})
	}
}

// size returns the size of the directory and its values, in bytes.
func (d *tiffDir) size() int {
	n := 2 + 12*len(d.entries) + 4
	for _, e := range d.entries {
		if len(e.value) > 4 {
			n += len(e.value)
		}
	}
	return n
}

// bytes returns the directory and its values, for a place at an offset in the file.
func (d *tiffDir) bytes(at int) []byte {
	le := binary.LittleEndian
	out := le.AppendUint16(nil, uint16(len(d.entries)))
	var behind []byte
	for _, e := range d.entries {
		out = le.AppendUint16(out, e.tag)
		out = le.AppendUint16(out, e.kind)
		out = le.AppendUint32(out, uint32(e.count))
		if len(e.value) > 4 {
			out = le.AppendUint32(out, uint32(at+2+12*len(d.entries)+4+len(behind)))
			behind = append(behind, e.value...)
		} else {
			out = append(out, append(e.value, 0, 0, 0, 0)[:4]...)
		}
	}
	return append(le.AppendUint32(out, 0), behind...)
}
