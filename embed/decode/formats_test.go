package decode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/bep/imagemeta" // module reads its samples

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// entry is a tag of a directory: numbers, text or bytes.
type entry struct {
	tag   uint16
	value any
}

// tiffBuilder writes a little-endian TIFF.
type tiffBuilder struct{ data []byte }

func newTIFF(magic string) *tiffBuilder { return &tiffBuilder{append([]byte(magic), 0, 0, 0, 0)} }

// put adds bytes and returns their offset.
func (b *tiffBuilder) put(data []byte) uint32 {
	at := len(b.data)
	b.data = append(b.data, data...)
	return uint32(at)
}

// dir adds a directory and returns its offset.
func (b *tiffBuilder) dir(entries ...entry) uint32 {
	le := binary.LittleEndian
	var body []byte
	for _, e := range entries {
		field := make([]byte, 12)
		le.PutUint16(field, e.tag)
		switch v := e.value.(type) {
		case uint32:
			le.PutUint16(field[2:], 4)
			le.PutUint32(field[4:], 1)
			le.PutUint32(field[8:], v)
		case []uint32:
			var list []byte
			for _, n := range v {
				list = le.AppendUint32(list, n)
			}
			le.PutUint16(field[2:], 4)
			le.PutUint32(field[4:], uint32(len(v)))
			le.PutUint32(field[8:], b.put(list))
		case string:
			le.PutUint16(field[2:], 2)
			le.PutUint32(field[4:], uint32(len(v)+1))
			le.PutUint32(field[8:], b.put(append([]byte(v), 0)))
		case []byte:
			le.PutUint16(field[2:], 7)
			le.PutUint32(field[4:], uint32(len(v)))
			le.PutUint32(field[8:], b.put(v))
		}
		body = append(body, field...)
	}
	at := b.put(le.AppendUint16(nil, uint16(len(entries))))
	b.put(append(body, 0, 0, 0, 0))
	return at
}

// done writes the offset of the first directory and returns the file.
func (b *tiffBuilder) done(first uint32) []byte {
	binary.LittleEndian.PutUint32(b.data[4:], first)
	return b.data
}

func isoBox(kind string, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

// rawSamples returns files in the layouts that cameras write, with two previews if the format has two.
func rawSamples(t testing.TB) map[decode.Format][]byte {
	big, small := encode(t, "a.jpg", testkit.Picture(5, 1600, 1200)), encode(t, "a.jpg", testkit.Picture(5, 640, 480))
	samples := make(map[decode.Format][]byte)
	u := func(n int) uint32 { return uint32(n) }
	const cfa = uint32(32803)

	b := newTIFF("II*\x00") // Nikon: a full preview in one directory below the first, the sensor's data in another
	jpg, sensor := b.put(big), b.put(make([]byte, 100))
	sub := b.dir(entry{0x0103, uint32(6)}, entry{0x0201, jpg}, entry{0x0202, u(len(big))})
	raw := b.dir(entry{0x0100, uint32(4000)}, entry{0x0101, uint32(3000)}, entry{0x0103, uint32(34713)}, entry{0x0106, cfa}, entry{0x0111, sensor}, entry{0x0117, uint32(100)})
	samples["nef"] = b.done(b.dir(entry{0x010f, "NIKON CORPORATION"}, entry{0x0112, uint32(1)}, entry{0x014a, []uint32{sub, raw}}))

	b = newTIFF("II*\x00") // Sony: the preview in the first directory
	jpg = b.put(small)
	raw = b.dir(entry{0x0100, uint32(4000)}, entry{0x0101, uint32(3000)}, entry{0x0103, uint32(32767)}, entry{0x0106, cfa})
	samples["arw"] = b.done(b.dir(entry{0x010f, "SONY"}, entry{0x014a, raw}, entry{0x0201, jpg}, entry{0x0202, u(len(small))}))

	b = newTIFF("II*\x00CR\x02\x00") // Canon's mark follows the header's 8 bytes; the offset stays at 4
	copy(b.data[4:], "\x00\x00\x00\x00CR\x02\x00")
	jpg = b.put(big)
	samples["cr2"] = b.done(b.dir(entry{0x0100, uint32(1600)}, entry{0x0101, uint32(1200)}, entry{0x0103, uint32(6)}, entry{0x010f, "Canon"}, entry{0x0111, jpg}, entry{0x0117, u(len(big))}))

	b = newTIFF("II*\x00") // Adobe: previews of two sizes as strips
	jpg = b.put(big)
	jpg2 := b.put(small)
	sub = b.dir(entry{0x00fe, uint32(1)}, entry{0x0103, uint32(7)}, entry{0x0106, uint32(6)}, entry{0x0111, jpg}, entry{0x0117, u(len(big))})
	sub2 := b.dir(entry{0x00fe, uint32(1)}, entry{0x0103, uint32(7)}, entry{0x0106, uint32(6)}, entry{0x0111, jpg2}, entry{0x0117, u(len(small))})
	samples["dng"] = b.done(b.dir(entry{0x010f, "Leica"}, entry{0x014a, []uint32{sub, sub2}}, entry{0xc612, uint32(0x401)}))

	b = newTIFF("IIU\x00") // Panasonic
	samples["rw2"] = b.done(b.dir(entry{0x002e, small}, entry{0x010f, "Panasonic"}))

	// Olympus: a maker note whose offsets are relative to its own start.
	note := append([]byte("OLYMPUS\x00II\x03\x00"), make([]byte, 256)...)
	field := func(at int, tag uint16, value uint32) {
		binary.LittleEndian.PutUint16(note[at:], tag)
		binary.LittleEndian.PutUint16(note[at+2:], 4)
		binary.LittleEndian.PutUint32(note[at+4:], 1)
		binary.LittleEndian.PutUint32(note[at+8:], value)
	}
	note[12] = 1
	field(14, 0x2020, 64)
	note[64] = 2
	field(66, 0x0101, uint32(len(note)))
	field(78, 0x0102, uint32(len(small)))
	b = newTIFF("IIRO")
	exif := b.dir(entry{0x927c, append(note, small...)})
	samples["orf"] = b.done(b.dir(entry{0x010f, "OLYMPUS CORPORATION"}, entry{0x8769, exif}))

	raf := append([]byte("FUJIFILMCCD-RAW 0201"), make([]byte, 120)...)
	binary.BigEndian.PutUint32(raf[84:], u(len(raf)))
	binary.BigEndian.PutUint32(raf[88:], u(len(big)))
	samples[decode.RAF] = append(append(raf, testkit.InsertSegment(big, 0xe1, testkit.EXIF(6, "2023:07:01 12:30:00"))...), make([]byte, 100)...)
	binary.BigEndian.PutUint32(samples[decode.RAF][88:], u(len(samples[decode.RAF])-len(raf)-100))

	c := newTIFF("II*\x00")
	cmt1 := c.done(c.dir(entry{0x0100, uint32(6000)}, entry{0x0101, uint32(4000)}, entry{0x010f, "Canon"}, entry{0x0110, "Canon EOS R5"}, entry{0x0112, uint32(8)}))
	uuid := []byte("\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48")
	preview := []byte("\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16")
	head := isoBox("ftyp", []byte("crx \x00\x00\x00\x01crx isom"))
	track := func(offset int) []byte {
		stsz := isoBox("stsz", make([]byte, 4), binary.BigEndian.AppendUint32(nil, u(len(big))), []byte{0, 0, 0, 1})
		co64 := isoBox("co64", make([]byte, 4), []byte{0, 0, 0, 1}, binary.BigEndian.AppendUint64(nil, uint64(offset)))
		return isoBox("trak", isoBox("mdia", isoBox("minf", isoBox("stbl", stsz, co64))))
	}
	moov := func(offset int) []byte {
		return isoBox("moov", isoBox("uuid", uuid, isoBox("CMT1", cmt1)), track(offset))
	}
	prvw := isoBox("uuid", preview, make([]byte, 8), isoBox("PRVW", make([]byte, 16), small))
	offset := len(head) + len(moov(0)) + len(prvw) + 8
	samples[decode.CR3] = bytes.Join([][]byte{head, moov(offset), prvw, isoBox("mdat", big)}, nil)
	return samples
}

func TestRawPreviews(t *testing.T) {
	samples := rawSamples(t)
	for format, data := range samples {
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil || h.Format != format || !slices.Contains(decode.RawFormats(), format) {
			t.Errorf("%s: %+v, %v", format, h, err)
			continue
		}
		whole, some := h.Select(data, 0), h.Select(data, 448)
		if h.Identity(whole, 1) != h.Identity(some, 1) {
			t.Errorf("%s: another identity for another model", format)
		}
		for minShort, part := range map[int][]byte{0: whole, 448: some} {
			m, err := h.Decode(part, 1, minShort)
			if err != nil || min(m.Columns, m.Rows) < min(minShort, 480) || minShort > 0 && m.Columns > 900 {
				t.Errorf("%s at %d: %+v, %v", format, minShort, m, err)
			}
		}
		if h2, err := decode.ReadHeader(bytes.NewReader(append(bytes.Clone(data), 0))); err != nil || h2.Identity(whole, 1) == h.Identity(whole, 1) {
			t.Errorf("%s: the file's size is no part of the identity (%v)", format, err)
		}
	}
	dng := header(t, samples["dng"])
	if got := len(dng.Extents(448)); got != 2 {
		t.Errorf("of a DNG with two previews %d are read", got)
	}
	if m := meta(t, samples[decode.RAF]); m.Orientation != 6 || m.TakenAt != "2023-07-01T12:30:00" {
		t.Errorf("RAF: %+v", m)
	}
	if m := meta(t, samples[decode.CR3]); m.Orientation != 8 || m.Camera != "Canon EOS R5" {
		t.Errorf("CR3: %+v", m)
	}
}

func TestRawWithoutPreview(t *testing.T) {
	b := newTIFF("II*\x00")
	thumb := encode(t, "a.jpg", testkit.Picture(5, 160, 120))
	at := b.put(thumb)
	data := b.done(b.dir(entry{0x0106, uint32(32803)}, entry{0x0201, at}, entry{0x0202, uint32(len(thumb))}))
	if _, err := decode.ReadHeader(bytes.NewReader(data)); !errors.Is(err, decode.ErrUnsupported) {
		t.Errorf("a thumbnail passes for the picture: %v", err)
	}
	nef := rawSamples(t)["arw"]
	if _, err := decode.ReadHeader(bytes.NewReader(nef[:len(nef)/2])); err == nil {
		t.Error("half a file is read")
	}
}

func TestManyBoxes(t *testing.T) {
	data := []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1")
	data = append(data, bytes.Repeat([]byte("\x00\x00\x00\x08free"), 1<<17)...)
	if _, err := decode.ReadHeader(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "too many boxes") {
		t.Errorf("%v", err)
	}
}

// TestBigTIFF reads a picture of two pixels whose offsets have 8 bytes.
func TestBigTIFF(t *testing.T) {
	le := binary.LittleEndian
	data := le.AppendUint64([]byte("II+\x00\x08\x00\x00\x00"), 24)
	data = append(data, 50, 200, 0, 0, 0, 0, 0, 0) // the pixels, at 16
	tags := [][2]uint64{{256, 2}, {257, 1}, {258, 8}, {259, 1}, {262, 1}, {273, 16}, {277, 1}, {278, 1}, {279, 2}}
	data = le.AppendUint64(data, uint64(len(tags)))
	for _, tag := range tags {
		data = le.AppendUint64(le.AppendUint64(le.AppendUint16(le.AppendUint16(data, uint16(tag[0])), 4), 1), tag[1])
	}
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil || h.Format != decode.TIFF || h.Width != 2 || h.Height != 1 {
		t.Fatalf("%+v, %v", h, err)
	}
	m, err := h.Decode(data, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, 6)
	m.Row(0, row)
	if !bytes.Equal(row, []byte{50, 50, 50, 200, 200, 200}) {
		t.Errorf("%v", row)
	}
}

func TestJPEGInTIFF(t *testing.T) {
	src := testkit.Picture(2, 64, 48)
	left := encode(t, "a.jpg", testkit.Picture(2, 48, 48))
	strip := encode(t, "a.jpg", src)
	b := newTIFF("II*\x00")
	at := b.put(strip)
	whole := b.done(b.dir(entry{0x0100, uint32(64)}, entry{0x0101, uint32(48)}, entry{0x0103, uint32(7)}, entry{0x0106, uint32(6)},
		entry{0x0111, at}, entry{0x0116, uint32(48)}, entry{0x0117, uint32(len(strip))}))
	want, _, err := decodeAll(strip)
	if err != nil {
		t.Fatal(err)
	}
	got, h, err := decodeAll(whole)
	if err != nil || h.Format != decode.TIFF || got.Width != 64 || got.Height != 48 {
		t.Fatalf("%+v, %v", h, err)
	}
	a, c := make([]byte, 3*64), make([]byte, 3*64)
	for y := range 48 {
		want.Row(y, a)
		got.Row(y, c)
		if !bytes.Equal(a, c) {
			t.Fatalf("row %d differs", y)
		}
	}
	// Two tiles, each 48 pixels wide: only 16 columns of the second one are visible.
	b = newTIFF("II*\x00")
	one := b.put(left)
	two := b.put(left)
	tiled := b.done(b.dir(entry{0x0100, uint32(64)}, entry{0x0101, uint32(48)}, entry{0x0103, uint32(7)}, entry{0x0106, uint32(6)},
		entry{0x0142, uint32(48)}, entry{0x0143, uint32(48)}, entry{0x0144, []uint32{one, two}}, entry{0x0145, []uint32{uint32(len(left)), uint32(len(left))}}))
	got, _, err = decodeAll(tiled)
	if err != nil || got.Width != 64 || got.Height != 48 {
		t.Fatalf("tiles: %+v, %v", got, err)
	}
	got.Row(7, c)
	if !bytes.Equal(c[:3*16], c[3*48:]) {
		t.Error("the second tile does not repeat the first")
	}
}

// module returns the folder of a module in the module cache, which contains its sample files.
func module(t testing.TB, path string) string {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	if err != nil {
		t.Skipf("no module cache to read samples from: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// coded is a library's sample file, read from the module cache, and the properties expected of it.
type coded struct {
	file          string
	format        decode.Format
	width, height int
	taken         string
}

func codedSamples(t testing.TB) []coded {
	meta := filepath.Join(module(t, "github.com/bep/imagemeta"), "testdata/images")
	jxl := filepath.Join(module(t, "github.com/gen2brain/jpegxl"), "testdata")
	heic := filepath.Join(module(t, "github.com/gen2brain/heic"), "testdata")
	return []coded{
		{filepath.Join(meta, "iphone.heic"), decode.HEIC, 5712, 4284, "2026-02-19T14:22:37-08:00"},
		{filepath.Join(meta, "sony.heif"), decode.HEIC, 4128, 6192, "2026-02-04T15:13:47-08:00"},
		{filepath.Join(meta, "bep/sunrise.avif"), decode.AVIF, 1024, 640, "2017-10-27T08:38:52"},
		{filepath.Join(meta, "bep/jølstravatnet.pef"), "pef", 6080, 4032, "2021-02-05T10:56:53"},
		{filepath.Join(jxl, "test8.jxl"), decode.JXL, 512, 512, ""},
		{filepath.Join(jxl, "test.jxl"), decode.JXL, 128, 128, ""},
		{filepath.Join(heic, "gray.heic"), decode.HEIC, 512, 512, ""},
	}
}

func TestLongCodedFormats(t *testing.T) {
	for _, want := range codedSamples(t) {
		name := filepath.Base(want.file)
		data, err := os.ReadFile(want.file)
		if err != nil {
			t.Error(err)
			continue
		}
		h := header(t, data)
		part := h.Select(data, 0)
		about := h.Meta(bytes.NewReader(part))
		if h.Format != want.format || h.Width != want.width || h.Height != want.height || about.TakenAt != want.taken || about.Orientation != 1 {
			t.Errorf("%s: %s %dx%d %+v", name, h.Format, h.Width, h.Height, about)
		}
		m, err := h.Decode(part, 1, 0)
		if err != nil || !slices.Contains(decode.RawFormats(), h.Format) && (m.Width != want.width || m.Height != want.height || m.Orientation != 1) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// BenchmarkCodedFormats decodes for a model of 224 pixels; docs/formats.md quotes it.
func BenchmarkCodedFormats(b *testing.B) {
	for _, s := range codedSamples(b) {
		data, err := os.ReadFile(s.file)
		if err != nil {
			b.Fatal(err)
		}
		h := header(b, data)
		part := h.Select(data, 448)
		b.Run(filepath.Base(s.file), func(b *testing.B) {
			for b.Loop() {
				if _, err := h.Decode(part, 1, 448); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzContainers reads the headers and metadata of containers with third-party codecs: truncated, oversized or looping input is an
// error, and nothing reads past the end of the file.
func FuzzContainers(f *testing.F) {
	for _, data := range rawSamples(f) {
		f.Add(data[:min(len(data), 4096)])
	}
	f.Add(append([]byte("\x00\x00\x00\x14ftypheic\x00\x00\x00\x00mif1"), isoBox("meta", make([]byte, 4), isoBox("pitm", []byte{0, 0, 0, 0, 0, 1}),
		isoBox("iinf", []byte{0, 0, 0, 0, 0, 1}, isoBox("infe", []byte("\x02\x00\x00\x00\x00\x01\x00\x00hvc1\x00"))),
		isoBox("iref", make([]byte, 4), isoBox("dimg", []byte{0, 1, 0, 1, 0, 1})),
		isoBox("iprp", isoBox("ipco", isoBox("ispe", []byte{0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 32}), isoBox("irot", []byte{1})), isoBox("ipma", []byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 1, 2})))...))
	f.Add([]byte("\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x14jxlc\xff\x0a\xf8\x9f\x01\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decode.ReadHeader(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, minShort := range []int{0, 448} {
			part := h.Select(data, minShort)
			h.Identity(part, h.Meta(bytes.NewReader(part)).Orientation)
			h.DecodeBytes(minShort)
		}
	})
}
