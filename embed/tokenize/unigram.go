package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// unigram cuts a word into the tokens whose probabilities have the greatest product (Viterbi's algorithm).
type unigram struct {
	ids          map[string]int32
	scores       []float64 // by id
	longest      int       // the longest token, in bytes
	unknown      int32
	unknownScore float64
	byteFallback bool
}

// unknownPenalty is what an unknown character costs beyond the least probable token (kUnkPenalty in SentencePiece's
// unigram_model.cc).
const unknownPenalty = 10

func newUnigram(m modelPart) (*unigram, error) {
	var c struct {
		UnkID        *int32 `json:"unk_id"`
		ByteFallback bool   `json:"byte_fallback"`
	}
	if err := json.Unmarshal(m.options, &c); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if !m.scored {
		return nil, errors.New("model: Unigram without scores")
	}
	if c.UnkID == nil || *c.UnkID < 0 || int(*c.UnkID) >= len(m.vocab) {
		return nil, errors.New("model: Unigram without an unknown token")
	}
	u := &unigram{ids: m.vocabulary(), scores: make([]float64, len(m.vocab)), unknown: *c.UnkID, byteFallback: c.ByteFallback}
	least := math.Inf(1)
	for i, e := range m.vocab {
		u.scores[i] = e.score
		u.longest = max(u.longest, len(e.token))
		least = min(least, e.score)
	}
	u.unknownScore = least - unknownPenalty
	return u, nil
}

func (u *unigram) id(token string) (int32, bool) {
	id, ok := u.ids[token]
	return id, ok
}

// node is the best way to a place in a word: the token that ends there and where it starts.
type node struct {
	score float64
	start int
	id    int32
}

func (u *unigram) encode(ids []int32, word string) []int32 {
	best := make([]node, len(word)+1)
	for i := range best {
		best[i].start = -1
	}
	reach := func(end int, n node) {
		if best[end].start < 0 || n.score > best[end].score {
			best[end] = n
		}
	}
	for start := 0; start < len(word); {
		_, width := utf8.DecodeRuneInString(word[start:])
		here := best[start].score
		single := false
		for end := start + width; end <= len(word) && end-start <= u.longest; {
			if id, ok := u.ids[word[start:end]]; ok {
				reach(end, node{here + u.scores[id], start, id})
				single = single || end == start+width
			}
			_, n := utf8.DecodeRuneInString(word[end:])
			if n == 0 {
				break
			}
			end += n
		}
		if !single {
			reach(start+width, node{here + u.unknownScore, start, u.unknown})
		}
		start += width
	}
	return u.trace(ids, word, best)
}

// trace walks the best way back and appends its tokens, several unknown characters in a row as one.
func (u *unigram) trace(ids []int32, word string, best []node) []int32 {
	var reversed []node // of each piece: start, and in id whether it is unknown
	for end := len(word); end > 0; end = best[end].start {
		n := best[end]
		if last := len(reversed) - 1; last >= 0 && n.id == u.unknown && reversed[last].id == u.unknown {
			reversed[last].start = n.start
		} else {
			reversed = append(reversed, n)
		}
	}
	for i := len(reversed) - 1; i >= 0; i-- {
		end := len(word)
		if i > 0 {
			end = reversed[i-1].start
		}
		ids = u.appendPiece(ids, word[reversed[i].start:end])
	}
	return ids
}

func (u *unigram) appendPiece(ids []int32, piece string) []int32 {
	if id, ok := u.ids[piece]; ok {
		return append(ids, id)
	}
	if u.byteFallback {
		mark := len(ids)
		for _, c := range []byte(piece) {
			id, ok := u.ids[fmt.Sprintf("<0x%02X>", c)]
			if !ok {
				return append(ids[:mark], u.unknown)
			}
			ids = append(ids, id)
		}
		return ids
	}
	return append(ids, u.unknown)
}
