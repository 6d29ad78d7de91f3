package meta

import (
	"encoding/xml"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Person is a person in a picture. Box is x, y, width and height as fractions of the picture's sides as it is stored; zeros if it is unknown.
type Person struct {
	Name string
	Box  [4]float64
}

// The namespaces of the properties that name people: MWG's regions (Guidelines for Handling Image Metadata, 5.9), Microsoft's people tags, IPTC's
// PersonInImage, and the hierarchical keywords of digiKam and Lightroom.
const (
	nsMWG        = "http://www.metadataworkinggroup.com/schemas/regions/"
	nsArea       = "http://ns.adobe.com/xmp/sType/Area#"
	nsDimensions = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
	nsMPRegions  = "http://ns.microsoft.com/photo/1.2/"
	nsMPRegion   = "http://ns.microsoft.com/photo/1.2/t/Region#"
	nsMPInfo     = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
	nsIPTCExt    = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
	nsDigiKam    = "http://www.digikam.org/ns/1.0/"
	nsLightroom  = "http://ns.adobe.com/lightroom/1.0/"
)

// The bounds of what is read.
const (
	maxNested     = 32   // the depth of elements
	maxPeople     = 1000 // in one packet
	maxChars      = 4096 // the length of an element's text, in bytes
	peopleSources = 3    // people.from
)

// peopleTags are the tags under which programs keep people, in their languages' words for them.
var peopleTags = []string{"people", "persons", "personen", "personnes", "personas", "persone", "pessoas", "osoby", "personer", "ludzie", "lidé"}

// people collects the people that properties name, by source: regions, lists of names, tags.
type people struct{ from [peopleSources][]Person }

// read reads a property that names people; ok is false if it is another one, of which nothing was read.
func (p *people) read(d *xml.Decoder, start xml.StartElement) (ok bool) {
	switch start.Name {
	case xml.Name{Space: nsMWG, Local: "Regions"}:
		p.mwg(readNode(d, start, 0))
	case xml.Name{Space: nsMPRegions, Local: "RegionInfo"}:
		p.microsoft(readNode(d, start, 0))
	case xml.Name{Space: nsIPTCExt, Local: "PersonInImage"}:
		for _, name := range items(d) {
			p.add(1, Person{Name: name})
		}
	case xml.Name{Space: nsDigiKam, Local: "TagsList"}:
		p.tags(items(d), "/")
	case xml.Name{Space: nsLightroom, Local: "hierarchicalSubject"}:
		p.tags(items(d), "|")
	default:
		return false
	}
	return true
}

func (p *people) add(source int, one Person) {
	if one.Name = strings.TrimSpace(one.Name); one.Name != "" && len(p.from[source]) < maxPeople {
		p.from[source] = append(p.from[source], one)
	}
}

// all returns the people of all sources, each once.
func (p *people) all() (list []Person) {
	for _, some := range p.from {
		for _, one := range some {
			if !slices.ContainsFunc(list, func(known Person) bool { return known.Name == one.Name }) {
				list = append(list, one)
			}
		}
	}
	return list
}

// tags reads the paths of tags below one for people: "People/Family/Anna".
func (p *people) tags(paths []string, separator string) {
	for _, path := range paths {
		parts := strings.Split(path, separator)
		if len(parts) > 1 && slices.Contains(peopleTags, strings.ToLower(strings.TrimSpace(parts[0]))) {
			p.add(2, Person{Name: parts[len(parts)-1]})
		}
	}
}

// mwg reads the regions of faces. Their areas have a centre; in pixels only if the unit says so.
func (p *people) mwg(regions node) {
	size := regions.find(xml.Name{Space: nsMWG, Local: "AppliedToDimensions"})
	width, height := size.number(nsDimensions, "w"), size.number(nsDimensions, "h")
	for _, li := range regions.find(xml.Name{Space: nsMWG, Local: "RegionList"}).items() {
		if kind := li.text(nsMWG, "Type"); kind != "" && kind != "Face" {
			continue
		}
		area := li.find(xml.Name{Space: nsMWG, Local: "Area"})
		x, y, w, h := area.number(nsArea, "x"), area.number(nsArea, "y"), area.number(nsArea, "w"), area.number(nsArea, "h")
		if area.text(nsArea, "unit") == "pixel" && width > 0 && height > 0 {
			x, y, w, h = x/width, y/height, w/width, h/height
		}
		p.add(0, Person{li.text(nsMWG, "Name"), box(x-w/2, y-h/2, w, h)})
	}
}

// microsoft reads the regions of Windows Photo Gallery: "left, top, width, height".
func (p *people) microsoft(info node) {
	for _, li := range info.find(xml.Name{Space: nsMPInfo, Local: "Regions"}).items() {
		var v [4]float64
		parts := strings.Split(li.text(nsMPRegion, "Rectangle"), ",")
		for i := range min(len(parts), len(v)) {
			v[i], _ = strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		}
		p.add(0, Person{li.text(nsMPRegion, "PersonDisplayName"), box(v[0], v[1], v[2], v[3])})
	}
}

// box returns a box within the picture, rounded to a ten-thousandth; zeros if it has no area or is no box at all.
func box(x, y, w, h float64) (b [4]float64) {
	left, top, right, bottom := max(x, 0), max(y, 0), min(x+w, 1), min(y+h, 1)
	if !(left < right && top < bottom) {
		return b
	}
	for i, v := range []float64{left, top, right - left, bottom - top} {
		b[i] = math.Round(v*1e4) / 1e4
	}
	return b
}

// node is an element with what is in it.
type node struct {
	name     xml.Name
	attrs    []xml.Attr
	chars    []byte
	children []node
}

// readNode reads an element up to its end. Elements that are nested too deeply are left out.
func readNode(d *xml.Decoder, start xml.StartElement, depth int) node {
	n := node{name: start.Name, attrs: start.Copy().Attr}
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		switch token := token.(type) {
		case xml.EndElement:
			return n
		case xml.CharData:
			n.chars = append(n.chars, token[:min(len(token), maxChars-len(n.chars))]...)
		case xml.StartElement:
			if depth >= maxNested {
				if d.Skip() != nil {
					return n
				}
				continue
			}
			n.children = append(n.children, readNode(d, token, depth+1))
		}
	}
}

// find returns the first element with a name in n, which may be inside an rdf:Description; a node without a name if there is none.
func (n node) find(name xml.Name) node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
		if c.name.Space == nsRDF && c.name.Local == "Description" {
			if found := c.find(name); found.name == name {
				return found
			}
		}
	}
	return node{}
}

// items returns the elements of a list.
func (n node) items() (list []node) {
	for _, c := range n.children {
		switch {
		case c.name.Space != nsRDF:
		case c.name.Local == "li":
			list = append(list, c)
		default:
			list = append(list, c.items()...)
		}
	}
	return list
}

// text returns the value of a field, which may be an attribute or an element.
func (n node) text(space, local string) string {
	name := xml.Name{Space: space, Local: local}
	for _, a := range n.attrs {
		if a.Name == name {
			return strings.TrimSpace(a.Value)
		}
	}
	if c := n.find(name); c.name == name {
		return strings.TrimSpace(strings.ToValidUTF8(string(c.chars), ""))
	}
	for _, c := range n.children {
		if c.name.Space == nsRDF && c.name.Local == "Description" {
			if v := c.text(space, local); v != "" {
				return v
			}
		}
	}
	return ""
}

func (n node) number(space, local string) float64 {
	v, err := strconv.ParseFloat(n.text(space, local), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
