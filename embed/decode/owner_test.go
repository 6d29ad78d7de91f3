package decode_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

const xmpHead = "http://ns.adobe.com/xap/1.0/\x00"

// iptc is a segment with the keywords "Beep" and "Two words", the second with a stray NUL byte.
const iptc = "Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x18\x1c\x02\x19\x00\x04Beep\x1c\x02\x19\x00\x0aTwo\x00 words"

// withXMP returns a PNG with an iTXt chunk, whose data is text, inserted after the header.
func withXMP(png []byte, text string) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	chunk = append(append(chunk, "iTXt"...), text...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	const behindHeader = 8 + 25
	return slices.Concat(png[:behindHeader], chunk, png[behindHeader:])
}

func TestLabels(t *testing.T) {
	jpg := encode(t, "a.jpg", testkit.Picture(1, 32, 24))
	for name, c := range map[string]struct {
		segments []string
		want     decode.OwnerMetadata
	}{
		"none":          {nil, decode.OwnerMetadata{}},
		"xmp":           {[]string{xmpHead + testkit.XMP("4", "Sea", " New  York ", "Sea")}, decode.OwnerMetadata{Rating: 4, Rated: true, Keywords: []string{"Sea", "New York"}}},
		"rejected":      {[]string{xmpHead + testkit.XMP("-1")}, decode.OwnerMetadata{Rating: -1, Rated: true}},
		"not a rating":  {[]string{xmpHead + testkit.XMP("NaN", "Sea")}, decode.OwnerMetadata{Keywords: []string{"Sea"}}},
		"out of range":  {[]string{xmpHead + testkit.XMP("99")}, decode.OwnerMetadata{}},
		"damaged":       {[]string{xmpHead + testkit.XMP("4", "Sea")[:300]}, decode.OwnerMetadata{}},
		"iptc":          {[]string{iptc}, decode.OwnerMetadata{Keywords: []string{"Beep", "Two words"}}},
		"xmp over iptc": {[]string{iptc, xmpHead + testkit.XMP("2", "Sea")}, decode.OwnerMetadata{Rating: 2, Rated: true, Keywords: []string{"Sea"}}},
	} {
		data := testkit.InsertSegment(jpg, 0xe1, testkit.EXIF(6, "2023:07:01 12:00:00"))
		for _, s := range c.segments {
			marker := byte(0xe1)
			if s[0] == 'P' {
				marker = 0xed
			}
			data = testkit.InsertSegment(data, marker, []byte(s))
		}
		m := meta(t, data)
		if !reflect.DeepEqual(m.OwnerMetadata, c.want) {
			t.Errorf("%s: %+v, want %+v", name, m.OwnerMetadata, c.want)
		}
		if m.Orientation != 6 || m.TakenAt != "2023-07-01T12:00:00" {
			t.Errorf("%s: the EXIF suffered: %+v", name, m)
		}
	}
}

func TestPNGLabels(t *testing.T) {
	png := encode(t, "a.png", testkit.Picture(1, 32, 24))
	packet := testkit.XMP("4", "Sea")
	m := meta(t, withXMP(png, "XML:com.adobe.xmp\x00\x00\x00en\x00\x00"+packet))
	if want := (decode.OwnerMetadata{Rating: 4, Rated: true, Keywords: []string{"Sea"}}); !reflect.DeepEqual(m.OwnerMetadata, want) {
		t.Errorf("%+v", m)
	}
	for _, other := range []string{"Comment\x00\x00\x00\x00\x00" + packet, "XML:com.adobe.xmp\x00", "XML:com.adobe.xmp\x00\x01\x00\x00\x00" + packet, ""} {
		if m := meta(t, withXMP(png, other)); m.Rated {
			t.Errorf("%.30q: %+v", other, m)
		}
	}
}

func TestReadXMP(t *testing.T) {
	got, err := decode.ReadXMP([]byte(testkit.XMP("3.0", "Ärger")))
	if want := (decode.OwnerMetadata{Rating: 3, Rated: true, Keywords: []string{"Ärger"}}); err != nil || !reflect.DeepEqual(got.OwnerMetadata, want) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "<x", "no XMP at all", string(make([]byte, 5<<20))} {
		if l, err := decode.ReadXMP([]byte(bad)); err == nil {
			t.Errorf("%.20q: %+v", bad, l)
		}
	}
}

// FuzzReadXMP reads sidecars: whatever they contain, ratings stay within XMP's range and keywords are trimmed text without newlines or NUL.
func FuzzReadXMP(f *testing.F) {
	f.Add([]byte(testkit.XMP("4", "Sea", " New  York ", "Ärger")))
	f.Add([]byte(testkit.XMP("-1")))
	f.Add([]byte(strings.ReplaceAll(testkit.XMP("3.0", "Sea"), "rdf:Bag", "rdf:Seq")))
	f.Add([]byte(testkit.XMP("4", "Sea")[:300]))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, _ := decode.ReadXMP(data)
		if l.Rating < -1 || l.Rating > 5 || l.Rating != 0 && !l.Rated {
			t.Errorf("rating %d, rated %v", l.Rating, l.Rated)
		}
		for _, k := range l.Keywords {
			if k == "" || !utf8.ValidString(k) || strings.TrimSpace(k) != k || strings.ContainsAny(k, "\n\x00") {
				t.Errorf("keyword %q", k)
			}
		}
	})
}

// TestLens reads a phone's file from the metadata library's test data.
func TestLens(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(module(t, "github.com/bep/imagemeta"), "testdata", "images", "goexif", "has-lens-info.jpg"))
	if err != nil {
		t.Skip("no sample: ", err)
	}
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if m := h.Meta(bytes.NewReader(data)); m.Lens != "iPhone 4S back camera 4.28mm f/2.4" {
		t.Errorf("%+v", m)
	}
}
