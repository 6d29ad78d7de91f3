package meta

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// XMP holds what an XMP packet says (XMP specification, parts 1 and 2).
type XMP struct {
	Rating   Rating
	Keywords []string
	// People are those with a box first.
	People      []Person
	Description string
	// Dates are as written, the most trusted first: when the picture was taken, when it was made, when its file was made.
	Dates []string
	Place Place
}

// MaxXMP bounds a packet in bytes; programs that store their editing history in it write several hundred thousand.
const MaxXMP = 4 << 20

// ErrXMP means that a packet is not XMP, or is damaged.
var ErrXMP = errors.New("damaged XMP")

// The namespaces of the properties that are read.
const (
	nsRDF       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsXMP       = "http://ns.adobe.com/xap/1.0/"
	nsDC        = "http://purl.org/dc/elements/1.1/"
	nsExif      = "http://ns.adobe.com/exif/1.0/"
	nsPhotoshop = "http://ns.adobe.com/photoshop/1.0/"
	nsMicrosoft = "http://ns.microsoft.com/photo/1.0/"
)

// xmpReader collects properties.
type xmpReader struct {
	values map[xml.Name]string
	list   []string
	people people
}

// wantedXMP are the properties with one value.
var wantedXMP = map[xml.Name]bool{
	{Space: nsXMP, Local: "Rating"}: true, {Space: nsMicrosoft, Local: "Rating"}: true, {Space: nsExif, Local: "DateTimeOriginal"}: true,
	{Space: nsPhotoshop, Local: "DateCreated"}: true, {Space: nsXMP, Local: "CreateDate"}: true,
	description: true, {Space: nsExif, Local: "GPSLatitude"}: true, {Space: nsExif, Local: "GPSLongitude"}: true,
}

var (
	subject     = xml.Name{Space: nsDC, Local: "subject"}
	description = xml.Name{Space: nsDC, Local: "description"}
)

// ReadXMP reads a packet, with or without the x:xmpmeta element around it, in UTF-8 or UTF-16. If it ends early or is damaged after some
// properties, those are returned with ErrXMP. Bytes that are no text count as spaces.
func ReadXMP(packet []byte) (x XMP, err error) {
	if len(packet) > MaxXMP {
		return x, ErrXMP
	}
	d := xml.NewDecoder(bytes.NewReader(asText(asUTF8Packet(packet))))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // it has been converted
	r := xmpReader{values: make(map[xml.Name]string)}
	for {
		token, err := d.Token()
		if err != nil { // of damage, or of the document without its end
			return r.result(), ErrXMP
		}
		switch token := token.(type) {
		case xml.EndElement:
			if token.Name.Space == nsRDF && token.Name.Local == "RDF" {
				return r.result(), nil
			}
		case xml.StartElement:
			if token.Name.Space == nsRDF && token.Name.Local == "Description" {
				r.description(d, token)
			}
		}
	}
}

// asText replaces what XML cannot contain by spaces: control characters, and bytes that are not UTF-8.
func asText(packet []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == utf8.RuneError || r == 0xfffe || r == 0xffff {
			return ' '
		}
		return r
	}, packet)
}

// description reads the properties of an rdf:Description: its attributes and its elements.
func (r *xmpReader) description(d *xml.Decoder, start xml.StartElement) {
	for _, a := range start.Attr {
		r.set(a.Name, a.Value)
	}
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		switch token := token.(type) {
		case xml.EndElement:
			return
		case xml.StartElement:
			if token.Name == subject {
				r.list = append(r.list, items(d)...)
			} else if r.people.read(d, token) {
				continue
			} else if text := items(d); len(text) > 0 {
				r.set(token.Name, text[0])
			}
		}
	}
}

func (r *xmpReader) set(name xml.Name, value string) {
	if _, known := r.values[name]; wantedXMP[name] && !known {
		r.values[name] = strings.TrimSpace(value)
	}
}

// items returns the texts of an element's list, or its own text, up to its end.
func items(d *xml.Decoder) (list []string) {
	var own, item strings.Builder
	depth, inItem := 1, 0
	for depth > 0 {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			if inItem == 0 && token.Name.Space == nsRDF && token.Name.Local == "li" {
				inItem = depth
				item.Reset()
			}
		case xml.EndElement:
			if depth == inItem {
				list, inItem = append(list, strings.TrimSpace(item.String())), 0
			}
			depth--
		case xml.CharData:
			if inItem > 0 {
				item.Write(token)
			} else {
				own.Write(token)
			}
		}
	}
	if text := strings.TrimSpace(own.String()); len(list) == 0 && text != "" {
		list = []string{text}
	}
	return list
}

func (r *xmpReader) result() XMP {
	value := func(space, local string) string { return r.values[xml.Name{Space: space, Local: local}] }
	x := XMP{Keywords: r.list, People: r.people.all(), Description: r.values[description]}
	for _, date := range []string{value(nsExif, "DateTimeOriginal"), value(nsPhotoshop, "DateCreated"), value(nsXMP, "CreateDate")} {
		if date != "" {
			x.Dates = append(x.Dates, date)
		}
	}
	// Some programs write "3.0". A rating of -1 means rejected.
	if f, err := strconv.ParseFloat(value(nsXMP, "Rating"), 64); err == nil && f >= -1 && f <= 5 {
		x.Rating = Rating{int(math.Round(f)), true}
	} else if f, err := strconv.ParseFloat(value(nsMicrosoft, "Rating"), 64); err == nil {
		x.Rating = percent(f)
	}
	lat, okLat := xmpCoordinate(value(nsExif, "GPSLatitude"), "N", "S")
	long, okLong := xmpCoordinate(value(nsExif, "GPSLongitude"), "E", "W")
	x.Place = Position(lat, long, okLat && okLong)
	return x
}

// xmpCoordinate reads "26,34,12N" or "26,34.951N" (XMP part 2, 8.1, GPSCoordinate).
func xmpCoordinate(text, positive, negative string) (float64, bool) {
	if text == "" {
		return 0, false
	}
	var sign float64
	switch strings.ToUpper(text[len(text)-1:]) {
	case positive:
		sign = 1
	case negative:
		sign = -1
	default:
		return 0, false
	}
	degrees, unit := 0.0, 1.0
	for _, part := range strings.Split(text[:len(text)-1], ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || !(f >= 0) {
			return 0, false
		}
		degrees += f / unit
		unit *= 60
	}
	return sign * degrees, true
}

// asUTF8Packet converts a packet in UTF-16, with or without a byte order mark.
func asUTF8Packet(packet []byte) []byte {
	var high int // the index of the more significant byte of each pair
	switch {
	case bytes.HasPrefix(packet, []byte{0xfe, 0xff}), bytes.HasPrefix(packet, []byte{0, '<'}):
	case bytes.HasPrefix(packet, []byte{0xff, 0xfe}), bytes.HasPrefix(packet, []byte{'<', 0}):
		high = 1
	default:
		return packet
	}
	units := make([]uint16, len(packet)/2)
	for i := range units {
		units[i] = uint16(packet[2*i+high])<<8 | uint16(packet[2*i+1-high])
	}
	return []byte(strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"))
}
