package decode

import (
	"bytes"
	"errors"
	"io"
)

// heifItem is one coded picture of a HEIF file, or a grid of them.
type heifItem struct {
	kind string // "hvc1", "av01", "grid", ...
	// width and height are the size before the item is turned; codedWidth and codedHeight are those before it is cut to its clean aperture.
	width, height           int
	codedWidth, codedHeight int
	coded                   int64 // pixels
	// turn is the EXIF orientation equivalent to the item's rotation and mirroring.
	turn  int
	parts []uint32 // of a grid
}

// heifFile describes the pictures of a HEIF file (ISO/IEC 23008-12), as read from its meta box.
type heifFile struct {
	primary *heifItem
}

// av1 reports whether the picture is coded with AV1. For a grid, the first part decides.
func (f *heifFile) av1(items map[uint32]*heifItem) bool {
	if f.primary.kind == "grid" && len(f.primary.parts) > 0 {
		if part := items[f.primary.parts[0]]; part != nil {
			return part.kind == "av01"
		}
	}
	return f.primary.kind == "av01"
}

// turned reports whether width and height are swapped when the item is shown.
func (i *heifItem) turned() bool { return i.turn >= 5 }

// metaReader collects the contents of a meta box.
type metaReader struct {
	items     map[uint32]*heifItem
	primaryID uint32
	file      heifFile
	refs      []heifRef
	props     []heifProp
	assoc     map[uint32][]heifAssoc // item to properties, in the order in which they apply
}

// heifAssoc is a property of an item, by number from 1. A reader that does not know an essential property must not show the item.
type heifAssoc struct {
	index     int
	essential bool
}

type heifRef struct {
	kind     string
	from, to uint32
}

// heifProp is an item's property: a size, a clean aperture, a rotation in quarter turns anti-clockwise, or a mirror.
type heifProp struct {
	kind          string
	width, height int
	value         uint8
	data          []byte // the whole property
}

// maxItems bounds the number of items and properties in a file: a grid of 8 x 6 tiles with its depth and gain maps has a hundred.
const maxItems = 1 << 16

var errNoPicture = errors.New("no picture in the file")

// readHEIF reads the meta box of a file of the given size. isAV1 reports whether the picture is coded with AV1, which makes it AVIF whatever the file's brand.
func readHEIF(r io.ReaderAt, size int64) (f *heifFile, isAV1 bool, err error) {
	m, _, err := readHEIFMeta(r, size)
	if err != nil {
		return nil, false, err
	}
	if m.file.primary.width <= 0 || m.file.primary.height <= 0 {
		return nil, false, errors.New("the picture has no size")
	}
	return &m.file, m.file.av1(m.items), nil
}

// readHEIFMeta reads the meta box of a file, and returns its place too. The file has a primary item.
func readHEIFMeta(r io.ReaderAt, size int64) (*metaReader, box, error) {
	meta, err := findBox(r, 0, size, "meta")
	if err != nil {
		return nil, meta, err
	}
	if meta.kind == "" {
		return nil, meta, errNoPicture
	}
	data, err := readBox(r, meta)
	if err != nil {
		return nil, meta, err
	}
	m := &metaReader{items: make(map[uint32]*heifItem), assoc: make(map[uint32][]heifAssoc)}
	if err := m.read(data); err != nil {
		return nil, meta, err
	}
	m.file.primary = m.items[m.primaryID]
	if m.file.primary == nil {
		return nil, meta, errNoPicture
	}
	m.resolve()
	return m, meta, nil
}

// read reads the boxes inside meta.
func (m *metaReader) read(data []byte) error {
	if len(data) < 4 {
		return io.ErrUnexpectedEOF
	}
	r := bytes.NewReader(data)
	return readBoxes(r, 4, int64(len(data)), func(b box) (bool, error) {
		payload := data[b.start:b.end]
		f := &fields{data: payload}
		switch b.kind {
		case "pitm":
			version, _ := f.version()
			m.primaryID = uint32(f.uint(idSize(version == 0)))
		case "iinf":
			version, _ := f.version()
			f.skip(idSize(version == 0))
			return true, m.infos(payload, int64(len(payload)-len(f.data)))
		case "iref":
			version, _ := f.version()
			return true, m.references(payload, idSize(version == 0))
		case "iprp":
			return true, m.properties(payload)
		}
		if f.short {
			return false, io.ErrUnexpectedEOF
		}
		return true, nil
	})
}

func idSize(short bool) int {
	if short {
		return 2
	}
	return 4
}

// infos reads the items' kinds.
func (m *metaReader) infos(data []byte, from int64) error {
	return readBoxes(bytes.NewReader(data), from, int64(len(data)), func(b box) (bool, error) {
		if b.kind != "infe" {
			return true, nil
		}
		f := &fields{data: data[b.start:b.end]}
		version, _ := f.version()
		if version < 2 {
			return true, nil
		}
		id := uint32(f.uint(idSize(version == 2)))
		f.skip(2) // protection
		kind := string(f.take(4))
		if f.short || len(m.items) >= maxItems {
			return false, errors.New("damaged list of items")
		}
		m.items[id] = &heifItem{kind: kind, turn: 1}
		return true, nil
	})
}

func (m *metaReader) references(data []byte, size int) error {
	return readBoxes(bytes.NewReader(data), 4, int64(len(data)), func(b box) (bool, error) {
		f := &fields{data: data[b.start:b.end]}
		from := uint32(f.uint(size))
		for range f.uint(2) {
			to := uint32(f.uint(size))
			if f.short || len(m.refs) >= maxItems {
				return false, errors.New("damaged list of references")
			}
			m.refs = append(m.refs, heifRef{b.kind, from, to})
		}
		return true, nil
	})
}

func (m *metaReader) properties(data []byte) error {
	return readBoxes(bytes.NewReader(data), 0, int64(len(data)), func(b box) (bool, error) {
		switch b.kind {
		case "ipco":
			return true, m.propertyList(data[b.start:b.end])
		case "ipma":
			return true, m.associations(data[b.start:b.end])
		}
		return true, nil
	})
}

func (m *metaReader) propertyList(data []byte) error {
	return readBoxes(bytes.NewReader(data), 0, int64(len(data)), func(b box) (bool, error) {
		p := heifProp{kind: b.kind, data: data[b.start:b.end]}
		f := &fields{data: data[b.start:b.end]}
		switch b.kind {
		case "ispe":
			f.skip(4)
			p.width, p.height = int(f.uint(4)), int(f.uint(4))
		case "clap": // the part that is shown: two fractions, and the place of its middle
			width, height := f.uint(8), f.uint(8)
			p.width, p.height = fraction(width), fraction(height)
		case "irot", "imir":
			p.value = uint8(f.uint(1)) & 3
		}
		if f.short || len(m.props) >= maxItems {
			return false, errors.New("damaged list of properties")
		}
		m.props = append(m.props, p)
		return true, nil
	})
}

// fraction divides the upper 32 bits by the lower ones, rounded; 0 if that is impossible.
func fraction(v uint64) int {
	n, d := v>>32, v&0xffffffff
	if d == 0 {
		return 0
	}
	return int((n + d/2) / d)
}

func (m *metaReader) associations(data []byte) error {
	f := &fields{data: data}
	version, flags := f.version()
	for range f.uint(4) {
		id := uint32(f.uint(idSize(version == 0)))
		for range f.uint(1) {
			size := 1 + int(flags&1)
			essential := uint64(1) << (8*size - 1) // the highest bit
			v := f.uint(size)
			m.assoc[id] = append(m.assoc[id], heifAssoc{index: int(v &^ essential), essential: v&essential != 0})
		}
		if f.short || len(m.assoc) > maxItems {
			return errors.New("damaged list of properties")
		}
	}
	return nil
}

// resolve sets the sizes and orientations of the items, and the parts of grids.
func (m *metaReader) resolve() {
	for id, item := range m.items {
		var angle, mirror uint8
		mirrored := false
		for _, p := range m.propertiesOf(id) {
			switch p.kind {
			case "ispe":
				item.width, item.height = p.width, p.height
				item.codedWidth, item.codedHeight = p.width, p.height
				item.coded = int64(p.width) * int64(p.height)
			case "clap":
				// One that leaves almost nothing would hide the size from the limits.
				const most = 16
				if p.width > 0 && p.width <= item.width && p.height > 0 && p.height <= item.height && int64(p.width)*int64(p.height)*most >= item.coded {
					item.width, item.height = p.width, p.height
				}
			case "irot":
				angle = p.value
			case "imir":
				mirrored, mirror = true, p.value&1
			}
		}
		item.turn = heifTurn(angle, mirrored, mirror)
	}
	for _, ref := range m.refs {
		if grid := m.items[ref.from]; ref.kind == "dimg" && grid != nil {
			grid.parts = append(grid.parts, ref.to)
		}
	}
}

// propertiesOf returns an item's properties, in the order in which they apply.
func (m *metaReader) propertiesOf(id uint32) (list []heifProp) {
	for _, a := range m.assoc[id] {
		if a.index >= 1 && a.index <= len(m.props) {
			list = append(list, m.props[a.index-1])
		}
	}
	return list
}

// heifTurn returns the EXIF orientation of an anti-clockwise rotation by quarter turns, followed by mirroring: mirror 0 swaps
// top and bottom, 1 left and right (ISO/IEC 23008-12:2022, 6.5.10 and 6.5.12).
func heifTurn(angle uint8, mirrored bool, mirror uint8) int {
	if !mirrored {
		return [4]int{1, 8, 3, 6}[angle]
	}
	if mirror == 1 { // same as the other mirror, rotated by half a turn
		angle = (angle + 2) % 4
	}
	return [4]int{4, 5, 2, 7}[angle]
}
