package decode

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// Identity returns the SHA-256 of the data that defines the picture. For a JPEG, that is every segment except COM and APPn
// (but including Adobe's and the ICC profile's), up to the end of the image, and the EXIF orientation if it turns the picture:
// writing a keyword, rating or thumbnail into the file does not change it. For a camera raw file, it is the largest preview and
// the file's size; for other formats, the whole file. data is the data of Extents.
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
