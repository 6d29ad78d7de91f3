package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"

	"golang.org/x/image/webp"
)

// isAnimatedWebP reports whether data is in the extended format with the animation flag (WebP Container Specification,
// "Extended File Format"), which golang.org/x/image/webp refuses.
func isAnimatedWebP(data []byte) bool {
	return len(data) >= 30 && string(data[12:16]) == "VP8X" && data[20]&0x02 != 0
}

// withoutFalseAlpha returns a file in the extended format whose flag for an alpha is clear if it has no ALPH chunk, as the library demands.
func withoutFalseAlpha(data []byte) []byte {
	const flags, alpha = 20, 0x10
	if len(data) < 30 || string(data[12:16]) != "VP8X" || data[flags]&alpha == 0 {
		return data
	}
	for rest := data[12:]; len(rest) >= 8; {
		if kind := string(rest[:4]); kind == "ALPH" || kind == "VP8L" {
			return data
		}
		size := int(binary.LittleEndian.Uint32(rest[4:]))
		rest = rest[min(8+size+size&1, len(rest)):]
	}
	data = bytes.Clone(data)
	data[flags] &^= alpha
	return data
}

// canvasSize reads the size of the canvas from a VP8X header.
func canvasSize(data []byte) (w, h int) { return uint24(data[24:]) + 1, uint24(data[27:]) + 1 }

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// decodeFirstWebPFrame wraps the first ANMF chunk's picture as a still file and places it on the canvas.
func decodeFirstWebPFrame(data []byte) (image.Image, error) {
	w, h := canvasSize(data)
	for rest := data[12:]; len(rest) >= 8; {
		size := int(binary.LittleEndian.Uint32(rest[4:]))
		padded := size + size&1
		if size < 0 || 8+size > len(rest) {
			return nil, errors.New("truncated")
		}
		if string(rest[:4]) == "ANMF" {
			return decodeANMF(rest[8:8+size], image.Rect(0, 0, w, h))
		}
		rest = rest[min(8+padded, len(rest)):]
	}
	return nil, errors.New("animation without a frame")
}

func decodeANMF(chunk []byte, bounds image.Rectangle) (image.Image, error) {
	if len(chunk) < 16 {
		return nil, errors.New("truncated")
	}
	x, y := 2*uint24(chunk), 2*uint24(chunk[3:])
	w, h := uint24(chunk[6:])+1, uint24(chunk[9:])+1
	if !image.Rect(x, y, x+w, y+h).In(bounds) {
		return nil, errors.New("frame outside the canvas")
	}
	var still bytes.Buffer
	body := chunk[16:]
	vp8x := make([]byte, 18)
	copy(vp8x, "VP8X\x0a\x00\x00\x00")
	if bytes.HasPrefix(body, []byte("ALPH")) {
		vp8x[8] = 0x10
	}
	putUint24(vp8x[12:], w-1)
	putUint24(vp8x[15:], h-1)
	still.WriteString("RIFF")
	_ = binary.Write(&still, binary.LittleEndian, uint32(4+len(vp8x)+len(body)))
	still.WriteString("WEBP")
	still.Write(vp8x)
	still.Write(body)
	img, err := webp.Decode(&still)
	if err != nil {
		return nil, err
	}
	if size := img.Bounds().Size(); size.X != w || size.Y != h {
		return nil, errors.New("the size of the frame differs from its header")
	}
	return canvas{img, image.Pt(x, y), bounds}, nil
}

func putUint24(b []byte, v int) { b[0], b[1], b[2] = byte(v), byte(v>>8), byte(v>>16) }
