package decode_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

func encode(t testing.TB, name string, img image.Image) []byte {
	t.Helper()
	data, err := testkit.Encode(name, img)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decodeAll(data []byte) (*decode.Image, decode.Header, error) {
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return nil, h, err
	}
	m, err := h.Decode(h.Select(data, 0), 1, 0)
	return m, h, err
}

func header(t testing.TB, data []byte) decode.Header {
	t.Helper()
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func meta(t testing.TB, data []byte) decode.Meta {
	t.Helper()
	h := header(t, data)
	return h.Meta(bytes.NewReader(h.Select(data, 0)))
}

func TestFormatsByContent(t *testing.T) {
	src := testkit.Picture(3, 320, 240)
	for name, format := range map[string]decode.Format{
		"a.jpg": decode.JPEG, "a.png": decode.PNG, "a.gif": decode.GIF, "a.bmp": decode.BMP, "a.tiff": decode.TIFF,
	} {
		m, h, err := decodeAll(encode(t, name, src))
		if err != nil || h.Format != format || m.Width != 320 || m.Height != 240 || h.Pixels() != 320*240 {
			t.Errorf("%s: %+v, %v", name, h, err)
			continue
		}
		row := make([]byte, 3*320)
		for y := range 240 {
			m.Row(y, row)
			for x := range 320 {
				r, g, b, _ := src.At(x, y).RGBA()
				for c, want := range []uint32{r >> 8, g >> 8, b >> 8} {
					limit := 0
					switch format {
					case decode.JPEG:
						limit = 24
					case decode.GIF: // a palette of 256, dithered
						limit = 128
					}
					if d := int(row[3*x+c]) - int(want); max(d, -d) > limit {
						t.Fatalf("%s: pixel %d,%d channel %d is %d, want %d", name, x, y, c, row[3*x+c], want)
					}
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	jpg := encode(t, "a.jpg", testkit.Picture(1, 64, 64))
	for name, c := range map[string]struct {
		data []byte
		is   error
		says string
	}{
		"empty":        {nil, decode.ErrEmpty, "empty file"},
		"text":         {[]byte("once upon a time"), decode.ErrNotPicture, ""},
		"one byte":     {[]byte{0xff}, decode.ErrNotPicture, ""},
		"empty HEIF":   {[]byte("\x00\x00\x00\x10ftypheic\x00\x00\x00\x00"), decode.ErrUnsupported, "HEIF"},
		"video":        {[]byte("\x00\x00\x00\x18ftypisom\x00\x00\x00\x00"), decode.ErrNotPicture, ""},
		"truncated":    {jpg[:len(jpg)/3], nil, "truncated"},
		"header only":  {jpg[:20], nil, "truncated"},
		"no pixels":    {testkit.PNGHeader(10, 10), nil, "damaged png"},
		"no size":      {testkit.PNGHeader(0, 10), nil, "damaged png"},
		"PSD":          {[]byte("8BPS\x00\x01"), decode.ErrUnsupported, "psd"},
		"BM text":      {[]byte("BMW is a maker of cars and such"), decode.ErrNotPicture, ""},
		"damaged TIFF": {[]byte("II*\x00\xff\xff\xff\x7f"), nil, "damaged tiff"},
	} {
		_, _, err := decodeAll(c.data)
		if err == nil || c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: err = %v, want one that says %q", name, err, c.says)
		}
		if decode.IsReadError(err) {
			t.Errorf("%s: %v is taken for an error of the disk", name, err)
		}
	}
}

type failingReader struct{ io.ReadSeeker }

var errDisk = errors.New("disk on fire")

func (failingReader) Read([]byte) (int, error) { return 0, errDisk }

func TestReadErrorIsNotTheContents(t *testing.T) {
	_, err := decode.ReadHeader(failingReader{bytes.NewReader(nil)})
	if !decode.IsReadError(err) || !errors.Is(err, errDisk) {
		t.Errorf("err = %v, want the disk's", err)
	}
}

func TestHeaderBoundsMemory(t *testing.T) {
	h, err := decode.ReadHeader(bytes.NewReader(testkit.PNGHeader(60000, 60000)))
	if err != nil || h.Pixels() != 3_600_000_000 || h.DecodeBytes(0) < h.Pixels() {
		t.Errorf("header of a bomb: %+v, %v", h, err)
	}
}

func TestIdentity(t *testing.T) {
	jpg := encode(t, "a.jpg", testkit.Picture(1, 64, 64))
	id := func(data []byte) [32]byte {
		h := header(t, data)
		return h.Identity(data, h.Meta(bytes.NewReader(data)).Orientation)
	}
	base := id(jpg)
	same := map[string][]byte{
		"comment":       testkit.InsertSegment(jpg, 0xfe, []byte("hello")),
		"XMP":           testkit.InsertSegment(jpg, 0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00<x/>")),
		"EXIF upright":  testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(1, "2023:07:01 12:00:00")),
		"trailing data": append(append([]byte{}, jpg...), "a motion photo's film"...),
	}
	for name, data := range same {
		if id(data) != base {
			t.Errorf("%s makes another picture", name)
		}
	}
	changed := append([]byte{}, jpg...)
	changed[len(changed)-20] ^= 1
	other := map[string][]byte{
		"rotated": testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(6, "")),
		"ICC":     testkit.InsertSegment(jpg, 0xe2, []byte("ICC_PROFILE\x00\x01\x01profile")),
		"Adobe":   testkit.InsertSegment(jpg, 0xee, []byte("Adobe\x00\x64\x00\x00\x00\x00\x01")),
		"pixels":  changed,
		"cut":     jpg[:len(jpg)-30],
		"another": encode(t, "a.jpg", testkit.Picture(2, 64, 64)),
	}
	seen := map[[32]byte]string{base: "the original"}
	for name, data := range other {
		if before, ok := seen[id(data)]; ok {
			t.Errorf("%s is the same picture as %s", name, before)
		}
		seen[id(data)] = name
	}
	pngData := encode(t, "a.png", testkit.Picture(1, 8, 8))
	if id(pngData) == id(append(pngData, 0)) {
		t.Error("a PNG's identity is not its whole file's")
	}
}

func TestMeta(t *testing.T) {
	jpg := encode(t, "a.jpg", testkit.Picture(1, 16, 16))
	if m := meta(t, jpg); !reflect.DeepEqual(m, decode.Meta{Orientation: 1}) {
		t.Errorf("without EXIF: %+v", m)
	}
	m := meta(t, testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(6, "2023:07:01 12:30:00")))
	if m.Orientation != 6 || m.TakenAt != "2023-07-01T12:30:00" {
		t.Errorf("with EXIF: %+v", m)
	}
	for _, bad := range []string{"0000:00:00 00:00:00", "yesterday           "} {
		if m := meta(t, testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(9, bad))); !reflect.DeepEqual(m, decode.Meta{Orientation: 1}) {
			t.Errorf("nonsense %q: %+v", bad, m)
		}
	}
}

func TestTransparencyOnWhite(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 3, 1))
	img.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	img.SetNRGBA(1, 0, color.NRGBA{255, 0, 0, 0})
	img.SetNRGBA(2, 0, color.NRGBA{0, 0, 0, 128})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	m, _, err := decodeAll(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, 9)
	m.Row(0, row)
	if want := []byte{255, 0, 0, 255, 255, 255, 127, 127, 127}; !bytes.Equal(row, want) {
		t.Errorf("row = %v, want %v", row, want)
	}
}

// The animations were written by Pillow: two frames of 8 x 6, the first red. In partial.webp the first frame is a
// red square of 4 x 4 at 2,2 on a canvas of 8 x 8.
func TestFirstFrameOfAnimations(t *testing.T) {
	for name, c := range animations {
		data, err := base64.StdEncoding.DecodeString(c.data)
		if err != nil {
			t.Fatal(err)
		}
		m, h, err := decodeAll(data)
		if err != nil || m.Width != c.w || m.Height != c.h || h.Width != c.w || h.Height != c.h {
			t.Errorf("%s: %+v, %v", name, h, err)
			continue
		}
		row := make([]byte, 3*m.Width)
		m.Row(c.y, row)
		for i, want := range []byte{255, 0, 0} {
			if got := row[3*c.x+i]; max(got, want)-min(got, want) > 4 {
				t.Errorf("%s: pixel %d,%d is %v, want red", name, c.x, c.y, row[3*c.x:3*c.x+3])
				break
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"a.jpg", "a.png", "a.gif", "a.bmp", "a.tiff", "a.webp"} {
		f.Add(encode(f, name, testkit.Picture(1, 9, 7)))
	}
	for _, c := range animations {
		data, _ := base64.StdEncoding.DecodeString(c.data)
		f.Add(data)
	}
	jpg := testkit.InsertSegment(encode(f, "a.jpg", testkit.Picture(1, 9, 7)), 0xe1, testkit.EXIF(6, "2023:07:01 12:30:00"))
	f.Add(jpg)
	f.Add(testkit.InsertSegment(jpg, 0xe1, []byte(xmpHead+testkit.XMP("4", "Sea"))))
	f.Add(testkit.InsertSegment(jpg, 0xed, []byte(iptc)))
	f.Add(withXMP(encode(f, "a.png", testkit.Picture(1, 9, 7)), "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+testkit.XMP("4", "Sea")))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil || h.Pixels() > 1<<20 {
			return
		}
		data = h.Select(data, 16)
		meta := h.Meta(bytes.NewReader(data))
		h.Identity(data, meta.Orientation)
		m, err := h.Decode(data, meta.Orientation, 16)
		if err != nil {
			return
		}
		row := make([]byte, 3*m.Columns)
		for y := range m.Rows {
			m.Row(y, row)
		}
	})
}
