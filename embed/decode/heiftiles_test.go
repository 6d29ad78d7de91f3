package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode/yuv"
)

// hevcConfig is an HEVCDecoderConfigurationRecord with one parameter set, and lengths of 4 bytes.
func hevcConfig(set string) []byte {
	return bytes.Join([][]byte{make([]byte, 21), {3, 1, 0x20}, be16(1), be16(len(set)), []byte(set)}, nil)
}

func sizeProp(width, height int) testProp {
	return testProp{kind: "ispe", data: bytes.Join([][]byte{be32(0), be32(width), be32(height)}, nil)}
}

func nclx(matrix int, full byte) testProp {
	return testProp{kind: "colr", data: bytes.Join([][]byte{[]byte("nclx"), be16(1), be16(13), be16(matrix), {full << 7}}, nil)}
}

// aperture is a clean aperture that moves the middle by x and y halves of a pixel.
func aperture(width, height, x, y int) testProp {
	return testProp{kind: "clap", essential: true, data: bytes.Join([][]byte{be32(width), be32(1), be32(height), be32(1), be32(x), be32(2), be32(y), be32(2)}, nil)}
}

func unit(text string) []byte { return append(be32(len(text)), text...) }

// gridFile returns a grid of 3 x 2 tiles of 64 x 48 that shows 170 x 90.
func gridFile() (items []testItem, refs []testRef) {
	items = []testItem{{1, "grid", []byte{0, 0, 1, 2, 0, 170, 0, 90}, []testProp{sizeProp(170, 90), {kind: "irot", data: []byte{3}, essential: true}}}}
	for i := range 6 {
		id := uint16(10 + i)
		items = append(items, testItem{id, "hvc1", unit(fmt.Sprint("tile ", i)), []testProp{{kind: "hvcC", data: hevcConfig("sets"), essential: true}, sizeProp(64, 48), nclx(9, 1)}})
		refs = append(refs, testRef{"dimg", 1, id})
	}
	return items, refs
}

func TestTilesOfGrid(t *testing.T) {
	got, err := readHEIFTiles(buildHEIF(gridFile()))
	if err != nil {
		t.Fatal(err)
	}
	if got.columns != 3 || got.rows != 2 || got.width != 170 || got.height != 90 || got.tileWidth != 64 || got.tileHeight != 48 || got.turn != 6 ||
		got.av1 || string(got.config) != "\x00\x00\x00\x01sets" || got.nalSize != 4 || got.color != (yuv.Color{Matrix: 9, Full: true}) || !got.hasColor {
		t.Errorf("%+v", got)
	}
	for i, data := range got.tiles {
		if data, err = withStartCodes(nil, data, got.nalSize); err != nil || string(data) != fmt.Sprint("\x00\x00\x00\x01tile ", i) {
			t.Errorf("tile %d: %q, %v", i, data, err)
		}
	}
}

// TestTilesOfOnePicture reads a picture that is not a grid, of each codec.
func TestTilesOfOnePicture(t *testing.T) {
	for _, kind := range []string{"hvc1", "av01"} {
		config := testProp{kind: "hvcC", data: hevcConfig("sets")}
		if kind == "av01" {
			config = testProp{kind: "av1C", data: []byte{0x81, 0, 0, 0}}
		}
		got, err := readHEIFTiles(buildHEIF([]testItem{{7, kind, unit("all"), []testProp{config, sizeProp(33, 20), {kind: "irot", data: []byte{1}}, {kind: "imir", data: []byte{1}}}}}, nil))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if got.columns != 1 || got.rows != 1 || got.width != 33 || got.height != 20 || got.turn != 7 || got.av1 != (kind == "av01") || len(got.tiles) != 1 || got.hasColor {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

// TestTilesInDoubt checks that a file is left to another decoder if anything is unusual.
func TestTilesInDoubt(t *testing.T) {
	alpha := testItem{20, "hvc1", unit("alpha"), []testProp{{kind: "auxC", data: []byte("\x00\x00\x00\x00urn:mpeg:hevc:2015:auxid:1\x00")}}}
	gain := testItem{20, "hvc1", unit("gain"), []testProp{{kind: "auxC", data: []byte("\x00\x00\x00\x00urn:com:apple:photo:2020:aux:hdrgainmap\x00")}}}
	mpegAlpha := testItem{20, "av01", unit("alpha"), []testProp{{kind: "auxC", data: []byte("\x00\x00\x00\x00urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\x00")}}}
	add := func(props ...testProp) func(items []testItem, refs []testRef) ([]testItem, []testRef) {
		return func(items []testItem, refs []testRef) ([]testItem, []testRef) {
			items[0].props = append(items[0].props, props...)
			return items, refs
		}
	}
	addTile := func(props ...testProp) func(items []testItem, refs []testRef) ([]testItem, []testRef) {
		return func(items []testItem, refs []testRef) ([]testItem, []testRef) {
			items[3].props = append(items[3].props, props...)
			return items, refs
		}
	}
	for name, c := range map[string]struct {
		change func(items []testItem, refs []testRef) ([]testItem, []testRef)
		want   string // part of the error; "": none
	}{
		"as it is": {add(), ""},
		"gain map": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			return append(i, gain), append(r, testRef{"auxl", 20, 1})
		}, ""},
		"thumbnail": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			return append(i, gain), append(r, testRef{"thmb", 20, 1})
		}, ""},
		"pixel aspect 1":   {add(testProp{kind: "pasp", data: bytes.Join([][]byte{be32(1), be32(1)}, nil)}), ""},
		"unknown property": {add(testProp{kind: "clli", data: be32(0)}), ""},
		"mirror":           {add(testProp{kind: "imir", data: []byte{0}}), ""},
		"same colour":      {add(nclx(9, 1)), ""},
		"alpha": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			return append(i, alpha), append(r, testRef{"auxl", 20, 1})
		}, "transparency"},
		"alpha of MPEG-B": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			return append(i, mpegAlpha), append(r, testRef{"auxl", 20, 1})
		}, "transparency"},
		"premultiplied": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			return append(i, gain), append(r, testRef{"prem", 1, 20})
		}, "transparency"},
		"another colour": {add(nclx(1, 1)), "several kinds"},
		"clean aperture": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[0].props = append([]testProp{i[0].props[0], aperture(169, 80, -1, -10)}, i[0].props[1:]...)
			return i, r
		}, ""},
		"clean aperture, turned":       {add(aperture(169, 80, -1, -10)), "aperture"},
		"clean aperture in the middle": {add(aperture(160, 80, 0, 0)), "aperture"},
		"clean aperture below":         {add(aperture(170, 80, 0, 10)), "aperture"},
		"clean aperture of 0":          {add(testProp{kind: "clap", data: make([]byte, 32)}), "aperture"},
		"clean aperture, short":        {add(testProp{kind: "clap", data: make([]byte, 16)}), "aperture"},
		"clean aperture, tile":         {addTile(aperture(64, 40, 0, -8)), "aperture"},
		"essential, unknown":           {add(testProp{kind: "wxyz", essential: true}), "wxyz"},
		"layer":                        {addTile(testProp{kind: "lsel", data: be16(1)}), "lsel"},
		"pixel aspect 2":               {add(testProp{kind: "pasp", data: bytes.Join([][]byte{be32(2), be32(1)}, nil)}), "square"},
		"two rotations":                {add(testProp{kind: "irot", data: []byte{1}}), "order of turns"},
		"turned tile":                  {addTile(testProp{kind: "irot", data: []byte{1}}), "turned"},
		"turned tile by 0":             {addTile(testProp{kind: "irot", data: []byte{0}}), "order of turns"},
		"mirror before": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[0].props = append([]testProp{{kind: "imir", data: []byte{0}}}, i[0].props...)
			return i, r
		}, "order of turns"},
		"another tile size": {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].props[1] = sizeProp(64, 64); return i, r }, "several kinds"},
		"another configuration": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[6].props[0].data = hevcConfig("set2")
			return i, r
		}, "several kinds"},
		"no configuration": {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].props = i[6].props[1:]; return i, r }, "configuration"},
		"cut configuration": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[1].props[0].data = i[1].props[0].data[:25]
			return i, r
		}, "configuration"},
		"another codec":  {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].kind = "av01"; return i, r }, "several kinds"},
		"a JPEG tile":    {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].kind = "jpeg"; return i, r }, "neither"},
		"a grid in it":   {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].kind = "grid"; return i, r }, "neither"},
		"an overlay":     {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[0].kind = "iovl"; return i, r }, "neither"},
		"a tile too few": {func(i []testItem, r []testRef) ([]testItem, []testRef) { return i, r[1:] }, "5 tiles"},
		"tiles beyond": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[0].data[5] = 128
			i[0].props[0] = sizeProp(128, 90)
			return i, r
		}, "do not fit"},
		"tiles too small": {func(i []testItem, r []testRef) ([]testItem, []testRef) {
			i[0].data[5] = 193
			i[0].props[0] = sizeProp(193, 90)
			return i, r
		}, "do not fit"},
		"another size": {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[0].data[5] = 160; return i, r }, "damaged grid"},
		"cut grid":     {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[0].data = i[0].data[:6]; return i, r }, "damaged grid"},
		"no data":      {func(i []testItem, r []testRef) ([]testItem, []testRef) { i[6].data = nil; return i, r }, "without data"},
	} {
		_, err := readHEIFTiles(buildHEIF(c.change(gridFile())))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	whole := buildHEIF(gridFile())
	if _, err := readHEIFTiles(whole[:len(whole)-1]); err == nil {
		t.Error("truncated: no error")
	}
}

// FuzzTiles reads the tiles of hostile files: what they have in memory is bounded by the file.
func FuzzTiles(f *testing.F) {
	f.Add(buildHEIF(gridFile()))
	f.Add(buildHEIF([]testItem{{7, "av01", unit("all"), []testProp{{kind: "av1C", data: []byte{0x81, 0, 0, 0}}, sizeProp(33, 20)}}}, nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		tiles, err := readHEIFTiles(data)
		if err != nil {
			return
		}
		if len(tiles.tiles) != tiles.columns*tiles.rows || tiles.width <= 0 || tiles.height <= 0 {
			t.Fatalf("%+v", tiles)
		}
		for _, tile := range tiles.tiles {
			if len(tile) == 0 || len(tile) > len(data) {
				t.Fatalf("a tile of %d bytes in a file of %d", len(tile), len(data))
			}
			if !tiles.av1 {
				_, _ = withStartCodes(nil, tile, tiles.nalSize)
			}
		}
	})
}

// TestHugeSides checks that sides whose product would overflow are refused with the header.
func TestHugeSides(t *testing.T) {
	heif := buildHEIF([]testItem{{7, "hvc1", unit("all"), []testProp{{kind: "hvcC", data: hevcConfig("sets")}, sizeProp(0xffffffff, 0xffffffff)}}}, nil)
	jpegInTIFF := &testTIFF{tags: map[uint16][]int{tagWidth: {0xfffffff0}, tagHeight: {0xfffffff0}, tagCompression: {7}, tagStripOffsets: {8}, tagStripBytes: {8}}}
	plain := &testTIFF{tags: map[uint16][]int{tagWidth: {0xfffffff0}, tagHeight: {0xfffffff0}, tagCompression: {1}, tagBits: {1}, tagStripOffsets: {8}, tagStripBytes: {8}}}
	for name, data := range map[string][]byte{"HEIC": heif, "JPEG in TIFF": jpegInTIFF.bytes(), "TIFF": plain.bytes()} {
		if h, err := ReadHeader(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: %d x %d, %d pixels", name, h.Width, h.Height, h.Pixels())
		}
	}
}
