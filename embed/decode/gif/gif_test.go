package gif

import (
	"bytes"
	"image"
	"image/color"
	stdgif "image/gif"
	"math/rand/v2"
	"strings"
	"testing"
)

// encoded writes a frame of w x h at x, y on a screen, with a table of n colours.
func encoded(t testing.TB, screen image.Rectangle, at image.Rectangle, n int, transparent bool, index func(x, y int) byte) []byte {
	t.Helper()
	p := make(color.Palette, n)
	for i := range p {
		p[i] = color.RGBA{byte(i * 37), byte(i * 91), byte(255 - i), 255}
	}
	if transparent {
		p[1] = color.RGBA{}
	}
	m := image.NewPaletted(at, p)
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			m.SetColorIndex(x, y, index(x, y))
		}
	}
	var b bytes.Buffer
	g := stdgif.GIF{Image: []*image.Paletted{m}, Delay: []int{0}, Config: image.Config{Width: screen.Dx(), Height: screen.Dy(), ColorModel: p}}
	if err := stdgif.EncodeAll(&b, &g); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// want returns the colour that a pixel must have.
func want(i byte, transparent bool) [3]byte {
	if transparent && i == 1 {
		return [3]byte{255, 255, 255}
	}
	return [3]byte{i * 37, i * 91, 255 - i}
}

// TestFrames decodes frames that cover the screen or a part of it, with and without a transparent colour.
func TestFrames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		screen := image.Rect(0, 0, 2+r.IntN(60), 2+r.IntN(40))
		at := screen
		if r.IntN(2) == 0 {
			at = image.Rect(r.IntN(screen.Dx()), r.IntN(screen.Dy()), screen.Dx(), screen.Dy())
		}
		n := 1 << (1 + r.IntN(8))
		transparent := r.IntN(2) == 0
		seed := r.Uint64()
		index := func(x, y int) byte { return byte(int((seed^uint64(x/3)<<20^uint64(y))*0x9e3779b97f4a7c15>>40) % n) }
		p, err := Decode(encoded(t, screen, at, n, transparent, index))
		if err != nil || p.Width != screen.Dx() || p.Height != screen.Dy() || p.Damaged {
			t.Fatalf("round %d: %+v", round, err)
		}
		for y := range p.Height {
			for x := range p.Width {
				expected := [3]byte{255, 255, 255}
				if (image.Point{X: x, Y: y}).In(at) {
					expected = want(index(x, y), transparent)
				}
				if got := [3]byte(p.Pix[3*(y*p.Width+x):]); got != expected {
					t.Fatalf("round %d, %v in %v: pixel %d, %d is %v, want %v", round, at, screen, x, y, got, expected)
				}
			}
		}
	}
}

// plain is a file of 16 x 16 pixels with 4 colours, each row of one colour.
func plain(t testing.TB) []byte {
	return encoded(t, image.Rect(0, 0, 16, 16), image.Rect(0, 0, 16, 16), 4, false, func(_, y int) byte { return byte(y % 4) })
}

func TestOddities(t *testing.T) {
	const screen, flags = 6, 10
	frame := bytes.IndexByte(plain(t)[13+12:], imageBlock) + 13 + 12
	for name, c := range map[string]struct {
		change        func(data []byte) []byte
		width, height int
		at            func(x, y int) [3]byte
	}{
		"a screen of 0 x 0":        {func(d []byte) []byte { copy(d[screen:], []byte{0, 0, 0, 0}); return d }, 16, 16, nil},
		"a screen that is smaller": {func(d []byte) []byte { copy(d[screen:], []byte{5, 0, 7, 0}); return d }, 16, 16, nil},
		"rubbish behind the end":   {func(d []byte) []byte { return append(d, "rubbish"...) }, 16, 16, nil},
		"no end":                   {func(d []byte) []byte { return d[:len(d)-1] }, 16, 16, nil},
		"an extra end of blocks":   {func(d []byte) []byte { return append(append(bytes.Clone(d[:frame]), 0), d[frame:]...) }, 16, 16, nil},
		"a comment": {func(d []byte) []byte {
			return append(append(bytes.Clone(d[:frame]), 0x21, 0xfe, 2, 'h', 'i', 1, '!', 0), d[frame:]...)
		}, 16, 16, nil},
		"no colours": {func(d []byte) []byte {
			d[flags] = 0
			return append(bytes.Clone(d[:13]), d[13+12:]...)
		}, 16, 16, func(_, y int) [3]byte { return [3]byte{byte(y % 4), byte(y % 4), byte(y % 4)} }},
		"indexes beyond the colours": {func(d []byte) []byte {
			d[flags] &^= 7 // two colours
			return append(bytes.Clone(d[:13+6]), d[13+12:]...)
		}, 16, 16, func(_, y int) [3]byte {
			if y%4 > 1 {
				return [3]byte{}
			}
			return want(byte(y%4), false)
		}},
	} {
		p, err := Decode(c.change(plain(t)))
		if err != nil || p.Width != c.width || p.Height != c.height || p.Damaged {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		if c.at == nil {
			c.at = func(_, y int) [3]byte { return want(byte(y%4), false) }
		}
		for i := range p.Width * p.Height {
			if got := [3]byte(p.Pix[3*i:]); got != c.at(i%16, i/16) {
				t.Errorf("%s: pixel %d is %v, want %v", name, i, got, c.at(i%16, i/16))
				break
			}
		}
	}
}

// TestInterlaced decodes rows that are stored in four passes.
func TestInterlaced(t *testing.T) {
	const n = 16
	order := (&Header{frame: rectangle{0, 0, n, n}, interlaced: true}).rows()
	stored := encoded(t, image.Rect(0, 0, n, n), image.Rect(0, 0, n, n), 16, false, func(_, y int) byte { return byte(order[y].from) })
	at := 13 + 3*16
	stored[bytes.IndexByte(stored[at:], imageBlock)+at+9] |= 0x40
	p, err := Decode(stored)
	if err != nil {
		t.Fatal(err)
	}
	for y := range n {
		if got := [3]byte(p.Pix[3*y*n:]); got != want(byte(y), false) {
			t.Errorf("row %d: %v, want %v", y, got, want(byte(y), false))
		}
	}
}

// TestTruncated keeps what there is if it is at least half of the frame.
func TestTruncated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 40*40)
	for i := range noise {
		noise[i] = byte(r.IntN(256))
	}
	whole := encoded(t, image.Rect(0, 0, 40, 40), image.Rect(0, 0, 40, 40), 256, false, func(x, y int) byte { return noise[40*y+x] })
	head := 13 + 3*256
	for n := range whole {
		p, err := Decode(whole[:n])
		switch part := float64(n-head) / float64(len(whole)-head); {
		case err != nil && part > 0.6:
			t.Errorf("%.2f: %v", part, err)
		case err == nil && part < 0.4:
			t.Errorf("%.2f: decoded", part)
		case err == nil && !p.Damaged && part < 0.95:
			t.Errorf("%.2f: not damaged", part)
		case err == nil && [3]byte(p.Pix[3*100:]) != want(noise[100], false):
			t.Errorf("%.2f: pixel 100 is %v", part, p.Pix[300:303])
		case err != nil && !strings.Contains(err.Error(), "truncated"):
			t.Errorf("%.2f: %v", part, err)
		}
	}
	for _, bad := range []string{"", "GIF89a", "GIF89a" + strings.Repeat("\x00", 7) + ";", "GIF89a" + strings.Repeat("\x00", 7) + "x"} {
		if p, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%q: %+v", bad, p)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(plain(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil || int64(h.Width)*int64(h.Height) > 1<<20 {
			return
		}
		p, err := Decode(data)
		if err == nil && (p.Width != h.Width || p.Height != h.Height || len(p.Pix) != 3*p.Width*p.Height) {
			t.Errorf("%d x %d of %d x %d", p.Width, p.Height, h.Width, h.Height)
		}
	})
}
