package meta

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// IPTC-IIM 4.2: datasets of a record and a number. Record 1 describes the block, record 2 the picture.
const (
	iptcMark       = 0x1c
	iptcCharset    = 0x015a // 1:90
	iptcKeywords   = 0x0219 // 2:25
	resourceIPTC   = 0x0404
	resourceMarker = "8BIM"
)

// utf8Charset is the escape sequence that declares UTF-8 (ISO 2022).
var utf8Charset = []byte("\x1b%G")

// Keywords returns the keywords of an IPTC block.
func Keywords(data []byte) (list []string) {
	var raw [][]byte
	declared := false
	for len(data) > 0 {
		at := bytes.IndexByte(data, iptcMark)
		if at < 0 || len(data) < at+5 {
			break
		}
		data = data[at:]
		dataset := binary.BigEndian.Uint16(data[1:])
		n, head := int(binary.BigEndian.Uint16(data[3:])), 5
		if n&0x8000 != 0 { // the length of the length
			width := n & 0x7fff
			if width > 4 || len(data) < head+width {
				break
			}
			n = 0
			for _, c := range data[head : head+width] {
				n = n<<8 | int(c)
			}
			head += width
		}
		if n < 0 || n > len(data)-head {
			break
		}
		value := data[head : head+n]
		switch dataset {
		case iptcCharset:
			declared = bytes.Equal(value, utf8Charset)
		case iptcKeywords:
			raw = append(raw, value)
		}
		data = data[head+n:]
	}
	for _, value := range raw {
		// Most programs write UTF-8 without saying so; Latin-1 is hardly ever valid UTF-8.
		if declared && !utf8.Valid(value) {
			value = bytes.ToValidUTF8(value, nil)
		}
		list = append(list, asUTF8(string(value)))
	}
	return list
}

// IPTCResource returns the IPTC block among Photoshop's image resources, nil if there is none. A resource is padded to an even length; some
// programs omit that.
func IPTCResource(data []byte) []byte {
	for {
		at := bytes.Index(data, []byte(resourceMarker))
		if at < 0 || len(data) < at+7 {
			return nil
		}
		data = data[at+len(resourceMarker):]
		id := binary.BigEndian.Uint16(data)
		name := 1 + int(data[2])
		name += name & 1
		if len(data) < 2+name+4 {
			return nil
		}
		n := int(binary.BigEndian.Uint32(data[2+name:]))
		data = data[2+name+4:]
		if n < 0 || n > len(data) {
			if id != resourceIPTC {
				continue // the next marker may be right
			}
			n = len(data)
		}
		if id == resourceIPTC {
			return data[:n]
		}
		data = data[n:]
	}
}
