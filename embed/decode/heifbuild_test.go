package decode

import (
	"bytes"
	"encoding/binary"
)

// testItem is an item of a HEIF file that a test builds.
type testItem struct {
	id    uint16
	kind  string
	data  []byte
	props []testProp
}

type testProp struct {
	kind      string
	data      []byte
	essential bool
}

type testRef struct {
	kind     string
	from, to uint16
}

func testBox(kind string, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(8+len(body))), kind...), body...)
}

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// buildHEIF returns a file whose items' data lie in idat. The first item is the primary one.
func buildHEIF(items []testItem, refs []testRef) []byte {
	var infos, props, assoc, places, content []byte
	n := 0
	for _, item := range items {
		infos = append(infos, testBox("infe", []byte{2, 0, 0, 0}, be16(int(item.id)), be16(0), []byte(item.kind), []byte{0})...)
		assoc = append(append(assoc, be16(int(item.id))...), byte(len(item.props)))
		for _, p := range item.props {
			n++
			props = append(props, testBox(p.kind, p.data)...)
			index := n
			if p.essential {
				index |= 0x80
			}
			assoc = append(assoc, byte(index))
		}
		places = append(places, bytes.Join([][]byte{be16(int(item.id)), be16(1), be16(0), be16(1), be32(len(content)), be32(len(item.data))}, nil)...)
		content = append(content, item.data...)
	}
	// The parts of a grid are one reference to several items.
	var list []byte
	for len(refs) > 0 {
		same := 1
		for same < len(refs) && refs[same].kind == refs[0].kind && refs[same].from == refs[0].from {
			same++
		}
		var to []byte
		for _, r := range refs[:same] {
			to = append(to, be16(int(r.to))...)
		}
		list = append(list, testBox(refs[0].kind, be16(int(refs[0].from)), be16(same), to)...)
		refs = refs[same:]
	}
	full := make([]byte, 4)
	meta := testBox("meta", full,
		testBox("hdlr", full, full, []byte("pict"), make([]byte, 13)),
		testBox("pitm", full, be16(int(items[0].id))),
		testBox("iinf", full, be16(len(items)), infos),
		testBox("iref", full, list),
		testBox("iprp", testBox("ipco", props), testBox("ipma", full, be32(len(items)), assoc)),
		testBox("iloc", []byte{1, 0, 0, 0, 0x44, 0}, be16(len(items)), places),
		testBox("idat", content))
	return append(testBox("ftyp", []byte("heic"), full, []byte("mif1heic")), meta...)
}
