package png

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// sketch describes a PNG to write: samples by row, and what is odd about it.
type sketch struct {
	w, h, depth int
	color       byte
	interlaced  bool
	palette     []byte
	transparent []byte
	value       func(x, y, c int) int
	filter      func(y int) byte
}

func put(kind string, data []byte) []byte {
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), kind...)
	out = append(out, data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func (s sketch) header() []byte {
	data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(s.w)), uint32(s.h))
	last := byte(0)
	if s.interlaced {
		last = 1
	}
	return put("IHDR", append(data, byte(s.depth), s.color, 0, 0, last))
}

// raw returns the filtered rows.
func (s sketch) raw() []byte {
	passes := whole
	if s.interlaced {
		passes = adam7
	}
	h := Header{depth: s.depth, color: s.color}
	n := channels[s.color]
	var out []byte
	for _, p := range passes {
		w := (s.w - p.x + p.stepX - 1) / p.stepX
		if w <= 0 {
			continue
		}
		before := make([]byte, h.rowBytes(w))
		for y := p.y; y < s.h; y += p.stepY {
			row := make([]byte, h.rowBytes(w))
			for i := range w * n {
				v := s.value(p.x+i/n*p.stepX, y, i%n)
				if s.depth == 16 {
					binary.BigEndian.PutUint16(row[2*i:], uint16(v))
					continue
				}
				bit := i * s.depth
				row[bit/8] |= byte(v << (8 - s.depth - bit%8))
			}
			out = append(out, s.filter(y))
			out = append(out, filtered(row, before, max(n*s.depth/8, 1), s.filter(y))...)
			before = row
		}
	}
	return out
}

// filtered applies a filter by its definition.
func filtered(row, before []byte, n int, filter byte) []byte {
	out := make([]byte, len(row))
	for i := range row {
		a, c := 0, 0
		if i >= n {
			a, c = int(row[i-n]), int(before[i-n])
		}
		b := int(before[i])
		guess := 0
		switch filter {
		case 1:
			guess = a
		case 2:
			guess = b
		case 3:
			guess = (a + b) / 2
		case 4:
			p := a + b - c
			switch pa, pb, pc := abs(p-a), abs(p-b), abs(p-c); {
			case pa <= pb && pa <= pc:
				guess = a
			case pb <= pc:
				guess = b
			default:
				guess = c
			}
		}
		out[i] = row[i] - byte(guess)
	}
	return out
}

func deflated(raw []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(raw)
	_ = z.Close()
	return b.Bytes()
}

func join(parts ...[]byte) []byte { return append([]byte(Signature), bytes.Join(parts, nil)...) }

func (s sketch) bytes() []byte {
	parts := [][]byte{s.header()}
	if s.palette != nil {
		parts = append(parts, put("PLTE", s.palette))
	}
	if s.transparent != nil {
		parts = append(parts, put("tRNS", s.transparent))
	}
	data := deflated(s.raw())
	half := len(data) / 2
	return join(append(parts, put("IDAT", data[:half]), put("IDAT", nil), put("IDAT", data[half:]), put("IEND", nil))...)
}

// want returns the colour of a pixel, by definition.
func (s sketch) want(x, y int) [3]byte {
	top := 1<<s.depth - 1
	at := func(c int) byte { return byte((s.value(x, y, c)*255 + top/2) / top) }
	blend := func(v, a byte) byte { return byte((int(v)*int(a) + 255*(255-int(a)) + 127) / 255) }
	hidden := func(n int) bool {
		for c := range n {
			if s.transparent == nil || s.value(x, y, c) != int(binary.BigEndian.Uint16(s.transparent[2*c:])) {
				return false
			}
		}
		return true
	}
	switch s.color {
	case indexed:
		i, a := s.value(x, y, 0), byte(255)
		if i < len(s.transparent) {
			a = s.transparent[i]
		}
		var p [3]byte
		for c := range p {
			p[c] = blend(s.palette[3*i+c], a)
		}
		return p
	case gray:
		if hidden(1) {
			return [3]byte{255, 255, 255}
		}
		return [3]byte{at(0), at(0), at(0)}
	case grayAlpha:
		v := blend(at(0), at(1))
		return [3]byte{v, v, v}
	case rgbAlpha:
		return [3]byte{blend(at(0), at(3)), blend(at(1), at(3)), blend(at(2), at(3))}
	}
	if hidden(3) {
		return [3]byte{255, 255, 255}
	}
	return [3]byte{at(0), at(1), at(2)}
}

func at(p *pixel.Picture, x, y int) [3]byte {
	if p.Gray {
		v := p.Pix[y*p.Width+x]
		return [3]byte{v, v, v}
	}
	return [3]byte(p.Pix[3*(y*p.Width+x):])
}

// TestKinds decodes pictures of all kinds, in random order, and compares each pixel with its definition.
func TestKinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		color := []byte{gray, rgb, indexed, grayAlpha, rgbAlpha}[r.IntN(5)]
		s := sketch{w: 1 + r.IntN(30), h: 1 + r.IntN(20), color: color, interlaced: r.IntN(3) == 0}
		s.depth = depths[color][r.IntN(len(depths[color]))]
		seed := r.Uint64()
		s.value = func(x, y, c int) int {
			return int((seed^uint64(x/2)<<40^uint64(y)<<20^uint64(c))*0x9e3779b97f4a7c15>>33) & (1<<s.depth - 1)
		}
		s.filter = func(y int) byte { return byte((seed >> (y % 40)) % 5) }
		switch {
		case color == indexed:
			for range 3 << s.depth {
				s.palette = append(s.palette, byte(r.IntN(256)))
			}
			for range r.IntN(1 << s.depth) {
				s.transparent = append(s.transparent, byte(r.IntN(256)))
			}
		case r.IntN(2) == 0 && (color == gray || color == rgb):
			for c := range channels[color] {
				s.transparent = binary.BigEndian.AppendUint16(s.transparent, uint16(s.value(0, 0, c)))
			}
		}
		p, err := Decode(s.bytes())
		if err != nil || p.Width != s.w || p.Height != s.h || p.Damaged {
			t.Fatalf("round %d, %+v: %+v, %v", round, s, p, err)
		}
		for y := range s.h {
			for x := range s.w {
				if got, want := at(p, x, y), s.want(x, y); got != want {
					t.Fatalf("round %d, %+v: pixel %d, %d is %v, want %v", round, s, x, y, got, want)
				}
			}
		}
	}
}

// plain is a picture of 20 x 20 with colours that depend on the place.
func plain() sketch {
	return sketch{w: 20, h: 20, depth: 8, color: rgb, value: func(x, y, c int) int { return (x*7 + y*13 + c*50) & 255 }, filter: func(int) byte { return 1 }}
}

// TestOddities opens what browsers open.
func TestOddities(t *testing.T) {
	s := plain()
	data := deflated(s.raw())
	wrongSum := func(c []byte) []byte { return append(bytes.Clone(c[:len(c)-4]), 1, 2, 3, 4) }
	badAdler := append(bytes.Clone(data[:len(data)-4]), 1, 2, 3, 4)
	alpha := plain()
	alpha.color = rgbAlpha
	gr := plain()
	gr.color = gray
	for name, c := range map[string]struct {
		sketch
		file []byte
	}{
		"no end":                              {s, join(s.header(), put("IDAT", data))},
		"a wrong checksum at the end":         {s, join(s.header(), put("IDAT", data), wrongSum(put("IEND", nil)))},
		"a wrong checksum of a text":          {s, join(s.header(), wrongSum(put("tEXt", []byte("a\x00b"))), put("IDAT", data), put("IEND", nil))},
		"a wrong Adler":                       {s, join(s.header(), put("IDAT", badAdler), put("IEND", nil))},
		"no Adler":                            {s, join(s.header(), put("IDAT", data[:len(data)-4]), put("IEND", nil))},
		"more rows":                           {s, join(s.header(), put("IDAT", deflated(append(s.raw(), s.raw()...))), put("IEND", nil))},
		"transparency beside an alpha":        {alpha, join(alpha.header(), put("tRNS", make([]byte, 6)), put("IDAT", deflated(alpha.raw())))},
		"a palette for grey":                  {gr, join(gr.header(), put("PLTE", make([]byte, 6)), put("IDAT", deflated(gr.raw())))},
		"a palette of no multiple of 3 bytes": {s, join(s.header(), put("PLTE", make([]byte, 7)), put("IDAT", data))},
		"transparency that is too short":      {s, join(s.header(), put("tRNS", []byte{1}), put("IDAT", data))},
	} {
		p, err := Decode(c.file)
		if err != nil || p.Damaged || p.Height != 20 {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		for i := range 400 {
			if got, want := at(p, i%20, i/20), c.want(i%20, i/20); got != want {
				t.Errorf("%s: pixel %d is %v, want %v", name, i, got, want)
				break
			}
		}
	}
}

// TestApple decodes Apple's variant: raw deflate, blue before red, colours multiplied by the alpha.
func TestApple(t *testing.T) {
	s := plain()
	s.color = rgbAlpha
	s.value = func(x, y, c int) int { return []int{10, 20, 30, 100}[c] }
	var b bytes.Buffer
	z, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = z.Write(s.raw())
	_ = z.Close()
	p, err := Decode(join(put("CgBI", []byte{0x50, 0, 0x20, 6}), s.header(), put("IDAT", b.Bytes()), put("IEND", nil)))
	if err != nil || at(p, 3, 3) != [3]byte{30 + 155, 20 + 155, 10 + 155} {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestTruncated keeps the rows before the end if they are at least half, and says so.
func TestTruncated(t *testing.T) {
	s := plain()
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 3*20*20)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	s.value = func(x, y, c int) int { return int(noise[3*(20*y+x)+c]) } // does not compress, so that the length tells the row
	file := s.bytes()
	for n := range file {
		p, err := Decode(file[:n])
		switch {
		case err != nil && n > len(file)*6/10:
			t.Errorf("%d of %d bytes: %v", n, len(file), err)
		case err == nil && n < len(file)*4/10:
			t.Errorf("%d of %d bytes: %d rows", n, len(file), p.Height)
		case err != nil:
			continue
		case p.Height < 10 || p.Height < 20 && !p.Damaged || len(p.Pix) != p.Height*p.Width*3:
			t.Errorf("%d of %d bytes: %d rows, damaged %v", n, len(file), p.Height, p.Damaged)
		}
		for y := range p.Height {
			if got, want := at(p, 5, y), s.want(5, y); got != want {
				t.Fatalf("%d bytes, row %d: %v, want %v", n, y, got, want)
			}
		}
	}
}

func TestDamaged(t *testing.T) {
	s := plain()
	for name, c := range map[string]struct {
		file []byte
		says string
	}{
		"no pixels":         {join(s.header(), put("IEND", nil)), "truncated"},
		"no header":         {join(put("IDAT", nil)), "header"},
		"no palette":        {join(sketch{w: 1, h: 1, depth: 8, color: indexed}.header(), put("IDAT", deflated([]byte{0, 0}))), "palette"},
		"a size of 0":       {join(sketch{w: 0, h: 1, depth: 8, color: rgb}.header()), "header"},
		"3 bits":            {join(sketch{w: 1, h: 1, depth: 3, color: gray}.header()), "3 bits"},
		"no deflate":        {join(s.header(), put("IDAT", []byte("hello, this is not deflate"))), "truncated"},
		"an unknown filter": {join(s.header(), put("IDAT", deflated(bytes.Repeat([]byte{9}, 2000)))), "filter"},
	} {
		if p, err := Decode(c.file); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	// A bit that was lost among the pixels shows, at least as a wrong checksum.
	file := s.bytes()
	file[len(file)-40] ^= 1
	if p, err := Decode(file); err == nil && !p.Damaged {
		t.Error("a lost bit is not noticed")
	}
}

func FuzzDecode(f *testing.F) {
	s := plain()
	f.Add(s.bytes())
	s.interlaced = true
	f.Add(s.bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil || int64(h.Width)*int64(h.Height) > 1<<20 {
			return
		}
		p, err := Decode(data)
		if err == nil && (p.Width != h.Width || p.Height > h.Height || len(p.Pix) < p.Width*p.Height) {
			t.Errorf("%d x %d of %d x %d", p.Width, p.Height, h.Width, h.Height)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	s := plain()
	s.w, s.h, s.filter = 2000, 1000, func(y int) byte { return byte(y % 5) }
	file := s.bytes()
	b.SetBytes(int64(s.w * s.h * 3))
	for b.Loop() {
		if _, err := Decode(file); err != nil {
			b.Fatal(err)
		}
	}
}

var _ io.ByteReader = (*joined)(nil) // flate would read more than it needs
