package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// Identity returns the SHA-256 of what makes the picture. For a JPEG that is every segment but APPn (Adobe's and the
// ICC profile's count) and COM, up to the end of the image, and the EXIF orientation where it turns the picture: a
// keyword, a rating or a thumbnail written into the file leaves it the same. Of a camera raw file, its largest preview with
// the file's size. Of other formats, the whole file. data is that of Extents.
func (h Header) Identity(data []byte, orientation int) [sha256.Size]byte {
	return h.codec.identity(data, orientation)
}

func jpegIdentity(data []byte, orientation int) [sha256.Size]byte {
	h := sha256.New()
	jpegParts(data, func(marker byte, payload []byte) {
		if marker >= markerAPP0 && marker <= markerAPP15 || marker == markerCOM {
			icc := marker == markerAPP2 && bytes.HasPrefix(payload, []byte("ICC_PROFILE\x00"))
			adobe := marker == markerAPP14 && bytes.HasPrefix(payload, []byte("Adobe"))
			if !icc && !adobe {
				return
			}
		}
		// Marker and length frame each part, so that no two different sequences of parts hash alike.
		var frame [9]byte
		frame[0] = marker
		binary.BigEndian.PutUint64(frame[1:], uint64(len(payload)))
		h.Write(frame[:])
		h.Write(payload)
	})
	if orientation > 1 {
		h.Write([]byte{byte(orientation)})
	}
	return [sha256.Size]byte(h.Sum(nil))
}
