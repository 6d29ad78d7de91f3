package tokenize

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// wordPiece cuts a word greedily into the longest pieces that the vocabulary has; a word that cannot be cut that way,
// or has more than maxChars characters, is one unknown token.
type wordPiece struct {
	vocab    map[string]int32
	prefix   string // marks a piece inside a word
	unknown  int32
	maxChars int
}

func newWordPiece(m modelPart) (*wordPiece, error) {
	var c struct {
		UnkToken string `json:"unk_token"`
		Prefix   string `json:"continuing_subword_prefix"`
		MaxChars int    `json:"max_input_chars_per_word"`
	}
	if err := json.Unmarshal(m.options, &c); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	vocab := m.vocabulary()
	unknown, ok := vocab[c.UnkToken]
	if !ok {
		return nil, fmt.Errorf("model: unknown token %q is not in the vocabulary", c.UnkToken)
	}
	return &wordPiece{vocab: vocab, prefix: c.Prefix, unknown: unknown, maxChars: c.MaxChars}, nil
}

func (m *wordPiece) id(token string) (int32, bool) {
	id, ok := m.vocab[token]
	return id, ok
}

func (m *wordPiece) encode(ids []int32, word string) []int32 {
	if utf8.RuneCountInString(word) > m.maxChars {
		return append(ids, m.unknown)
	}
	mark := len(ids)
	piece := make([]byte, 0, len(m.prefix)+len(word))
	for start := 0; start < len(word); {
		piece = piece[:0]
		if start > 0 {
			piece = append(piece, m.prefix...)
		}
		head := len(piece)
		piece = append(piece, word[start:]...)
		end := len(word)
		for ; end > start; end-- {
			if id, ok := m.vocab[string(piece[:head+end-start])]; ok {
				ids = append(ids, id)
				break
			}
		}
		if end == start {
			return append(ids[:mark], m.unknown)
		}
		start = end
	}
	return ids
}
