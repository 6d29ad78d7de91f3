package sqlite

import (
	"encoding/binary"
	"math/bits"
)

// bitmap is a set of row ids.
type bitmap []uint64

func (b *bitmap) add(id int64) {
	if id < 0 {
		return
	}
	for int(id>>6) >= len(*b) {
		*b = append(*b, make([]uint64, len(*b)+1)...)
	}
	(*b)[id>>6] |= 1 << (id & 63)
}

// merge adds a result of imgsearch_set.
func (b *bitmap) merge(raw []byte) {
	if n := len(raw) / 8; n > len(*b) {
		*b = append(*b, make([]uint64, n-len(*b))...)
	}
	for i := range len(raw) / 8 {
		(*b)[i] |= binary.LittleEndian.Uint64(raw[8*i:])
	}
}

func (b bitmap) has(id int64) bool { return id>>6 < int64(len(b)) && b[id>>6]>>(id&63)&1 != 0 }

// ids returns the row ids in the set, in order.
func (b bitmap) ids() (ids []int64) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			ids = append(ids, int64(i)<<6+int64(bits.TrailingZeros64(word)))
		}
	}
	return ids
}

func (b bitmap) count() (n int) {
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// unite adds another set.
func (b *bitmap) unite(other bitmap) {
	if n := len(other); n > len(*b) {
		*b = append(*b, make([]uint64, n-len(*b))...)
	}
	for i, word := range other {
		(*b)[i] |= word
	}
}

// intersect keeps only the elements that are also in another set.
func (b bitmap) intersect(other bitmap) {
	for i := range b {
		if i < len(other) {
			b[i] &= other[i]
		} else {
			b[i] = 0
		}
	}
}

// subtract removes the elements of another set.
func (b bitmap) subtract(other bitmap) {
	for i := range min(len(b), len(other)) {
		b[i] &^= other[i]
	}
}
