package testkit

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// Picture returns a picture that depends only on its seed: soft blobs of colour, clearly different for each seed.
func Picture(seed, w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	s := float64(seed)
	for y := range h {
		for x := range w {
			fx, fy := float64(x)/float64(w), float64(y)/float64(h)
			wave := func(a, b, c float64) uint8 {
				return uint8(127 + 127*math.Sin(a*fx*6+b*fy*5+c))
			}
			img.SetRGBA(x, y, color.RGBA{wave(1+math.Mod(s*0.7, 3), 1, s), wave(1, 1+math.Mod(s*0.3, 4), 2*s), wave(math.Mod(s, 2), 1, 3*s), 255})
		}
	}
	return img
}

// webpPixel is one red pixel in WebP, which none of our libraries encodes.
const webpPixel = "UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQ/Y/+ByKi/wEA"

// Noise returns a picture of random pixels, which compresses worse than any photo.
func Noise(seed, w, h int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // reproducible on purpose
	for i := range img.Pix {
		img.Pix[i] = byte(r.Uint32())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// Encode returns a picture in the format of a file name's extension. For WebP, it always returns one red pixel.
func Encode(name string, img image.Image) ([]byte, error) {
	var b bytes.Buffer
	var err error
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".jpg", ".jpeg":
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: 90})
	case ".png":
		err = png.Encode(&b, img)
	case ".gif":
		err = gif.Encode(&b, img, nil)
	case ".bmp":
		err = bmp.Encode(&b, img)
	case ".tif", ".tiff":
		err = tiff.Encode(&b, img, nil)
	case ".webp":
		return base64.StdEncoding.DecodeString(webpPixel)
	default:
		err = fmt.Errorf("no encoder for %q", ext)
	}
	return b.Bytes(), err
}

// PNGHeader returns a PNG file that claims a size but has no pixels, like the first bytes of a decompression bomb.
func PNGHeader(w, h uint32) []byte {
	var b bytes.Buffer
	b.WriteString("\x89PNG\r\n\x1a\n")
	chunk := func(kind string, data []byte) {
		_ = binary.Write(&b, binary.BigEndian, uint32(len(data)))
		body := append([]byte(kind), data...)
		b.Write(body)
		_ = binary.Write(&b, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	head := make([]byte, 13)
	binary.BigEndian.PutUint32(head, w)
	binary.BigEndian.PutUint32(head[4:], h)
	head[8], head[9] = 8, 2 // 8 bits, RGB
	chunk("IHDR", head)
	chunk("IDAT", []byte{0x78, 0x9c, 0x63, 0x00, 0x00})
	chunk("IEND", nil)
	return b.Bytes()
}

// InsertSegment inserts a segment after a JPEG's first two bytes, like programs that write keywords or EXIF.
func InsertSegment(jpg []byte, marker byte, payload []byte) []byte {
	seg := []byte{0xff, marker, byte((len(payload) + 2) >> 8), byte(len(payload) + 2)}
	out := append([]byte{}, jpg[:2]...)
	out = append(append(out, seg...), payload...)
	return append(out, jpg[2:]...)
}

// Raw returns a camera raw file with a JPEG preview, in the layout of TIFF with the preview in the first directory.
func Raw(jpg []byte, orientation uint32) []byte {
	le := binary.LittleEndian
	const entries, makerAt = 5, 8 + 2 + 5*12 + 4
	maker := "SONY\x00\x00"
	t := append([]byte("II*\x00\x08\x00\x00\x00"), entries, 0)
	for _, e := range [entries][4]uint32{
		{0x0106, 3, 1, 32803}, // colour filter array
		{0x010f, 2, uint32(len(maker)), makerAt},
		{0x0112, 3, 1, orientation},
		{0x0201, 4, 1, uint32(makerAt + len(maker))},
		{0x0202, 4, 1, uint32(len(jpg))},
	} {
		t = le.AppendUint16(le.AppendUint16(t, uint16(e[0])), uint16(e[1]))
		t = le.AppendUint32(le.AppendUint32(t, e[2]), e[3])
	}
	return append(append(append(t, 0, 0, 0, 0), maker...), jpg...)
}

// XMP returns a packet with a rating, as text, and keywords. An empty rating and an empty list are omitted.
func XMP(rating string, keywords ...string) string {
	packet := `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:other="http://example.com/" other:Rating="99"`
	if rating != "" {
		packet += ` xmp:Rating="` + rating + `"`
	}
	packet += ">"
	if len(keywords) > 0 {
		packet += "<dc:subject><rdf:Bag><rdf:li>" + strings.Join(keywords, "</rdf:li><rdf:li>") + "</rdf:li></rdf:Bag></dc:subject>"
	}
	return packet + `</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`
}

// EXIF returns an APP1 payload with an orientation and a time taken ("2023:07:01 12:00:00"; "" for none).
func EXIF(orientation uint16, taken string) []byte {
	le := binary.LittleEndian
	var t []byte // the TIFF structure
	t = append(t, "II*\x00\x08\x00\x00\x00"...)
	entry := func(tag, kind uint16, n, value uint32) {
		t = le.AppendUint16(t, tag)
		t = le.AppendUint16(t, kind)
		t = le.AppendUint32(t, n)
		t = le.AppendUint32(t, value)
	}
	if taken == "" {
		t = le.AppendUint16(t, 1)
		entry(0x0112, 3, 1, uint32(orientation))
		t = le.AppendUint32(t, 0)
	} else {
		const exifIFD, text = 8 + 2 + 2*12 + 4, 8 + 2 + 2*12 + 4 + 2 + 12 + 4
		t = le.AppendUint16(t, 2)
		entry(0x0112, 3, 1, uint32(orientation))
		entry(0x8769, 4, 1, exifIFD)
		t = le.AppendUint32(t, 0)
		t = le.AppendUint16(t, 1)
		entry(0x9003, 2, uint32(len(taken)+1), text)
		t = le.AppendUint32(t, 0)
		t = append(t, taken+"\x00"...)
	}
	return append([]byte("Exif\x00\x00"), t...)
}

// Size returns the width and height of an encoded picture.
func Size(data []byte) (w, h int, err error) {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	return c.Width, c.Height, err
}
