// Package sidecar writes XMP sidecars for darktable, digiKam and Lightroom. It must not know stores, files or the command line.
package sidecar

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Content is what a sidecar says about a photo.
type Content struct {
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false if there is no rating.
	Rating   int
	Rated    bool
	Keywords []string
	// Labels are written as keywords too.
	Labels []string
	People []Person
	// TakenAt is when the photo was taken, in RFC 3339 with or without time and zone; "" if the photo says so itself.
	TakenAt string
	// HasPosition reports whether Latitude and Longitude, in degrees, are written.
	HasPosition         bool
	Latitude, Longitude float64
	// Description is the caption; Text the text in the photo, one line each.
	Description, Text string
	// Width and Height are the size of the photo as it is stored, in pixels; 0 if it is unknown.
	Width, Height int
}

// Person is a person in a photo. Box is x, y, width and height as fractions of the photo's sides as it is stored; zeros if it is unknown.
type Person struct {
	Name string
	Box  [4]float64
}

// IsEmpty reports whether there is nothing to say.
func (c Content) IsEmpty() bool {
	return !c.Rated && !c.HasPosition && c.TakenAt == "" && len(c.Keywords)+len(c.Labels)+len(c.People) == 0 && c.Description == "" && c.Text == ""
}

// The first tags of people and labels in hierarchical keywords.
const (
	peopleTag = "People"
	labelTag  = "Labels"
)

// Write writes a packet. Its properties: xmp:Rating, exif:DateTimeOriginal, exif:GPSLatitude and exif:GPSLongitude; dc:description; dc:subject with keywords, labels and the names of people, as Lightroom writes them;
// digiKam:TagsList and lr:hierarchicalSubject with people and labels below their tags; Iptc4xmpExt:PersonInImage; mwg-rs:Regions for people with a box (MWG,
// Guidelines for Handling Image Metadata, 5.9); exif:UserComment with the text in the photo.
func Write(w io.Writer, c Content) error {
	var b bytes.Buffer
	b.WriteString(`<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="imgsearch">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/"
    xmlns:lr="http://ns.adobe.com/lightroom/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"`)
	if c.Rated {
		fmt.Fprintf(&b, "\n    xmp:Rating=\"%d\"", c.Rating)
	}
	if c.TakenAt != "" {
		fmt.Fprintf(&b, "\n    exif:DateTimeOriginal=\"%s\"", escape(c.TakenAt))
	}
	if c.HasPosition {
		fmt.Fprintf(&b, "\n    exif:GPSLatitude=\"%s\"\n    exif:GPSLongitude=\"%s\"", coordinate(c.Latitude, "N", "S"), coordinate(c.Longitude, "E", "W"))
	}
	b.WriteString(">\n")
	alternative(&b, "dc:description", c.Description)
	alternative(&b, "exif:UserComment", c.Text)
	var names, tags []string
	for _, p := range c.People {
		names = append(names, p.Name)
		tags = append(tags, peopleTag+"|"+strings.ReplaceAll(p.Name, "|", "/"))
	}
	for _, l := range c.Labels {
		tags = append(tags, labelTag+"|"+strings.ReplaceAll(l, "|", "/"))
	}
	list(&b, "dc:subject", "Bag", slices.Concat(c.Keywords, c.Labels, names))
	list(&b, "lr:hierarchicalSubject", "Bag", tags)
	for i, t := range tags {
		tags[i] = strings.Replace(strings.ReplaceAll(t, "/", "-"), "|", "/", 1)
	}
	list(&b, "digiKam:TagsList", "Seq", tags)
	list(&b, "Iptc4xmpExt:PersonInImage", "Bag", names)
	regions(&b, c)
	b.WriteString("  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>\n")
	_, err := w.Write(b.Bytes())
	return err
}

// coordinate returns degrees as XMP has them: "48,51.504000N" (XMP specification, part 2, GPSCoordinate).
func coordinate(degrees float64, positive, negative string) string {
	side := positive
	if degrees < 0 {
		side, degrees = negative, -degrees
	}
	const unit = 1e6 // of a minute
	minutes := math.Round(degrees * 60 * unit)
	whole := math.Floor(minutes / (60 * unit))
	return fmt.Sprintf("%.0f,%.6f%s", whole, (minutes-whole*60*unit)/unit, side)
}

// escape returns a text for XML. Characters that XML cannot hold become U+FFFD.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder does not fail
	return b.String()
}

// alternative writes a text in the default language; nothing if it is empty.
func alternative(b *bytes.Buffer, name, text string) {
	if text != "" {
		fmt.Fprintf(b, "   <%s><rdf:Alt><rdf:li xml:lang=\"x-default\">%s</rdf:li></rdf:Alt></%s>\n", name, escape(text), name)
	}
}

// list writes texts, each once; nothing if there are none.
func list(b *bytes.Buffer, name, kind string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "   <%s><rdf:%s>\n", name, kind)
	for i, item := range items {
		if !slices.Contains(items[:i], item) {
			fmt.Fprintf(b, "    <rdf:li>%s</rdf:li>\n", escape(item))
		}
	}
	fmt.Fprintf(b, "   </rdf:%s></%s>\n", kind, name)
}

// regions writes the people with a box.
func regions(b *bytes.Buffer, c Content) {
	boxed := slices.DeleteFunc(slices.Clone(c.People), func(p Person) bool { return p.Box == [4]float64{} })
	if len(boxed) == 0 {
		return
	}
	b.WriteString("   <mwg-rs:Regions rdf:parseType=\"Resource\">\n")
	if c.Width > 0 && c.Height > 0 {
		fmt.Fprintf(b, "    <mwg-rs:AppliedToDimensions stDim:w=\"%d\" stDim:h=\"%d\" stDim:unit=\"pixel\"/>\n", c.Width, c.Height)
	}
	b.WriteString("    <mwg-rs:RegionList><rdf:Bag>\n")
	for _, p := range boxed {
		x, y, w, h := p.Box[0], p.Box[1], p.Box[2], p.Box[3]
		fmt.Fprintf(b, "     <rdf:li><rdf:Description mwg-rs:Name=\"%s\" mwg-rs:Type=\"Face\"><mwg-rs:Area stArea:x=\"%.4f\" stArea:y=\"%.4f\" stArea:w=\"%.4f\" stArea:h=\"%.4f\" stArea:unit=\"normalized\"/></rdf:Description></rdf:li>\n",
			escape(p.Name), x+w/2, y+h/2, w, h)
	}
	b.WriteString("    </rdf:Bag></mwg-rs:RegionList>\n   </mwg-rs:Regions>\n")
}
