package meta

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// packet is an XMP packet with one property as an attribute, and keywords.
const packet = `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
	`<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4">` +
	`<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>old town</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>`

var (
	fromPacket = XMP{Rating: Rating{4, true}, Keywords: []string{"sea", "old town"}}
	iptc       = "\x1c\x02\x19\x00\x03sea"
)

// oriented returns an EXIF block with orientation 6.
func oriented() []byte {
	w := newWriter(false)
	return w.done(w.directory(w.short(tagOrientation, 6)))
}

func wrap(rdf string) string {
	return `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" ` +
		`xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/">` + rdf + `</rdf:RDF>`
}

func utf16Packet(text string, order binary.AppendByteOrder, mark bool) []byte {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, u := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func TestXMP(t *testing.T) {
	for name, c := range map[string]struct {
		packet []byte
		want   XMP
	}{
		"as attributes":         {[]byte(packet), fromPacket},
		"UTF-16, with a mark":   {utf16Packet(packet, binary.LittleEndian, true), fromPacket},
		"UTF-16, big-endian":    {utf16Packet(packet, binary.BigEndian, true), fromPacket},
		"UTF-16, without":       {utf16Packet(packet, binary.LittleEndian, false), fromPacket},
		"as elements":           {[]byte(wrap(`<rdf:Description><xmp:Rating>3.0</xmp:Rating></rdf:Description>`)), XMP{Rating: Rating{3, true}}},
		"Microsoft's":           {[]byte(wrap(`<rdf:Description><MicrosoftPhoto:Rating>75</MicrosoftPhoto:Rating></rdf:Description>`)), XMP{Rating: Rating{4, true}}},
		"Adobe's over it":       {[]byte(wrap(`<rdf:Description MicrosoftPhoto:Rating="75" xmp:Rating="2"/>`)), XMP{Rating: Rating{2, true}}},
		"rejected":              {[]byte(wrap(`<rdf:Description xmp:Rating="-1"/>`)), XMP{Rating: Rating{-1, true}}},
		"not a rating":          {[]byte(wrap(`<rdf:Description xmp:Rating="NaN"/>`)), XMP{}},
		"one keyword as a text": {[]byte(wrap(`<rdf:Description><dc:subject>sea</dc:subject></rdf:Description>`)), XMP{Keywords: []string{"sea"}}},
		"two descriptions":      {[]byte(wrap(`<rdf:Description xmp:Rating="1"/><rdf:Description><dc:subject><rdf:Seq><rdf:li>a</rdf:li></rdf:Seq></dc:subject></rdf:Description>`)), XMP{Rating: Rating{1, true}, Keywords: []string{"a"}}},
		"dates":                 {[]byte(wrap(`<rdf:Description exif:DateTimeOriginal="2019-05-06T07:08:09" photoshop:DateCreated="2018-01-01" xmp:CreateDate="2017"/>`)), XMP{Dates: []string{"2019-05-06T07:08:09", "2018-01-01", "2017"}}},
		"a place":               {[]byte(wrap(`<rdf:Description exif:GPSLatitude="48,51.5N" exif:GPSLongitude="2,17,40W"/>`)), XMP{Place: Place{48 + 51.5/60, -(2 + 17.0/60 + 40.0/3600), true}}},
		"cut off":               {[]byte(packet[:len(packet)-30]), fromPacket},
		"padding behind it":     {append([]byte(packet), make([]byte, 100)...), fromPacket},
	} {
		if got, err := ReadXMP(c.packet); (err != nil) != (name == "cut off") || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	for _, text := range []string{"", "<x", "hello", "<html></html>"} {
		if got, err := ReadXMP([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestIPTC(t *testing.T) {
	declared := "\x1c\x01\x5a\x00\x03\x1b%G"
	for name, c := range map[string]struct {
		data string
		want []string
	}{
		"two":             {iptc + "\x1c\x02\x19\x00\x04town", []string{"sea", "town"}},
		"declared UTF-8":  {declared + "\x1c\x02\x19\x00\x04f\xc3\xbcr", []string{"für"}},
		"undeclared":      {"\x1c\x02\x19\x00\x04f\xc3\xbcr", []string{"für"}},
		"Latin-1":         {"\x1c\x02\x19\x00\x03f\xfcr", []string{"für"}},
		"a long length":   {"\x1c\x02\x19\x80\x02\x00\x03sea", []string{"sea"}},
		"rubbish between": {"\x00\x00" + iptc, []string{"sea"}},
		"cut off":         {iptc + "\x1c\x02\x19\x00\x09to", []string{"sea"}},
	} {
		if got := Keywords([]byte(c.data)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// resource returns one of Photoshop's image resources.
func resource(id uint16, data string, pad bool) string {
	out := string(binary.BigEndian.AppendUint32(append(binary.BigEndian.AppendUint16([]byte("8BIM"), id), 0, 0), uint32(len(data)))) + data
	if pad && len(data)%2 == 1 {
		out += "\x00"
	}
	return out
}

func segment(marker byte, data string) string {
	return string(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2))) + data
}

func chunkPNG(kind, data string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + kind + data + "\x00\x00\x00\x00"
}

func chunkWebP(kind, data string, pad bool) string {
	out := kind + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
	if pad && len(data)%2 == 1 {
		out += "\x00"
	}
	return out
}

func deflated(text string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

func profile(name, data string) string {
	digits := hex.EncodeToString([]byte(data))
	return fmt.Sprintf("\n%s\n%8d\n%s\n", name, len(data), digits[:len(digits)/2]+"\n"+digits[len(digits)/2:])
}

// TestContainers finds EXIF with orientation 6, the packet, and the keyword of IPTC, wherever the formats and the programs put them.
func TestContainers(t *testing.T) {
	exif := string(oriented())
	const all = 7 // exif 1, xmp 2, iptc 4
	jpeg, png, webp := "\xff\xd8", "\x89PNG\r\n\x1a\n", "RIFF\x00\x00\x00\x00WEBP"
	photoshop := photoshopMark + resource(0x03ed, "abc", true) + resource(resourceIPTC, iptc, true)
	for name, c := range map[string]struct {
		read func(b []byte) Blocks
		data string
		want int
	}{
		"JPEG":                       {fromJPEG, jpeg + segment(0xe1, exifMark+exif) + segment(0xe1, xmpMark+packet) + segment(0xed, photoshop) + segment(0xda, ""), all},
		"JPEG, XMP called otherwise": {fromJPEG, jpeg + segment(0xe1, "XMP\x00://ns.adobe.com/xap/1.0/\x00"+packet), 2},
		"JPEG, rubbish between":      {fromJPEG, jpeg + "\x00\xff\xff" + segment(0xe1, exifMark+exif) + "abc" + segment(0xe1, xmpMark+packet), 3},
		"JPEG, an odd resource":      {fromJPEG, jpeg + segment(0xed, photoshopMark+resource(0x03ed, "abc", false)+resource(resourceIPTC, iptc, true)), 4},
		"JPEG, split resources":      {fromJPEG, jpeg + segment(0xed, photoshop[:30]) + segment(0xed, photoshopMark+photoshop[30:]), 4},
		"JPEG, an empty EXIF before": {fromJPEG, jpeg + segment(0xe1, exifMark) + segment(0xe1, exifMark+exif), 1},
		"JPEG, two beginnings":       {fromJPEG, jpeg + jpeg + segment(0xe1, exifMark+exif), 1},
		"JPEG, much fill":            {fromJPEG, jpeg + strings.Repeat("\xff", 5000) + segment(0xe1, exifMark+exif), 1},
		"PNG, behind many pixels":    {fromPNG, png + strings.Repeat(chunkPNG("IDAT", ""), 5000) + chunkPNG("eXIf", exif), 1},
		"JPEG, behind the scan":      {fromJPEG, jpeg + segment(0xda, "") + segment(0xe1, exifMark+exif), 0},
		"WebP":                       {fromWebP, webp + chunkWebP("VP8X", "0123456789", true) + chunkWebP("EXIF", exif, true) + chunkWebP("XMP ", packet, true), 3},
		"WebP, with JPEG's mark":     {fromWebP, webp + chunkWebP("VP8 ", "0123", true) + chunkWebP("EXIF", exifMark+exif, true), 1},
		"WebP, an odd chunk":         {fromWebP, webp + chunkWebP("VP8 ", "01234", true) + chunkWebP("EXIF", exif, true), 1},
		"WebP, without padding":      {fromWebP, webp + chunkWebP("VP8 ", "01234", false) + chunkWebP("EXIF", exif, true), 1},
		"PNG":                        {fromPNG, png + chunkPNG("eXIf", exif) + chunkPNG("iTXt", "XML:com.adobe.xmp\x00\x00\x00en\x00\x00"+packet), 3},
		"PNG, compressed":            {fromPNG, png + chunkPNG("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+deflated(packet)), 2},
		"PNG, raw profiles": {fromPNG, png + chunkPNG("zTXt", "Raw profile type exif\x00\x00"+deflated(profile("exif", exifMark+exif))) +
			chunkPNG("tEXt", "Raw profile type xmp\x00"+profile("xmp", packet)) + chunkPNG("zTXt", "Raw profile type iptc\x00\x00"+deflated(profile("iptc", resource(resourceIPTC, iptc, true)))), all},
		"PNG, profile APP1":     {fromPNG, png + chunkPNG("zTXt", "Raw profile type APP1\x00\x00"+deflated(profile("generic", exifMark+exif))), 1},
		"PNG, another text":     {fromPNG, png + chunkPNG("iTXt", "Comment\x00\x00\x00en\x00\x00"+packet), 0},
		"PNG, behind its end":   {fromPNG, png + chunkPNG("IEND", "") + chunkPNG("eXIf", exif), 0},
		"PNG, a false checksum": {fromPNG, png + chunkPNG("tEXt", "a\x00b") + chunkPNG("eXIf", exif), 1},
	} {
		b := c.read([]byte(c.data))
		got := 0
		if b.EXIF.Orientation == 6 {
			got |= 1
		}
		if len(b.XMP) == 1 {
			if x, err := ReadXMP(b.XMP[0]); err == nil && reflect.DeepEqual(x, fromPacket) {
				got |= 2
			}
		}
		if slices.Equal(Keywords(b.IPTC), []string{"sea"}) {
			got |= 4
		}
		if got != c.want {
			t.Errorf("%s: %03b, want %03b: %+v", name, got, c.want, b)
		}
	}
}

func fromJPEG(data []byte) Blocks { return ReadJPEG(bytes.NewReader(data), int64(len(data))) }
func fromWebP(data []byte) Blocks { return ReadWebP(bytes.NewReader(data), int64(len(data))) }
func fromPNG(data []byte) Blocks  { return ReadPNG(bytes.NewReader(data), int64(len(data))) }

// TestBombs checks that what a file expands to is bounded for all its parts together.
func TestBombs(t *testing.T) {
	bomb := deflated(strings.Repeat(" ", 4<<20) + packet)
	data := "\x89PNG\r\n\x1a\n" + strings.Repeat(chunkPNG("iTXt", "XML:com.adobe.xmp\x00\x01\x00\x00\x00"+bomb), 200)
	b := fromPNG([]byte(data))
	total := 0
	for _, x := range b.XMP {
		total += len(x)
	}
	if b.inflated > maxBlock || total > maxBlock || len(b.XMP) > maxPackets {
		t.Errorf("%d bytes inflated, %d kept in %d packets", b.inflated, total, len(b.XMP))
	}
}

// TestTIFF reads the blocks that a TIFF has in tags of its own.
func TestTIFF(t *testing.T) {
	for name, own := range map[string]value{
		"IPTC":      {tagIPTC, 7, len(iptc), []byte(iptc)},
		"resources": {tagResources, 1, len(resource(resourceIPTC, iptc, true)), []byte(resource(resourceIPTC, iptc, true))},
	} {
		w := newWriter(true)
		data := w.done(w.directory(own, value{tagXMP, 1, len(packet), []byte(packet)}))
		var b Blocks
		b.AddTIFF(bytes.NewReader(data), int64(len(data)))
		if len(b.XMP) != 1 || string(b.XMP[0]) != packet || !slices.Equal(Keywords(b.IPTC), []string{"sea"}) {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func FuzzContainers(f *testing.F) {
	exif := string(oriented())
	f.Add([]byte("\xff\xd8" + segment(0xe1, exifMark+exif) + segment(0xed, photoshopMark+resource(resourceIPTC, iptc, true))))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBP" + chunkWebP("EXIF", exif, true)))
	f.Add([]byte("\x89PNG\r\n\x1a\n" + chunkPNG("zTXt", "Raw profile type exif\x00\x00"+deflated(profile("exif", exif)))))
	f.Add([]byte(packet))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, read := range []func([]byte) Blocks{fromJPEG, fromWebP, fromPNG} {
			b := read(data)
			for _, k := range Keywords(b.IPTC) {
				if len(k) > 2*len(data) {
					t.Errorf("%q", k)
				}
			}
		}
		_, _ = ReadXMP(data)
	})
}
