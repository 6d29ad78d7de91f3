package meta

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// named returns an XMP packet with properties, with the namespaces that name people.
func named(properties string) []byte {
	return []byte(`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="` + nsRDF + `"><rdf:Description rdf:about="" xmlns:dc="` + nsDC + `"
		xmlns:mwg-rs="` + nsMWG + `" xmlns:stArea="` + nsArea + `" xmlns:stDim="` + nsDimensions + `" xmlns:MP="` + nsMPRegions + `" xmlns:MPRI="` + nsMPInfo + `"
		xmlns:MPReg="` + nsMPRegion + `" xmlns:ext="` + nsIPTCExt + `" xmlns:digiKam="` + nsDigiKam + `" xmlns:lr="` + nsLightroom + `">` + properties + `</rdf:Description></rdf:RDF></x:xmpmeta>`)
}

func TestPeople(t *testing.T) {
	for name, c := range map[string]struct {
		properties string
		want       []Person
	}{
		// As digiKam, Lightroom and Apple Photos write them.
		"MWG with attributes": {`<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="400" stDim:h="300" stDim:unit="pixel"/>
			<mwg-rs:RegionList><rdf:Bag>
			<rdf:li><rdf:Description mwg-rs:Name="Anna" mwg-rs:Type="Face"><mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.2" stArea:h="0.1" stArea:unit="normalized"/></rdf:Description></rdf:li>
			<rdf:li mwg-rs:Name="Rex" mwg-rs:Type="Pet"/><rdf:li mwg-rs:Type="Face"/>
			</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>`, []Person{{"Anna", [4]float64{.4, .2, .2, .1}}}},
		// As exiftool and Picasa write them.
		"MWG with elements": {`<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions rdf:parseType="Resource"><stDim:w>400</stDim:w><stDim:h>300</stDim:h></mwg-rs:AppliedToDimensions>
			<mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource"><mwg-rs:Area rdf:parseType="Resource"><stArea:x>200</stArea:x><stArea:y>150</stArea:y><stArea:w>40</stArea:w>
			<stArea:h>30</stArea:h><stArea:unit>pixel</stArea:unit></mwg-rs:Area><mwg-rs:Name> Bo &amp; Co </mwg-rs:Name></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>`,
			[]Person{{"Bo & Co", [4]float64{.45, .45, .1, .1}}}},
		"Microsoft": {`<MP:RegionInfo><rdf:Description><MPRI:Regions><rdf:Bag>
			<rdf:li><rdf:Description MPReg:PersonDisplayName="Carl" MPReg:Rectangle="0.25, 0.5, 0.125, 0.25"/></rdf:li>
			<rdf:li><rdf:Description><MPReg:PersonDisplayName>Dana</MPReg:PersonDisplayName></rdf:Description></rdf:li>
			</rdf:Bag></MPRI:Regions></rdf:Description></MP:RegionInfo>`, []Person{{"Carl", [4]float64{.25, .5, .125, .25}}, {Name: "Dana"}}},
		"IPTC": {`<ext:PersonInImage><rdf:Bag><rdf:li>Eva</rdf:li><rdf:li>Anna</rdf:li></rdf:Bag></ext:PersonInImage>`, []Person{{Name: "Eva"}, {Name: "Anna"}}},
		"tags": {`<digiKam:TagsList><rdf:Seq><rdf:li>People/Family/Anna</rdf:li><rdf:li>Places/Rome</rdf:li><rdf:li>People</rdf:li></rdf:Seq></digiKam:TagsList>
			<lr:hierarchicalSubject><rdf:Bag><rdf:li>Personen|Fritz</rdf:li></rdf:Bag></lr:hierarchicalSubject>`, []Person{{Name: "Anna"}, {Name: "Fritz"}}},
		"the one with a box first, each once": {`<ext:PersonInImage><rdf:Bag><rdf:li>Anna</rdf:li></rdf:Bag></ext:PersonInImage><MP:RegionInfo><MPRI:Regions><rdf:Bag>
			<rdf:li MPReg:PersonDisplayName="Anna" MPReg:Rectangle="0, 0, 0.5, 2"/></rdf:Bag></MPRI:Regions></MP:RegionInfo>`, []Person{{"Anna", [4]float64{0, 0, .5, 1}}}},
		"damaged": {`<mwg-rs:Regions><mwg-rs:RegionList><rdf:Bag><rdf:li mwg-rs:Name="Gil"><mwg-rs:Area stArea:x="NaN" stArea:y="1e999" stArea:w="-3"/></rdf:li></rdf:Bag>`, []Person{{Name: "Gil"}}},
		"nested":  {strings.Repeat("<mwg-rs:Regions>", 10_000) + `<mwg-rs:Name>x</mwg-rs:Name>`, nil},
	} {
		x, err := ReadXMP(named(c.properties))
		if damaged := name == "damaged" || name == "nested"; damaged != errors.Is(err, ErrXMP) || !reflect.DeepEqual(x.People, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", name, x.People, err, c.want)
		}
	}
	x, err := ReadXMP(named(`<dc:description><rdf:Alt><rdf:li xml:lang="x-default">On the beach</rdf:li></rdf:Alt></dc:description>`))
	if err != nil || x.Description != "On the beach" {
		t.Errorf("%+v, %v", x, err)
	}
	long, err := ReadXMP(named(`<mwg-rs:Regions>` + strings.Repeat("a<!---->", 300_000) + `<mwg-rs:RegionList><rdf:Bag><rdf:li><mwg-rs:Name>` + strings.Repeat("ü", 5000) + `</mwg-rs:Name></rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>`))
	if err != nil || len(long.People) != 1 || !utf8.ValidString(long.People[0].Name) || len(long.People[0].Name) > maxChars {
		t.Errorf("%d people with much text, %v", len(long.People), err)
	}
	many, err := ReadXMP(named(`<ext:PersonInImage><rdf:Bag>` + strings.Repeat("<rdf:li>a</rdf:li><rdf:li>b</rdf:li>", 5000) + `</rdf:Bag></ext:PersonInImage>`))
	if err != nil || len(many.People) != 2 {
		t.Errorf("%d people, %v", len(many.People), err)
	}
}
