package decode

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/embed/decode/yuv"
)

// heifTiles are the coded tiles of a HEIF file's picture, row by row; a picture that is not a grid has one. Only pictures for which
// nothing is in doubt have tiles: no alpha, overlay or unknown essential property, and all tiles of one kind.
type heifTiles struct {
	av1           bool
	columns, rows int
	width, height int // of the picture, before it is turned; it is the upper left part of the tiles
	tileWidth     int
	tileHeight    int
	turn          int
	config        []byte // HEVC parameter sets with start codes, which precede each tile
	nalSize       int    // the size of the lengths of HEVC's NAL units
	tiles         [][]byte
	color         yuv.Color
	hasColor      bool // the container declares the range
}

// readHEIFTiles finds the tiles in a whole file. An error means that another decoder has to read the file.
func readHEIFTiles(data []byte) (*heifTiles, error) {
	r := bytes.NewReader(data)
	m, metaBox, err := readHEIFMeta(r, int64(len(data)))
	if err != nil {
		return nil, err
	}
	t := &heifTiles{columns: 1, rows: 1, color: yuv.Color{Matrix: 2}, turn: m.file.primary.turn}
	t.width, t.height = m.file.primary.width, m.file.primary.height
	if m.hasAlpha(m.primaryID) {
		return nil, errors.New("transparency")
	}
	ids := []uint32{m.primaryID}
	inMeta := data[metaBox.start:metaBox.end]
	if m.file.primary.kind == "grid" {
		ids = m.file.primary.parts
		if err := t.readGrid(inMeta, data, m); err != nil {
			return nil, err
		}
		if err := t.apply(m, m.primaryID, true); err != nil {
			return nil, err
		}
	}
	if len(ids) == 0 || len(ids) != t.columns*t.rows {
		return nil, fmt.Errorf("%d tiles of %d x %d", len(ids), t.columns, t.rows)
	}
	coded, err := codedItems(inMeta, data, ids)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if err := t.add(m, id, coded[i], i == 0); err != nil {
			return nil, err
		}
	}
	if p := m.file.primary; !covers(t.tileWidth, t.columns, p.codedWidth) || !covers(t.tileHeight, t.rows, p.codedHeight) {
		return nil, errors.New("the tiles do not fit the picture")
	}
	return t, nil
}

// covers reports whether n tiles cover a side of a picture, and none lies beyond it.
func covers(tile, n, side int) bool {
	return tile > 0 && int64(tile)*int64(n) >= int64(side) && int64(tile)*int64(n-1) < int64(side)
}

// readGrid reads the description of a grid (ISO/IEC 23008-12, 6.6.2.3.2), which must agree with the item's properties.
func (t *heifTiles) readGrid(inMeta, file []byte, m *metaReader) error {
	list, err := codedItems(inMeta, file, []uint32{m.primaryID})
	if err != nil {
		return err
	}
	f := &fields{data: list[0]}
	f.skip(1) // version
	size := 2 + 2*int(f.uint(1)&1)
	t.rows, t.columns = int(f.uint(1))+1, int(f.uint(1))+1
	width, height := f.uint(size), f.uint(size)
	if f.short || width != uint64(m.file.primary.codedWidth) || height != uint64(m.file.primary.codedHeight) {
		return errors.New("damaged grid")
	}
	return nil
}

// add adds a tile.
func (t *heifTiles) add(m *metaReader, id uint32, data []byte, first bool) error {
	item := m.items[id]
	if item == nil || item.kind != "hvc1" && item.kind != "av01" {
		return errors.New("a tile that is neither HEVC nor AV1")
	}
	before := *t
	if id != m.primaryID && item.turn != 1 {
		return errors.New("a tile that is turned")
	}
	if err := t.readConfig(m, id); err != nil {
		return err
	}
	if err := t.apply(m, id, id == m.primaryID); err != nil {
		return err
	}
	t.av1 = item.kind == "av01"
	t.tileWidth, t.tileHeight = item.codedWidth, item.codedHeight
	if (!first || before.hasColor) && (t.color != before.color || t.hasColor != before.hasColor) || !first && (t.av1 != before.av1 ||
		t.tileWidth != before.tileWidth || t.tileHeight != before.tileHeight || t.nalSize != before.nalSize || !bytes.Equal(t.config, before.config)) {
		return errors.New("tiles of several kinds")
	}
	t.tiles = append(t.tiles, data)
	return nil
}

// readConfig reads an item's codec configuration.
func (t *heifTiles) readConfig(m *metaReader, id uint32) (err error) {
	found := 0
	for _, p := range m.propertiesOf(id) {
		switch p.kind {
		case "hvcC":
			found++
			if t.config, t.nalSize, err = readHEVCConfig(p.data); err != nil {
				return err
			}
		case "av1C":
			found++ // AV1's items have all headers themselves
		}
	}
	if found != 1 {
		return errors.New("no codec configuration")
	}
	return nil
}

// known are the properties that are applied, or do not change the picture. Turns of the whole picture are in its item.
var known = []string{"ispe", "hvcC", "av1C", "colr", "pixi", "irot", "imir", "clap", "pasp", "auxC", "rloc", "udes", "altt", "crtt", "mdft"}

// apply takes over an item's properties. whole says that the item is the picture; only the picture may be turned.
func (t *heifTiles) apply(m *metaReader, id uint32, whole bool) error {
	turns := ""
	for _, a := range m.assoc[id] {
		if a.index < 1 || a.index > len(m.props) {
			return errors.New("a property is missing")
		}
		p := m.props[a.index-1]
		switch p.kind {
		case "clap":
			if item := m.items[id]; !whole || turns != "" || !cutsRightAndBottom(p.data, item) {
				return errors.New("an unusual clean aperture")
			}
		case "iscl", "lsel", "a1op":
			return fmt.Errorf("property %q", p.kind)
		case "irot", "imir":
			turns += p.kind
		case "pasp":
			f := &fields{data: p.data}
			if width, height := f.uint(4), f.uint(4); width != height {
				return errors.New("pixels that are not square")
			}
		case "colr":
			t.readColor(p.data)
		}
		if a.essential && !slices.Contains(known, p.kind) {
			return fmt.Errorf("unknown property %q", p.kind)
		}
	}
	// heifTurn's order: rotation, then mirroring.
	if !whole && turns != "" || strings.Count(turns, "irot") > 1 || strings.Count(turns, "imir") > 1 || turns == "imirirot" {
		return errors.New("an unusual order of turns")
	}
	return nil
}

// cutsRightAndBottom reports whether a clean aperture (ISO/IEC 14496-12, 12.1.4) is the upper left part of an item, as encoders write it
// for pictures of odd sizes. Its middle is given relative to that of the item.
func cutsRightAndBottom(data []byte, item *heifItem) bool {
	f := &fields{data: data}
	for _, side := range [2][2]int{{item.codedWidth, item.width}, {item.codedHeight, item.height}} {
		n, d := f.uint(4), f.uint(4)
		if d == 0 || n != uint64(side[1])*d {
			return false
		}
	}
	for _, side := range [2][2]int{{item.codedWidth, item.width}, {item.codedHeight, item.height}} {
		n, d := int32(f.uint(4)), f.uint(4)
		if d == 0 || 2*int64(n) != -int64(side[0]-side[1])*int64(d) {
			return false
		}
	}
	return !f.short
}

// readColor reads coded colour (ISO/IEC 14496-12, 12.1.5). Colour profiles are ignored, as in other formats.
func (t *heifTiles) readColor(data []byte) {
	f := &fields{data: data}
	if string(f.take(4)) != "nclx" {
		return
	}
	f.skip(4) // primaries, transfer characteristics
	matrix := int(f.uint(2))
	full := f.uint(1)&0x80 != 0
	if !f.short {
		t.color, t.hasColor = yuv.Color{Matrix: matrix, Full: full}, true
	}
}

// hasAlpha reports whether an item has an alpha plane, or is premultiplied with one.
func (m *metaReader) hasAlpha(id uint32) bool {
	for _, ref := range m.refs {
		if ref.kind == "prem" && ref.from == id {
			return true
		}
		if ref.kind != "auxl" || ref.to != id {
			continue
		}
		for _, p := range m.propertiesOf(ref.from) {
			if p.kind != "auxC" || len(p.data) < 4 {
				continue
			}
			// ISO/IEC 23008-12, 6.5.8; "urn:mpeg:hevc:2015:auxid:1" is HEVC's alpha, ":2" depth.
			kind, _, _ := strings.Cut(string(p.data[4:]), "\x00")
			if strings.Contains(kind, "alpha") || strings.HasSuffix(kind, "auxid:1") {
				return true
			}
		}
	}
	return false
}

// codedItems returns the data of items.
func codedItems(inMeta, file []byte, ids []uint32) (list [][]byte, err error) {
	blocks := make(map[uint32]*heifBlock, len(ids))
	for _, id := range ids {
		blocks[id] = &heifBlock{}
	}
	r := bytes.NewReader(inMeta)
	iloc, err := findBox(r, 4, int64(len(inMeta)), "iloc")
	if err != nil || iloc.kind == "" {
		return nil, errors.New("no locations")
	}
	idat, err := findBox(r, 4, int64(len(inMeta)), "idat")
	if err != nil {
		return nil, err
	}
	locate(inMeta[iloc.start:iloc.end], blocks)
	copied := 0
	for _, id := range ids {
		from := file
		if blocks[id].inData {
			from = inMeta[idat.start:idat.end]
		}
		data, err := blocks[id].cut(from)
		if err != nil {
			return nil, err
		}
		if len(blocks[id].extents) > 1 {
			if copied += len(data); copied > len(file) {
				return nil, errors.New("the items' parts overlap")
			}
		}
		list = append(list, data)
	}
	return list, nil
}

// cut returns an item's data, all of which must be there.
func (h heifBlock) cut(from []byte) (data []byte, err error) {
	for _, e := range h.extents {
		if e.at > int64(len(from)) || e.n > int64(len(from))-e.at {
			return nil, errors.New("truncated")
		}
		part := from[e.at : e.at+e.n]
		if len(h.extents) == 1 {
			return part, nil
		}
		if len(data)+len(part) > len(from) {
			return nil, errors.New("an item's parts overlap")
		}
		data = append(data, part...)
	}
	if len(data) == 0 {
		return nil, errors.New("an item without data")
	}
	return data, nil
}

var startCode = []byte{0, 0, 0, 1}

// readHEVCConfig reads the parameter sets of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1), and the size of the lengths of NAL units.
func readHEVCConfig(data []byte) (sets []byte, nalSize int, err error) {
	f := &fields{data: data}
	f.skip(21)
	nalSize = int(f.uint(1)&3) + 1
	for range f.uint(1) {
		f.skip(1) // kind
		for range f.uint(2) {
			set := f.take(int(f.uint(2)))
			if f.short {
				break
			}
			sets = append(append(sets, startCode...), set...)
		}
	}
	if f.short || len(sets) == 0 {
		return nil, 0, errors.New("damaged codec configuration")
	}
	return sets, nalSize, nil
}

// withStartCodes replaces the lengths of NAL units by start codes (ITU-T H.265, annex B).
func withStartCodes(out, data []byte, nalSize int) ([]byte, error) {
	f := &fields{data: data}
	for len(f.data) > 0 {
		unit := f.take(int(f.uint(nalSize)))
		if f.short {
			return nil, errors.New("damaged NAL unit")
		}
		out = append(append(out, startCode...), unit...)
	}
	return out, nil
}
