package decode

import (
	"bytes"
	"encoding/binary"
	"io"
)

// pngXMPKeyword is the keyword of the chunk that holds XMP (XMP specification part 3, 1.1.5).
const pngXMPKeyword = "XML:com.adobe.xmp\x00"

// pngXMP reads the owner's metadata from the XMP packet of a PNG, an uncompressed iTXt chunk that the metadata library does not read.
func pngXMP(r io.ReaderAt) OwnerMetadata {
	var head [8]byte
	const signature, frame = 8, 12 // a chunk's length, kind and checksum
	at := int64(signature)
	for range maxBoxes {
		if _, err := r.ReadAt(head[:], at); err != nil {
			return OwnerMetadata{}
		}
		size := int64(binary.BigEndian.Uint32(head[:]))
		if kind := string(head[4:]); kind == "IEND" {
			return OwnerMetadata{}
		} else if kind == "iTXt" && size <= maxXMP {
			data := make([]byte, size)
			if _, err := r.ReadAt(data, at+8); err != nil {
				return OwnerMetadata{}
			}
			if packet, ok := pngText(data); ok {
				l, _ := ReadXMP(packet) // a damaged packet is ignored
				return l
			}
		}
		at += frame + size
	}
	return OwnerMetadata{}
}

// pngText returns the text of an iTXt chunk that holds XMP. It follows the keyword, two compression bytes, the language and the translated keyword.
func pngText(data []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(data, []byte(pngXMPKeyword))
	if !ok || len(rest) < 2 || rest[0] != 0 {
		return nil, false
	}
	_, rest, ok = bytes.Cut(rest[2:], []byte{0})
	if !ok {
		return nil, false
	}
	_, rest, ok = bytes.Cut(rest, []byte{0})
	return rest, ok
}
