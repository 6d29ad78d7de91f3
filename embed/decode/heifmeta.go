package decode

import (
	"bytes"
	"io"
	"strings"

	"github.com/imgsearch/imgsearch/embed/decode/meta"
)

// heifBlock is an item of metadata in a HEIF file: EXIF, or XMP as a MIME type.
type heifBlock struct {
	kind, content string
	// inData says that the extents lie in the idat box.
	inData  bool
	extents []extent
}

// extent is a part of an item.
type extent struct{ at, n int64 }

// A photo has one item of EXIF and one or two of XMP, each in one part.
const (
	maxMetaItems = 16
	maxExtents   = 64
)

// heifMeta reads the metadata of a HEIF file.
func heifMeta(r Source) Meta {
	size := sizeOf(r)
	var b meta.Blocks
	for _, block := range readHEIFBlocks(r, size) {
		data := block.read(r)
		switch {
		case block.kind == "Exif":
			// The offset of the TIFF header from the end of these four bytes (ISO/IEC 23008-12, A.2.1). Some programs write a wrong one.
			f := &fields{data: data}
			skip := int64(f.uint(4))
			if at := 4 + skip; !f.short && at > 0 && at < int64(len(data)) {
				b.AddEXIF(bytes.NewReader(data), at, int64(len(data)))
			}
			if len(data) > 4 {
				b.AddEXIF(bytes.NewReader(data), 4, int64(len(data)))
			}
		case block.kind == "mime" && strings.HasPrefix(block.content, "application/rdf+xml"):
			b.AddXMP(bytes.NewReader(data), 0, int64(len(data)))
		}
	}
	return combine(b)
}

// read returns an item's bytes, as many as there are, up to meta.MaxXMP.
func (h heifBlock) read(r io.ReaderAt) (data []byte) {
	for _, e := range h.extents {
		if e.n <= 0 || e.n > meta.MaxXMP-int64(len(data)) {
			break
		}
		part := make([]byte, e.n)
		n, err := r.ReadAt(part, e.at)
		data = append(data, part[:n]...)
		if err != nil {
			break
		}
	}
	return data
}

// readHEIFBlocks returns the items of metadata, with their places in the file.
func readHEIFBlocks(r io.ReaderAt, size int64) (list []heifBlock) {
	top, err := findBox(r, 0, size, "meta")
	if err != nil || top.kind == "" {
		return nil
	}
	data, err := readBox(r, top)
	if err != nil || len(data) < 4 {
		return nil
	}
	blocks := make(map[uint32]*heifBlock)
	var order []uint32
	in := bytes.NewReader(data)
	_ = readBoxes(in, 4, int64(len(data)), func(b box) (bool, error) { // what was read before an error counts
		if b.kind == "iinf" {
			order = metaItems(data[b.start:b.end], blocks)
		}
		return true, nil
	})
	idat, _ := findBox(in, 4, int64(len(data)), "idat")
	if iloc, err := findBox(in, 4, int64(len(data)), "iloc"); err == nil && iloc.kind != "" {
		locate(data[iloc.start:iloc.end], blocks)
	}
	for _, id := range order {
		b := blocks[id]
		if b.inData {
			for i := range b.extents {
				b.extents[i].at += top.start + idat.start
			}
		}
		list = append(list, *b)
	}
	return list
}

// metaItems adds the items of metadata in an iinf box, and returns their ids.
func metaItems(data []byte, blocks map[uint32]*heifBlock) (order []uint32) {
	f := &fields{data: data}
	version, _ := f.version()
	f.skip(idSize(version == 0))
	_ = readBoxes(bytes.NewReader(data), int64(len(data)-len(f.data)), int64(len(data)), func(b box) (bool, error) {
		f := &fields{data: data[b.start:b.end]}
		version, _ := f.version()
		if b.kind != "infe" || version < 2 {
			return true, nil
		}
		id := uint32(f.uint(idSize(version == 2)))
		f.skip(2) // protection
		kind := string(f.take(4))
		if kind != "Exif" && kind != "mime" || f.short || blocks[id] != nil || len(order) == maxMetaItems {
			return true, nil
		}
		_, rest, _ := bytes.Cut(f.data, []byte{0}) // the name
		content, _, _ := bytes.Cut(rest, []byte{0})
		blocks[id] = &heifBlock{kind: kind, content: string(content)}
		order = append(order, id)
		return true, nil
	})
	return order
}

// locate reads the places of items from an iloc box (ISO/IEC 14496-12, 8.11.3).
func locate(data []byte, blocks map[uint32]*heifBlock) {
	f := &fields{data: data}
	version, _ := f.version()
	sizes := f.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if version == 0 {
		indexSize = 0
	}
	for range min(f.uint(idSize(version < 2)), maxItems) {
		if f.short {
			return
		}
		id := uint32(f.uint(idSize(version < 2)))
		method := uint64(0)
		if version > 0 {
			method = f.uint(2) & 15
		}
		f.skip(2) // data reference
		base := int64(f.uint(baseSize))
		var extents []extent
		for range f.uint(2) {
			f.skip(indexSize)
			at := base + int64(f.uint(offsetSize))
			n := int64(f.uint(lengthSize))
			if f.short {
				return
			}
			if at >= 0 && n > 0 && blocks[id] != nil && len(extents) < maxExtents {
				extents = append(extents, extent{at, n})
			}
			if indexSize+offsetSize+lengthSize == 0 {
				break // all are the same, and empty
			}
		}
		if b := blocks[id]; b != nil && method <= 1 {
			b.extents, b.inData = extents, method == 1
		}
	}
}
