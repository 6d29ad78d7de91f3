package tokenize

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsMap is SentencePiece's precompiled normalisation: a double-array trie from strings to replacements. Its bytes
// are the trie's size (4 bytes, little-endian), the trie's units (4 bytes each), and the replacements, each ended by
// a NUL (sentencepiece/src/normalizer.cc; the units are those of the Darts-clone library).
type charsMap struct {
	units        []uint32
	replacements string
}

func newCharsMap(data []byte) (*charsMap, error) {
	if len(data) == 0 {
		return &charsMap{}, nil
	}
	if len(data) < 4 {
		return nil, errors.New("the character map is truncated")
	}
	size := binary.LittleEndian.Uint32(data)
	data = data[4:]
	if uint64(size) > uint64(len(data)) || size%4 != 0 {
		return nil, errors.New("the character map's trie reaches beyond its end")
	}
	m := &charsMap{units: make([]uint32, size/4), replacements: string(data[size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	return m, nil
}

// maxGrapheme is the longest grapheme, in bytes, that is looked up as one; longer ones are looked up character by
// character. The limit is that of Hugging Face's tokenizers (normalizers/precompiled.rs).
const maxGrapheme = 5

func (m *charsMap) normalize(s string) string {
	if len(m.units) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for state := -1; s != ""; {
		var grapheme string
		grapheme, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		if len(grapheme) <= maxGrapheme {
			if to, ok := m.lookup(grapheme); ok {
				b.WriteString(to)
				continue
			}
		}
		for i, r := range grapheme {
			char := grapheme[i : i+utf8.RuneLen(r)]
			if to, ok := m.lookup(char); ok {
				char = to
			}
			b.WriteString(char)
		}
	}
	return validUTF8(b.String()) // a hostile map may cut characters
}

// lookup returns the replacement for s as a whole: that of the shortest prefix of s that has one, as in the
// reference.
func (m *charsMap) lookup(s string) (string, bool) {
	pos := uint32(0) ^ offset(m.units[0])
	for i := range len(s) {
		if s[i] == 0 {
			return "", false
		}
		pos ^= uint32(s[i])
		if uint64(pos) >= uint64(len(m.units)) {
			return "", false
		}
		unit := m.units[pos]
		if unit&(1<<31|0xff) != uint32(s[i]) {
			return "", false
		}
		pos ^= offset(unit)
		if unit>>8&1 == 0 { // no leaf here
			continue
		}
		if uint64(pos) >= uint64(len(m.units)) {
			return "", false
		}
		at := int(m.units[pos] & (1<<31 - 1))
		if at > len(m.replacements) {
			return "", false
		}
		to, _, _ := strings.Cut(m.replacements[at:], "\x00")
		return to, true
	}
	return "", false
}

// offset is where a unit's children are, relative to it.
func offset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
