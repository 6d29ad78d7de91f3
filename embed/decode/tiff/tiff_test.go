package tiff

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"image/color"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// sketch describes a TIFF to write, and what its pixels are.
type sketch struct {
	w, h, bits, samples, photometric int
	extra                            []int
	subsampling                      []int
	format                           int
	compression, planar, predictor   int
	fillOrder, segW, segH            int
	tiled, big, motorola, noLengths  bool
	// value returns a sample as it is stored.
	value func(x, y, sample int) int
}

// byteOrder is an order in which numbers are read, written and appended.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (s sketch) order() byteOrder {
	if s.motorola {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// bytes writes the file.
func (s sketch) bytes(t *testing.T) []byte {
	t.Helper()
	o := s.order()
	out := []byte("II")
	if s.motorola {
		out = []byte("MM")
	}
	if s.big {
		out = o.AppendUint64(o.AppendUint16(o.AppendUint16(o.AppendUint16(out, 43), 8), 0), 0)
	} else {
		out = o.AppendUint32(o.AppendUint16(out, 42), 0)
	}
	planes, perPixel := 1, s.samples
	if s.planar == 2 {
		planes, perPixel = s.samples, 1
	}
	var offsets, lengths []int
	for plane := range planes {
		for y := 0; y < s.h; y += s.segH {
			for x := 0; x < s.w; x += s.segW {
				data := s.segment(t, x, y, plane, perPixel)
				offsets, lengths = append(offsets, len(out)), append(lengths, len(data))
				out = append(out, data...)
			}
		}
	}
	tags := []struct {
		tag    int
		values []int
	}{
		{tagWidth, []int{s.w}}, {tagHeight, []int{s.h}}, {tagBits, []int{s.bits}}, {tagCompression, []int{s.compression}}, {tagPhotometric, []int{s.photometric}},
		{tagFillOrder, []int{s.fillOrder}}, {tagSamples, []int{s.samples}}, {tagPlanar, []int{s.planar}}, {tagPredictor, []int{s.predictor}},
		{tagStripOffsets, offsets}, {tagRowsPerStrip, []int{s.segH}}, {tagStripBytes, lengths}, {tagExtraSamples, s.extra},
		{tagSubsampling, s.subsampling},
	}
	if s.format != 0 {
		tags = append(tags, struct {
			tag    int
			values []int
		}{tagSampleFormat, []int{s.format}})
	}
	if s.tiled {
		for i := range tags {
			switch tags[i].tag {
			case tagStripOffsets:
				tags[i].tag = tagTileOffsets
			case tagStripBytes:
				tags[i].tag = tagTileBytes
			case tagRowsPerStrip:
				tags[i].tag = tagTileHeight
			}
		}
		tags = append(tags, struct {
			tag    int
			values []int
		}{tagTileWidth, []int{s.segW}})
	}
	if s.photometric == palette {
		tags = append(tags, struct {
			tag    int
			values []int
		}{tagColorMap, paletteOf(s.bits)})
	}
	var directory []byte
	n := 0
	for _, tag := range tags {
		if len(tag.values) == 0 || s.noLengths && (tag.tag == tagStripBytes || tag.tag == tagTileBytes) {
			continue
		}
		n++
		var values []byte
		for _, v := range tag.values {
			values = o.AppendUint32(values, uint32(v))
		}
		inline := 4
		directory = o.AppendUint16(o.AppendUint16(directory, uint16(tag.tag)), 4)
		if s.big {
			inline = 8
			directory = o.AppendUint64(directory, uint64(len(tag.values)))
		} else {
			directory = o.AppendUint32(directory, uint32(len(tag.values)))
		}
		if len(values) > inline {
			at := len(out)
			out = append(out, values...)
			if values = o.AppendUint32(nil, uint32(at)); s.big {
				values = o.AppendUint64(nil, uint64(at))
			}
		}
		directory = append(append(directory, values...), make([]byte, inline-len(values))...)
	}
	first := len(out)
	if s.big {
		o.PutUint64(out[8:], uint64(first))
		return append(append(o.AppendUint64(out, uint64(n)), directory...), make([]byte, 8)...)
	}
	o.PutUint32(out[4:], uint32(first))
	return append(append(o.AppendUint16(out, uint16(n)), directory...), make([]byte, 4)...)
}

func (s sketch) segment(t *testing.T, x0, y0, plane, perPixel int) []byte {
	t.Helper()
	rows := s.segH
	if !s.tiled {
		rows = min(rows, s.h-y0)
	}
	var raw []byte
	for y := y0; y < y0+rows; y++ {
		row := make([]byte, (s.segW*perPixel*s.bits+7)/8)
		before := make([]int, perPixel)
		for x := x0; x < x0+s.segW; x++ {
			for c := range perPixel {
				v := 0
				if x < s.w && y < s.h {
					v = s.value(x, y, max(c, plane))
				}
				stored := v
				if s.predictor == 2 {
					stored = (v - before[c]) & (1<<s.bits - 1)
					before[c] = v
				}
				s.put(row, (x-x0)*perPixel+c, stored)
			}
		}
		raw = append(raw, row...)
	}
	data := s.compress(t, raw)
	if s.fillOrder == 2 {
		for i := range data {
			data[i] = bits.Reverse8(data[i])
		}
	}
	return data
}

// put writes the i-th sample of a row.
func (s sketch) put(row []byte, i, v int) {
	if s.bits == 16 {
		s.order().PutUint16(row[2*i:], uint16(v))
		return
	}
	if s.bits == 32 {
		s.order().PutUint32(row[4*i:], uint32(v))
		return
	}
	for b := range s.bits {
		if v>>(s.bits-1-b)&1 == 1 {
			at := i*s.bits + b
			row[at/8] |= 0x80 >> (at % 8)
		}
	}
}

func (s sketch) compress(t *testing.T, raw []byte) []byte {
	t.Helper()
	switch s.compression {
	case deflate, oldDeflate:
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		_, _ = z.Write(raw)
		_ = z.Close()
		return b.Bytes()
	case zstandard:
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return z.EncodeAll(raw, nil)
	case packBits:
		var out []byte
		for len(raw) > 0 { // runs of equal bytes, single bytes, and a no-operation before each
			n := 1
			for n < 128 && n < len(raw) && raw[n] == raw[0] {
				n++
			}
			out = append(out, 0x80)
			if n > 1 {
				out = append(out, byte(1-n), raw[0])
			} else {
				out = append(out, 0, raw[0])
			}
			raw = raw[n:]
		}
		return out
	}
	return raw
}

// paletteOf returns a colour map of 16 bits.
func paletteOf(bits int) []int {
	var table []int
	for c := range 3 {
		for i := range 1 << bits {
			table = append(table, (i*(c+3)*257)%65536)
		}
	}
	return table
}

// want returns the colour of a pixel, by definition.
func (s sketch) want(x, y int) (r, g, b byte) {
	sample := func(i int) byte {
		v := s.value(x, y, i)
		top := 1<<s.bits - 1
		return byte((v*255 + top/2) / top)
	}
	need := colorSamples[s.photometric]
	switch s.photometric {
	case whiteIsZero:
		r = 255 - sample(0)
		g, b = r, r
	case blackIsZero:
		r = sample(0)
		g, b = r, r
	case rgb:
		r, g, b = sample(0), sample(1), sample(2)
	case cmyk:
		r, g, b = color.CMYKToRGB(sample(0), sample(1), sample(2), sample(3))
	case yCbCr:
		r, g, b = color.YCbCrToRGB(sample(0), sample(1), sample(2))
	case palette:
		table, i, n := paletteOf(s.bits), s.value(x, y, 0), 1<<s.bits
		r, g, b = pixel.To8(uint32(table[i])), pixel.To8(uint32(table[n+i])), pixel.To8(uint32(table[2*n+i]))
	}
	for i, kind := range s.extra {
		if kind == 0 {
			continue
		}
		a := int(sample(need + i))
		blend := func(v byte) byte {
			if kind == associated {
				return byte(min(int(v)+255-a, 255))
			}
			return byte((int(v)*a + 255*(255-a) + 127) / 255)
		}
		r, g, b = blend(r), blend(g), blend(b)
		break
	}
	return r, g, b
}

// TestKinds decodes files of all combinations, in random order, and compares each pixel with its definition.
func TestKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	seen := make(map[string]bool)
	for round := range 3000 {
		s := sketch{
			w: 1 + r.IntN(40), h: 1 + r.IntN(30), bits: pick(1, 2, 4, 8, 8, 12, 16, 32), photometric: pick(whiteIsZero, blackIsZero, rgb, palette, cmyk, yCbCr),
			compression: pick(none, packBits, deflate, oldDeflate, zstandard), planar: pick(1, 2), fillOrder: pick(1, 1, 2), predictor: 1,
			tiled: r.IntN(3) == 0, big: r.IntN(3) == 0, motorola: r.IntN(2) == 0, noLengths: r.IntN(5) == 0,
		}
		s.samples = colorSamples[s.photometric]
		switch s.photometric {
		case palette:
			s.bits = pick(1, 2, 4, 8)
		case yCbCr:
			s.bits, s.subsampling = 8, []int{1, 1}
		default:
			for range r.IntN(3) {
				s.extra = append(s.extra, pick(0, associated, unassociated))
			}
		}
		s.samples += len(s.extra)
		s.segW, s.segH = s.w, 1+r.IntN(s.h)
		if s.tiled {
			s.segW, s.segH = 16*(1+r.IntN(3)), 16
		}
		if (s.compression == deflate || s.compression == oldDeflate || s.compression == zstandard) && s.bits >= 8 && s.bits != 12 {
			s.predictor = pick(1, 2)
		}
		seed := r.Uint64()
		s.value = func(x, y, sample int) int {
			h := seed ^ uint64(x/3)<<40 ^ uint64(y)<<20 ^ uint64(sample)
			h *= 0x9e3779b97f4a7c15
			return int(h >> 31 & (1<<s.bits - 1))
		}
		seen[fmt.Sprint(s.photometric, s.bits, s.planar)] = true
		data := s.bytes(t)
		l, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("round %d, %+v: %v", round, s, err)
		}
		p, err := l.Decode(data)
		if err != nil || p.Width != s.w || p.Height != s.h {
			t.Fatalf("round %d, %+v: %v", round, s, err)
		}
		perPixel := 3
		if p.Gray {
			perPixel = 1
		}
		if len(p.Pix) != s.w*s.h*perPixel {
			t.Fatalf("round %d, %+v: %d bytes", round, s, len(p.Pix))
		}
		for y := range s.h {
			for x := range s.w {
				wantR, wantG, wantB := s.want(x, y)
				got := [3]byte{p.Pix[y*s.w+x], p.Pix[y*s.w+x], p.Pix[y*s.w+x]}
				if !p.Gray {
					got = [3]byte(p.Pix[3*(y*s.w+x):])
				}
				if got != [3]byte{wantR, wantG, wantB} {
					t.Fatalf("round %d, %+v: pixel %d, %d is %v, want %v", round, s, x, y, got, [3]byte{wantR, wantG, wantB})
				}
			}
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d combinations", len(seen))
	}
}

// TestBombs checks that what a strip expands to does not count: the memory is that of the picture and one row.
func TestBombs(t *testing.T) {
	s := sketch{w: 1000, h: 1000, bits: 8, samples: 1, photometric: blackIsZero, compression: deflate, planar: 1, fillOrder: 1, predictor: 1, segW: 1000, segH: 1000}
	s.value = func(int, int, int) int { return 0 }
	data := s.bytes(t)
	l, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if l.Memory() > 4<<20 {
		t.Errorf("%d bytes are reserved", l.Memory())
	}
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > l.Memory() {
		t.Errorf("%d bytes were allocated, %d reserved", allocated, l.Memory())
	}
}

// TestDamaged checks the errors of truncated and impossible files.
func TestDamaged(t *testing.T) {
	s := sketch{w: 20, h: 20, bits: 8, samples: 3, photometric: rgb, compression: none, planar: 1, fillOrder: 1, predictor: 1, segW: 20, segH: 7}
	s.value = func(x, y, c int) int { return x * y * c & 255 }
	whole := s.bytes(t)
	for n := range whole {
		l, err := Read(bytes.NewReader(whole[:n]), int64(n))
		if err == nil {
			_, err = l.Decode(whole[:n])
		}
		if err == nil && n < len(whole)-4 { // the offset of the next directory is not needed
			t.Errorf("the first %d of %d bytes are a whole file", n, len(whole))
		}
	}
	for name, change := range map[string]func(*sketch){
		"64 bits":       func(s *sketch) { s.bits, s.value = 64, func(int, int, int) int { return 0 } },
		"compression":   func(s *sketch) { s.compression = 34925 },
		"photometric":   func(s *sketch) { s.photometric = 10 },
		"signed":        func(s *sketch) { s.format = 2 },
		"float of 24":   func(s *sketch) { s.format, s.bits = float, 24 },
		"wide palettes": func(s *sketch) { s.photometric, s.bits = palette, 16 },
	} {
		c := s
		change(&c)
		data := c.bytes(t)
		_, err := Read(bytes.NewReader(data), int64(len(data)))
		if _, ok := errors.AsType[*UnsupportedError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.samples, s.planar = 0, 2
	data := s.bytes(t)
	l, err := Read(bytes.NewReader(data), int64(len(data)))
	if !errors.Is(err, errDamaged) || l.Memory() < 0 { // callers ask for the memory before they look at the error
		t.Errorf("no samples: %v, %d bytes", err, l.Memory())
	}
}

func FuzzDecode(f *testing.F) {
	s := sketch{w: 9, h: 5, bits: 8, samples: 3, photometric: rgb, planar: 1, fillOrder: 1, predictor: 1, segW: 9, segH: 2}
	s.value = func(x, y, c int) int { return x * y * c & 255 }
	for _, compression := range []int{none, packBits, deflate} {
		s.compression = compression
		f.Add(s.bytes(&testing.T{}))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Read(bytes.NewReader(data), int64(len(data)))
		if err != nil || int64(l.Width)*int64(l.Height) > 1<<20 {
			return
		}
		p, err := l.Decode(data)
		if err == nil && (p.Width != l.Width || p.Height != l.Height) {
			t.Errorf("%d x %d, want %d x %d", p.Width, p.Height, l.Width, l.Height)
		}
	})
}
