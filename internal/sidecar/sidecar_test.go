package sidecar_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/sidecar"
)

// TestWrite checks that what is written is read again.
func TestWrite(t *testing.T) {
	c := sidecar.Content{
		Rating: -1, Rated: true, Keywords: []string{"sea", `a<b> & "c"`}, Labels: []string{"beach", "sea"}, Description: "On the beach\nwith friends",
		People: []sidecar.Person{{Name: "Bo"}, {Name: `Anna "A|B/C"`, Box: [4]float64{.25, .5, .125, .25}}}, Text: "EXIT\x00\x01", Width: 400, Height: 300,
	}
	var b bytes.Buffer
	if err := sidecar.Write(&b, c); err != nil {
		t.Fatal(err)
	}
	m, err := decode.ReadXMP(b.Bytes())
	want := decode.OwnerMetadata{
		Rating: -1, Rated: true, Keywords: []string{"sea", `a<b> & "c"`, "beach", "Bo", `Anna "A|B/C"`}, Description: "On the beach\nwith friends",
		People: []string{`Anna "A|B/C"`, "Bo"}, Boxes: [][4]float64{{.25, .5, .125, .25}, {}},
	}
	m.People, m.Boxes = m.People[:2], m.Boxes[:2] // the tags of a name with a separator follow
	if err != nil || !reflect.DeepEqual(m.OwnerMetadata, want) {
		t.Errorf("%+v, %v\nwant %+v\n%s", m.OwnerMetadata, err, want, b.String())
	}
	for _, part := range []string{"<rdf:li>Labels|beach</rdf:li>", "<rdf:li>People/Bo</rdf:li>", `stDim:w="400"`, "EXIT\ufffd\ufffd"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%s is missing in\n%s", part, b.String())
		}
	}
	if !(sidecar.Content{Width: 3}).IsEmpty() || c.IsEmpty() {
		t.Error("what is empty is not known")
	}
}
