package bmp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// sketch describes a bitmap to write.
type sketch struct {
	w, h, bits  int
	header      int // its size
	compression uint32
	masks       []uint32
	topDown     bool
	gap         int // bytes between the colours and the pixels
	reserved    uint32
	value       func(x, y int) uint32 // as stored
}

var le = binary.LittleEndian

// color returns the i-th colour of the palette.
func color(i uint32) [3]byte { return [3]byte{byte(i * 37), byte(i*91 + 5), byte(255 - i)} }

func (s sketch) bytes() []byte {
	out := append([]byte("BM"), bytes.Repeat([]byte{0}, fileHeader-2)...)
	le.PutUint32(out[6:], s.reserved)
	info := make([]byte, s.header)
	le.PutUint32(info, uint32(s.header))
	height := s.h
	if s.topDown {
		height = -height
	}
	if s.header == coreHeader {
		le.PutUint16(info[4:], uint16(s.w))
		le.PutUint16(info[6:], uint16(s.h))
		le.PutUint16(info[8:], 1)
		le.PutUint16(info[10:], uint16(s.bits))
	} else {
		le.PutUint32(info[4:], uint32(s.w))
		le.PutUint32(info[8:], uint32(int32(height)))
		le.PutUint16(info[12:], 1)
		le.PutUint16(info[14:], uint16(s.bits))
		le.PutUint32(info[16:], s.compression)
	}
	for i, m := range s.masks {
		if at := infoHeader + 4*i; at < s.header {
			le.PutUint32(info[at:], m)
		}
	}
	out = append(out, info...)
	if s.header == infoHeader {
		for _, m := range s.masks {
			out = le.AppendUint32(out, m)
		}
	}
	if s.bits <= 8 {
		for i := range 1 << s.bits {
			c := color(uint32(i))
			out = append(out, c[2], c[1], c[0])
			if s.header != coreHeader {
				out = append(out, 0)
			}
		}
	}
	out = append(out, make([]byte, s.gap)...)
	le.PutUint32(out[10:], uint32(len(out)))
	size := (s.w*s.bits + 31) / 32 * 4
	for i := range s.h {
		y := s.h - 1 - i
		if s.topDown {
			y = i
		}
		row := make([]byte, size)
		for x := range s.w {
			v := s.value(x, y)
			switch s.bits {
			case 16:
				le.PutUint16(row[2*x:], uint16(v))
			case 24:
				row[3*x], row[3*x+1], row[3*x+2] = byte(v), byte(v>>8), byte(v>>16)
			case 32:
				le.PutUint32(row[4*x:], v)
			default:
				bit := x * s.bits
				row[bit/8] |= byte(v) << (8 - s.bits - bit%8)
			}
		}
		out = append(out, row...)
	}
	return out
}

// want returns the colour of a pixel, by definition.
func (s sketch) want(x, y int) [3]byte {
	v := s.value(x, y)
	if s.bits <= 8 {
		return color(v)
	}
	masks := s.masks
	switch {
	case masks == nil && s.bits == 16:
		masks = []uint32{0x1f << 10, 0x1f << 5, 0x1f}
	case masks == nil:
		masks = []uint32{0xff << 16, 0xff << 8, 0xff}
	}
	var out [3]byte
	for c := range out {
		shift := bits.TrailingZeros32(masks[c])
		top := masks[c] >> shift
		out[c] = byte((uint64(v&masks[c]>>shift)*255 + uint64(top)/2) / uint64(top))
	}
	if len(masks) == 4 {
		a := int(v & masks[3] >> bits.TrailingZeros32(masks[3]) * 255 / (masks[3] >> bits.TrailingZeros32(masks[3])))
		for c := range out {
			out[c] = byte((int(out[c])*a + 255*(255-a) + 127) / 255)
		}
	}
	return out
}

// TestKinds decodes bitmaps of all kinds, in random order, and compares each pixel with its definition.
func TestKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 1500 {
		s := sketch{w: 1 + r.IntN(40), h: 1 + r.IntN(20), bits: []int{1, 2, 4, 8, 16, 24, 32}[r.IntN(7)], header: []int{coreHeader, infoHeader, fullHeader, 56, 64, 108, 124}[r.IntN(7)]}
		if s.header != coreHeader {
			s.topDown = r.IntN(3) == 0
		}
		s.gap, s.reserved = 4*r.IntN(3), uint32(r.IntN(2))*0x12345678
		if s.header == infoHeader || s.header == fullHeader || s.header == 108 || s.header == 124 {
			switch {
			case s.bits == 16 && r.IntN(2) == 0:
				s.compression, s.masks = bitFields, []uint32{0xf800, 0x7e0, 0x1f}
			case s.bits == 32 && (s.header >= 108 || r.IntN(2) == 0):
				s.compression, s.masks = bitFields, []uint32{0xff, 0xff00, 0xff0000}
				if s.header >= 108 {
					s.masks = append(s.masks, 0xff000000)
				}
			}
		}
		seed := r.Uint64()
		s.value = func(x, y int) uint32 {
			v := uint32((seed ^ uint64(x/2)<<40 ^ uint64(y)<<20) * 0x9e3779b97f4a7c15 >> 32)
			if s.bits < 32 {
				v &= 1<<s.bits - 1
			}
			return v
		}
		if s.bits == 32 && s.masks == nil && s.header > fullHeader { // the later headers have an alpha
			s.masks = []uint32{0xff << 16, 0xff << 8, 0xff, 0xff << 24}
			s.compression = bitFields
		}
		p, err := Decode(s.bytes())
		if err != nil || p.Width != s.w || p.Height != s.h || p.Damaged {
			t.Fatalf("round %d, %+v: %v", round, s, err)
		}
		for i := range s.w * s.h {
			if got, want := [3]byte(p.Pix[3*i:]), s.want(i%s.w, i/s.w); got != want {
				t.Fatalf("round %d, %+v: pixel %d is %v, want %v", round, s, i, got, want)
			}
		}
	}
}

// file returns a bitmap of 8 x 3 pixels with given data.
func file(bits int, compression uint32, data ...byte) []byte {
	s := sketch{w: 8, h: 3, bits: bits, header: infoHeader, compression: compression, value: func(int, int) uint32 { return 0 }}
	all := s.bytes()
	return append(all[:le.Uint32(all[10:])], data...)
}

// TestRuns expands run-length encoding: runs, indexes, steps and ends.
func TestRuns(t *testing.T) {
	for name, c := range map[string]struct {
		file    []byte
		want    string // the indexes, from the top
		damaged bool
	}{
		"runs":            {file(8, rle8, 8, 1, 0, 0, 3, 2, 5, 3, 0, 0, 8, 4, 0, 1), "44444444 22233333 11111111", false},
		"indexes":         {file(8, rle8, 0, 5, 1, 2, 3, 4, 5, 0, 3, 6, 0, 0, 0, 1), "00000000 00000000 12345666", false},
		"a step":          {file(8, rle8, 1, 9, 0, 2, 2, 1, 2, 7, 0, 1), "00000000 00077000 90000000", false},
		"beyond the row":  {file(8, rle8, 200, 1, 0, 0, 8, 2, 0, 1), "00000000 22222222 11111111", false},
		"4 bits":          {file(4, rle4, 5, 0x12, 0, 0, 0, 6, 0x12, 0x34, 0x56, 0, 0, 1), "00000000 12345600 12121000", false},
		"the end missing": {file(8, rle8, 8, 1, 0, 0, 8, 2, 0, 0), "00000000 22222222 11111111", false},
		"cut in a row":    {file(8, rle8, 8, 1, 0, 0, 8, 2, 0, 0, 3, 3), "33300000 22222222 11111111", false},
	} {
		p, err := Decode(c.file)
		if err != nil || p.Damaged != c.damaged {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		i := 0
		for _, digit := range c.want {
			if digit == ' ' {
				continue
			}
			if got, want := [3]byte(p.Pix[3*i:]), color(uint32(digit-'0')); got != want {
				t.Errorf("%s: pixel %d is %v, want %v", name, i, got, want)
			}
			i++
		}
	}
}

func TestOddities(t *testing.T) {
	s := sketch{w: 5, h: 4, bits: 32, header: 108, compression: bitFields, masks: []uint32{0xff0000, 0xff00, 0xff, 0xff000000}, value: func(x, y int) uint32 { return uint32(x*50<<16 | y*60<<8) }}
	p, err := Decode(s.bytes())
	if err != nil || [3]byte(p.Pix[3:]) != [3]byte{50, 0, 0} {
		t.Errorf("an alpha of 0 everywhere: %v, %v", p.Pix[3:6], err)
	}
	s = sketch{w: 5, h: 4, bits: 24, header: infoHeader, value: func(x, y int) uint32 { return uint32(x*50<<16 | y*60<<8) }}
	whole := s.bytes()
	if p, err := Decode(whole[:len(whole)-1]); err != nil || p.Damaged || [3]byte(p.Pix[12:]) != [3]byte{200, 0, 0} {
		t.Errorf("without the last row's padding: %+v, %v", p, err)
	}
	if p, err := Decode(whole[:len(whole)-16]); err == nil {
		t.Errorf("the upper rows are missing: %+v", p)
	}
	s.topDown = true
	whole = s.bytes()
	if p, err := Decode(whole[:len(whole)-20]); err != nil || !p.Damaged || p.Height != 2 {
		t.Errorf("the lower rows are missing: %+v, %v", p, err)
	}
	if _, err := Decode(file(24, 4)); err == nil {
		t.Error("a JPEG in a bitmap is decoded")
	} else if _, ok := errors.AsType[*UnsupportedError](err); !ok {
		t.Error(err)
	}
	for n := range whole[:60] {
		if _, err := Decode(whole[:n]); err == nil {
			t.Errorf("%d bytes are a picture", n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(file(8, rle8, 8, 1, 0, 0, 3, 2, 5, 3, 0, 0, 8, 4, 0, 1))
	f.Add(sketch{w: 5, h: 4, bits: 16, header: 124, value: func(x, y int) uint32 { return uint32(x * y) }}.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil || int64(h.Width)*int64(h.Height) > 1<<20 {
			return
		}
		p, err := Decode(data)
		if err == nil && (p.Width != h.Width || p.Height > h.Height || len(p.Pix) != 3*p.Width*p.Height) {
			t.Errorf("%d x %d of %d x %d", p.Width, p.Height, h.Width, h.Height)
		}
	})
}
