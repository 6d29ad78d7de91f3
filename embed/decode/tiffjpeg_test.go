package decode

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// testTIFF builds a little-endian TIFF: values of tags, and blocks of data whose offsets tags have.
type testTIFF struct {
	tags   map[uint16][]int
	blocks []byte
}

// put adds data and returns its offset in the file.
func (f *testTIFF) put(data []byte) int {
	at := 8 + len(f.blocks)
	f.blocks = append(f.blocks, data...)
	if len(data)%2 == 1 {
		f.blocks = append(f.blocks, 0)
	}
	return at
}

func (f *testTIFF) bytes() []byte {
	le := binary.LittleEndian
	var entries []byte
	tags := make([]uint16, 0, len(f.tags))
	for tag := range f.tags {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	for _, tag := range tags {
		values := f.tags[tag]
		var data []byte
		for _, v := range values {
			data = le.AppendUint32(data, uint32(v))
		}
		if len(values) > 1 {
			data = le.AppendUint32(nil, uint32(f.put(data)))
		}
		entries = append(le.AppendUint32(le.AppendUint16(le.AppendUint16(entries, tag), 4), uint32(len(values))), data...)
	}
	head := le.AppendUint32([]byte("II*\x00"), uint32(8+len(f.blocks)))
	return bytes.Join([][]byte{head, f.blocks, le.AppendUint16(nil, uint16(len(f.tags))), entries, {0, 0, 0, 0}}, nil)
}

func encodeJPEG(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, img, &stdjpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tiffPixels(t *testing.T, data []byte) (*Image, []byte) {
	t.Helper()
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Decode(data, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	pix, w, h2 := upright(m)
	if w != h.Width || h2 > h.Height {
		t.Fatalf("%d x %d of %d x %d", w, h2, h.Width, h.Height)
	}
	return m, pix
}

func crop(img image.Image, r image.Rectangle) image.Image {
	out := image.NewRGBA(image.Rect(0, 0, r.Dx(), r.Dy()))
	for y := range r.Dy() {
		for x := range r.Dx() {
			out.Set(x, y, img.At(r.Min.X+x, r.Min.Y+y))
		}
	}
	return out
}

// TestOldJPEGInTIFF reads the ways in which programs stored JPEG before Technical Note 2: 3 strips of a picture of 64 x 88.
func TestOldJPEGInTIFF(t *testing.T) {
	const width, height, rows = 64, 88, 32
	img := testkit.Picture(4, width, height)
	whole := encodeJPEG(t, img)
	var strips, scans [][]byte
	for y := 0; y < height; y += rows {
		s := encodeJPEG(t, crop(img, image.Rect(0, y, width, min(y+rows, height))))
		strips = append(strips, s)
		scans = append(scans, bytes.TrimSuffix(afterScanHeader(s), []byte{0xff, markerEOI}))
	}
	header := strips[0][:bytes.Index(strips[0], scans[0])]
	base := func() *testTIFF {
		return &testTIFF{tags: map[uint16][]int{
			tagWidth: {width}, tagHeight: {height}, tagCompression: {6}, tagPhotometric: {tiffYCbCr}, tagSamples: {3}, tagRowsPerStrip: {rows}, tagSubsampling: {2, 2},
		}}
	}
	addStrips := func(f *testTIFF, list [][]byte) {
		for _, s := range list {
			f.tags[tagStripOffsets] = append(f.tags[tagStripOffsets], f.put(s))
			f.tags[tagStripBytes] = append(f.tags[tagStripBytes], len(s))
		}
	}
	files := map[string]func() *testTIFF{
		"one stream": func() *testTIFF {
			f := base()
			f.tags[tagJPEGOffset], f.tags[tagJPEGBytes] = []int{f.put(whole)}, []int{len(whole)}
			return f
		},
		"one strip": func() *testTIFF {
			f := base()
			f.tags[tagRowsPerStrip] = []int{height}
			addStrips(f, [][]byte{whole})
			return f
		},
		"a stream in each strip": func() *testTIFF {
			f := base()
			addStrips(f, strips)
			return f
		},
		"a stream in each strip, the first named": func() *testTIFF {
			f := base()
			addStrips(f, strips)
			f.tags[tagJPEGOffset], f.tags[tagJPEGBytes] = f.tags[tagStripOffsets][:1], []int{len(strips[0])}
			return f
		},
		"a header, data in strips": func() *testTIFF {
			f := base()
			f.tags[tagJPEGOffset], f.tags[tagJPEGBytes] = []int{f.put(header)}, []int{len(header)}
			addStrips(f, scans)
			return f
		},
		"a header in front of the first strip": func() *testTIFF {
			f := base()
			addStrips(f, [][]byte{strips[0], scans[1], scans[2]})
			f.tags[tagJPEGOffset] = f.tags[tagStripOffsets][:1]
			return f
		},
		"tables in tags": func() *testTIFF {
			f := base()
			jpegParts(whole, func(marker byte, s []byte) {
				for marker == markerDQT && len(s) >= 65 {
					f.tags[tagQTables] = append(f.tags[tagQTables], f.put(s[1:65]))
					s = s[65:]
				}
				for marker == markerDHT && len(s) >= 17 {
					n := 17
					for _, c := range s[1:17] {
						n += int(c)
					}
					tag := uint16(tagDCTables)
					if s[0]>>4 == 1 {
						tag = tagACTables
					}
					f.tags[tag] = append(f.tags[tag], f.put(s[1:n]))
					s = s[n:]
				}
			})
			for _, tag := range []uint16{tagQTables, tagDCTables, tagACTables} { // the same for Cb and Cr
				f.tags[tag] = append(f.tags[tag], f.tags[tag][1])
			}
			addStrips(f, scans)
			return f
		},
	}
	plain, err := ReadHeader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	m, err := plain.Decode(whole, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := upright(m)
	for name, build := range files {
		data := build().bytes()
		got, pix := tiffPixels(t, data)
		// Strips of their own are upsampled at their edges by themselves.
		if db := psnr(pix, want); got.Damaged || db < 38 {
			t.Errorf("%s: damaged %v, %.1f dB", name, got.Damaged, db)
		}
	}

	// Of a file without its last strip, what is there counts. A file with less than half is damaged.
	f := base()
	addStrips(f, strips)
	f.tags[tagStripBytes][2] = 700
	if got, pix := tiffPixels(t, f.bytes()); !got.Damaged || psnr(pix[:3*width*64], want[:3*width*64]) < 38 {
		t.Errorf("truncated: damaged %v, %.1f dB", got.Damaged, psnr(pix[:3*width*64], want[:3*width*64]))
	}
	f = base()
	f.tags[tagJPEGOffset] = []int{f.put(strips[0])}
	data := f.bytes()
	h, err := ReadHeader(bytes.NewReader(data))
	if err == nil {
		_, err = h.Decode(data, 1, 0)
	}
	if err == nil {
		t.Error("a stream of a third of the picture: no error")
	}
}

// TestJPEGPlanesInTIFF reads pictures whose components are in separate JPEG streams, in tiles.
func TestJPEGPlanesInTIFF(t *testing.T) {
	const width, height, side = 60, 40, 32
	img := testkit.Picture(7, width, height)
	for photometric, components := range map[int]func(c color.Color) []byte{
		tiffRGB: func(c color.Color) []byte {
			r, g, b, _ := c.RGBA()
			return []byte{byte(r >> 8), byte(g >> 8), byte(b >> 8)}
		},
		tiffYCbCr: func(c color.Color) []byte {
			r, g, b, _ := c.RGBA()
			y, cb, cr := color.RGBToYCbCr(byte(r>>8), byte(g>>8), byte(b>>8))
			return []byte{y, cb, cr}
		},
		tiffCMYK: func(c color.Color) []byte {
			r, g, b, _ := c.RGBA()
			return []byte{255 - byte(r>>8), 255 - byte(g>>8), 255 - byte(b>>8), 0}
		},
	} {
		n := len(components(color.Black))
		f := &testTIFF{tags: map[uint16][]int{
			tagWidth: {width}, tagHeight: {height}, tagCompression: {7}, tagPhotometric: {photometric}, tagSamples: {n}, tagPlanar: {2}, tagTileWidth: {side}, tagTileHeight: {side},
		}}
		for plane := range n {
			for y := 0; y < height; y += side {
				for x := 0; x < width; x += side {
					tile := image.NewGray(image.Rect(0, 0, side, side))
					for i := range tile.Pix {
						if at := image.Pt(x+i%side, y+i/side); at.In(img.Bounds()) {
							tile.Pix[i] = components(img.At(at.X, at.Y))[plane]
						}
					}
					data := encodeJPEG(t, tile)
					f.tags[tagTileOffsets] = append(f.tags[tagTileOffsets], f.put(data))
					f.tags[tagTileBytes] = append(f.tags[tagTileBytes], len(data))
				}
			}
		}
		_, pix := tiffPixels(t, f.bytes())
		var want []byte
		for y := range height {
			for x := range width {
				r, g, b, _ := img.At(x, y).RGBA()
				want = append(want, byte(r>>8), byte(g>>8), byte(b>>8))
			}
		}
		if db := psnr(pix, want); db < 33 {
			t.Errorf("photometric interpretation %d: %.1f dB", photometric, db)
		}
	}
}
