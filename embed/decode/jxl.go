package decode

import (
	"bytes"
	"errors"
	"io"
)

// jxlSizes holds the number of bits of a size, by its two-bit selector (ISO/IEC 18181-1, SizeHeader).
var jxlSizes = [4]int{9, 13, 18, 30}

// jxlBits reads a codestream's bits, least significant bit first.
type jxlBits struct {
	data []byte
	at   int
}

func (b *jxlBits) read(n int) (v int) {
	for i := range n {
		if b.at/8 < len(b.data) {
			v |= int(b.data[b.at/8]>>(b.at%8)&1) << i
		}
		b.at++
	}
	return v
}

func (b *jxlBits) size(div8 bool) int {
	if div8 {
		return 8 * (1 + b.read(5))
	}
	return 1 + b.read(jxlSizes[b.read(2)])
}

// jxlRatios holds the ratios of width to height, by the three-bit selector, starting at 1.
var jxlRatios = [8][2]int{1: {1, 1}, 2: {12, 10}, 3: {4, 3}, 4: {3, 2}, 5: {16, 9}, 6: {5, 4}, 7: {2, 1}}

// readJXL reads the size of a JPEG XL picture as shown, because the decoder turns it upright.
func readJXL(r io.ReaderAt, size int64) (width, height int, err error) {
	var head [64]byte
	n, _ := r.ReadAt(head[:], 0)
	code := head[:n]
	if !bytes.HasPrefix(code, []byte{0xff, 0x0a}) {
		if code, err = jxlCodestream(r, size); err != nil {
			return 0, 0, err
		}
	}
	if len(code) < 8 || code[0] != 0xff || code[1] != 0x0a {
		return 0, 0, errors.New("no codestream")
	}
	b := &jxlBits{data: code[2:]}
	div8 := b.read(1) == 1
	height = b.size(div8)
	if ratio := b.read(3); ratio == 0 {
		width = b.size(div8)
	} else {
		width = int(int64(height) * int64(jxlRatios[ratio][0]) / int64(jxlRatios[ratio][1]))
	}
	// ImageMetadata: unless all is default, the extra fields begin with the orientation.
	if b.read(1) == 0 && b.read(1) == 1 && b.read(3) >= 4 {
		width, height = height, width
	}
	return width, height, nil
}

// jxlCodestream reads the start of the codestream in a container (ISO/IEC 18181-2), which stores it whole or in numbered parts.
func jxlCodestream(r io.ReaderAt, size int64) (code []byte, err error) {
	const enough = 64
	err = readBoxes(r, 0, size, func(b box) (bool, error) {
		at := b.start
		switch b.kind {
		case "jxlc":
		case "jxlp":
			at += 4
		default:
			return true, nil
		}
		part := make([]byte, max(min(enough, b.end-at), 0))
		if _, err := r.ReadAt(part, at); err != nil {
			return false, eof(err)
		}
		code = append(code, part...)
		return len(code) < enough, nil
	})
	return code, err
}
