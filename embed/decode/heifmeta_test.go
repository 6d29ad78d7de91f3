package decode

import (
	"encoding/binary"
	"testing"
)

// TestHostilePlaces checks that the places of items are bounded, whatever an iloc box claims.
func TestHostilePlaces(t *testing.T) {
	be := binary.BigEndian
	blocks := func() map[uint32]*heifBlock { return map[uint32]*heifBlock{1: {kind: "Exif"}} }
	// 65,535 empty extents whose fields take no bytes.
	empty := be.AppendUint16([]byte{0, 0, 0, 0, 0, 0}, 1)
	empty = be.AppendUint16(be.AppendUint16(be.AppendUint16(empty, 1), 0), 0xffff)
	known := blocks()
	locate(empty, known)
	if n := len(known[1].extents); n > maxExtents {
		t.Errorf("%d extents", n)
	}
	// Four billion items in a box of a few bytes.
	many := be.AppendUint32([]byte{2, 0, 0, 0, 0x44, 0}, 0xffffffff)
	locate(many, blocks())
	// An item in two parts, as it should be.
	whole := be.AppendUint16([]byte{0, 0, 0, 0, 0x44, 0}, 1)
	whole = be.AppendUint16(be.AppendUint16(be.AppendUint16(whole, 1), 0), 2)
	for _, n := range []uint32{100, 7, 200, 9} {
		whole = be.AppendUint32(whole, n)
	}
	known = blocks()
	locate(whole, known)
	if e := known[1].extents; len(e) != 2 || e[0] != (extent{100, 7}) || e[1] != (extent{200, 9}) {
		t.Errorf("%+v", e)
	}
}

// TestBrands recognises pictures by a compatible brand, and no films.
func TestBrands(t *testing.T) {
	for brands, want := range map[string]Format{
		"heic": HEIC, "mif1": HEIC, "avif": AVIF, "mif2mif1heicmiaf": HEIC, "isommif1heic": HEIC, "heifmif1": HEIC, "tmapmif1": HEIC, "miafavif": AVIF,
		"isomiso2avc1mif1": "", "mp42mp42heic": "", "3gp4msf1": "", "qt  qt  mif1": "", "isomiso2avc1mp41": "",
	} {
		head := binary.BigEndian.AppendUint32(nil, uint32(12+len(brands)))
		head = append(append(append(head, "ftyp"...), brands[:4]...), 0, 0, 0, 0)
		head = append(head, brands[4:]...)
		if got, _ := Sniff(head[:min(len(head), SniffLen)]); got != want {
			t.Errorf("%s: %q, want %q", brands, got, want)
		}
	}
}
