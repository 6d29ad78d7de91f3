package jpeg

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestRefuses(t *testing.T) {
	whole := read(t, "420.jpg")
	frame := bytes.Index(whole, []byte{0xff, sof0})
	with := func(at int, b ...byte) []byte {
		data := bytes.Clone(whole)
		copy(data[at:], b)
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		is   error
		says string
	}{
		"12 bits":           {with(frame+4, 12), ErrUnsupported, "12 bits"},
		"lossless":          {with(frame+1, 0xc3), ErrUnsupported, "lossless"},
		"hierarchical":      {with(frame+1, 0xc5), ErrUnsupported, "hierarchical"},
		"height comes late": {with(frame+5, 0, 0), ErrUnsupported, "DNL"},
		"no width":          {with(frame+7, 0, 0), ErrFormat, "frame"},
		"two components":    {with(frame+9, 2), ErrUnsupported, "2 components"},
		"sampling of 5":     {with(frame+11, 0x55), ErrFormat, "sampling"},
		"huge":              {with(frame+5, 0xff, 0xff, 0xff, 0xff), ErrFormat, "65535 x 65535"},
		"header only":       {whole[:frame+12], ErrFormat, ""},
		"no scan":           {append(bytes.Clone(whole[:bytes.Index(whole, []byte{0xff, sos})]), 0xff, eoi), ErrFormat, "0 %"},
		"text":              {[]byte("once upon a time"), ErrFormat, "no JPEG"},
		"nothing":           {nil, ErrFormat, ""},
	} {
		p, err := Decode(c.data, 0)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %v that says %q", name, p, err, c.is, c.says)
		}
	}
}

// TestDamaged checks that the intact part of a damaged file is used if it is at least half the picture, and that its pixels equal the whole file's.
func TestDamaged(t *testing.T) {
	for _, name := range []string{"420.jpg", "444.jpg", "gray.jpg", "cmyk.jpg", "restart.jpg"} {
		whole := read(t, name)
		full, err := Decode(whole, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := pixels(full)
		scan := bytes.LastIndex(whole, []byte{0xff, sos}) + 12
		used := 0
		for cut := scan; cut < len(whole)-2; cut++ {
			p, err := Decode(whole[:cut], 0)
			if err != nil {
				if !errors.Is(err, ErrFormat) {
					t.Fatalf("%s cut at %d: %v", name, cut, err)
				}
				continue
			}
			used++
			if !p.Damaged || 3*p.Rows < p.Height || p.Rows > p.Height {
				// The last block's bits may be complete without the last bytes.
				if !p.Damaged && cut > len(whole)-8 {
					continue
				}
				t.Fatalf("%s cut at %d: damaged %v, %d rows of %d", name, cut, p.Damaged, p.Rows, p.Height)
			}
			got := pixels(p)
			rows := max(p.Rows-9, 1) // the last rows are interpolated with missing samples
			w, _ := p.Size()
			if !bytes.Equal(got[:3*w*rows], want[:3*w*rows]) {
				t.Fatalf("%s cut at %d: other pixels in the rows that are there", name, cut)
			}
		}
		if used < (len(whole)-scan)/4 {
			t.Errorf("%s: only %d of %d cuts could be used", name, used, len(whole)-scan)
		}
	}
}

// TestRestarts checks that in a file with restart markers, damage affects only its own interval.
func TestRestarts(t *testing.T) {
	whole := read(t, "restart.jpg")
	full, err := Decode(whole, 0)
	if err != nil {
		t.Fatal(err)
	}
	second := bytes.Index(whole, []byte{0xff, rst0 + 1})
	third := bytes.Index(whole, []byte{0xff, rst0 + 2})
	if second < 0 || third < 0 {
		t.Fatal("no restart markers")
	}
	missing := append(bytes.Clone(whole[:second]), whole[third:]...)
	p, err := Decode(missing, 0)
	if err != nil || !p.Damaged || p.Rows != p.Height {
		t.Fatalf("%+v, %v", p, err)
	}
	// The picture has 4 x 3 MCUs in intervals of three: the third interval holds the last two MCUs of the second row and the first of the third.
	a, b := pixels(full), pixels(p)
	w, h := p.Size()
	if last := 3 * (w*(h-1) + 20); !bytes.Equal(a[:3*w*14], b[:3*w*14]) || !bytes.Equal(a[last:], b[last:]) {
		t.Error("the first and last rows are other ones")
	}
}

// TestOddities checks that unusual data that cameras and programs write is read.
func TestOddities(t *testing.T) {
	whole := read(t, "420.jpg")
	full, err := Decode(whole, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := pixels(full)
	second := bytes.Index(whole, []byte{0xff, dht})
	insert := func(b ...byte) []byte { return append(append(bytes.Clone(whole[:second]), b...), whole[second:]...) }
	tables := bytes.Index(whole, []byte{0xff, dqt})
	wide := []byte{0xff, dqt, 0, 2 + 129, 0x10}
	for _, v := range whole[tables+5 : tables+5+64] {
		wide = append(wide, 0, v)
	}
	for name, data := range map[string][]byte{
		"fill bytes":              insert(0xff, 0xff, 0xff),
		"junk between segments":   insert(1, 2, 3, 0xff, 0, 7),
		"a stray restart":         insert(0xff, rst0),
		"16-bit quantisation":     append(append(bytes.Clone(whole[:tables]), wide...), whole[tables+2+2+65:]...),
		"no end marker":           whole[:len(whole)-2],
		"another picture after":   append(bytes.Clone(whole), whole...),
		"a comment, a long APP13": insert(append([]byte{0xff, 0xfe, 0, 4, 'h', 'i', 0xff, 0xed, 0xff, 0xff}, make([]byte, 0xffff-2)...)...),
	} {
		p, err := Decode(data, 0)
		if err != nil || p.Damaged || !bytes.Equal(pixels(p), want) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestManyScans checks that a file with endless empty scans is not read to its end.
func TestManyScans(t *testing.T) {
	whole := read(t, "grayprogressive.jpg")
	last := bytes.LastIndex(whole, []byte{0xff, sos})
	scan := whole[last : len(whole)-2]
	many := bytes.Clone(whole[:last])
	for range maxScans + 100 {
		many = append(many, scan...)
	}
	p, err := Decode(append(many, 0xff, eoi), 0)
	if err != nil || !p.Damaged {
		t.Errorf("%+v, %v; want a damaged picture", p, err)
	}
}
