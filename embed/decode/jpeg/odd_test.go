package jpeg

import (
	"bytes"
	"image"
	"image/color"
	stdjpeg "image/jpeg"
	"testing"
)

// encoded returns a JPEG of 48 x 32 pixels as the standard library writes it, which uses the standard Huffman tables: grey, or in colours.
func encoded(t *testing.T, gray bool) []byte {
	t.Helper()
	bounds := image.Rect(0, 0, 48, 32)
	var m image.Image
	g, c := image.NewGray(bounds), image.NewRGBA(bounds)
	for y := range 32 {
		for x := range 48 {
			g.SetGray(x, y, color.Gray{uint8(x*5 + y)})
			c.SetRGBA(x, y, color.RGBA{uint8(x * 5), uint8(y * 8), uint8(x * y), 255})
		}
	}
	if m = c; gray {
		m = g
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, m, &stdjpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decoded decodes a file.
func decoded(t *testing.T, data []byte) (rgb []byte, damaged bool) {
	t.Helper()
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil || h.Width != 48 || h.Height != 32 {
		t.Fatalf("%+v, %v", h, err)
	}
	p, err := Decode(data, 0)
	if err != nil {
		t.Fatal(err)
	}
	for y := range p.Rows {
		row := make([]byte, 3*p.Width)
		p.Row(y, row)
		rgb = append(rgb, row...)
	}
	return rgb, p.Damaged
}

// without removes all segments of a marker.
func without(data []byte, marker byte) []byte {
	out := bytes.Clone(data[:2])
	for at := 2; at+4 <= len(data); {
		end := at + 2 + int(data[at+2])<<8 + int(data[at+3])
		if data[at+1] == sos {
			return append(out, data[at:]...)
		}
		if data[at+1] != marker {
			out = append(out, data[at:end]...)
		}
		at = end
	}
	return out
}

// TestOddFiles decodes files that are not as the standard wants them, and compares them with those that are.
func TestOddFiles(t *testing.T) {
	insert := func(data []byte, at int, more string) []byte {
		return append(append(bytes.Clone(data[:at]), more...), data[at:]...)
	}
	sameIDs := func(data []byte) []byte {
		data = bytes.Clone(data)
		frame, scan := bytes.Index(data, []byte{0xff, sof0}), bytes.Index(data, []byte{0xff, sos})
		for i := range 3 {
			data[frame+10+3*i], data[scan+5+2*i] = 7, 7
		}
		return data
	}
	color := encoded(t, false)
	want, _ := decoded(t, color)
	for name, data := range map[string][]byte{
		"without Huffman tables":          without(color, dht),
		"components of one identifier":    sameIDs(color),
		"bytes behind the beginning":      insert(color, 2, "\x00\x00"),
		"a segment of length 0":           insert(color, 2, "\xff\xe1\x00\x00"),
		"a segment of length 1, and fill": insert(color, 2, "\xff\xe1\x00\x01\xff\xff"),
	} {
		if got, damaged := decoded(t, data); !bytes.Equal(got, want) || damaged {
			t.Errorf("%s: another picture, damaged %v", name, damaged)
		}
	}
	// The frame announces colours, and only the scan of the brightness comes.
	gray := encoded(t, true)
	want, _ = decoded(t, gray)
	frame := bytes.Index(gray, []byte{0xff, sof0})
	announced := append(bytes.Clone(gray[:frame]), 0xff, sof0, 0, 17)
	announced = append(append(announced, gray[frame+4:frame+9]...), 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0)
	announced = append(announced, gray[frame+13:]...)
	if got, damaged := decoded(t, announced); !bytes.Equal(got, want) || !damaged {
		t.Errorf("without the colours' scans: another picture, damaged %v", damaged)
	}
}
