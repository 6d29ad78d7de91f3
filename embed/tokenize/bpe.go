package tokenize

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe joins a word's characters pair by pair, in the order in which the pairs were learnt.
type bpe struct {
	vocab        map[string]int32
	tokens       []string         // by id
	ranks        map[string]int32 // of merges: left + mergeMark + right
	prefix       string           // before each character but the first
	suffix       string           // after the last character
	unknown      int32
	hasUnknown   bool
	fuseUnknown  bool
	byteFallback bool
	bytes        [256]int32 // the ids of <0x00> to <0xFF>; -1: none
	wholeWords   bool       // a word of the vocabulary is not cut at all
}

func newBPE(m modelPart) (*bpe, error) {
	var c struct {
		Dropout      float64 `json:"dropout"`
		UnkToken     *string `json:"unk_token"`
		Prefix       string  `json:"continuing_subword_prefix"`
		Suffix       string  `json:"end_of_word_suffix"`
		FuseUnk      bool    `json:"fuse_unk"`
		ByteFallback bool    `json:"byte_fallback"`
		IgnoreMerges bool    `json:"ignore_merges"`
	}
	if err := json.Unmarshal(m.options, &c); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if c.Dropout != 0 {
		return nil, fmt.Errorf("%w: BPE with dropout, whose results are random", ErrUnsupported)
	}
	b := &bpe{
		ranks: make(map[string]int32, len(m.merges)), prefix: c.Prefix, suffix: c.Suffix,
		fuseUnknown: c.FuseUnk, byteFallback: c.ByteFallback, wholeWords: c.IgnoreMerges,
	}
	// The halves stay text until a word needs them: looking all of them up would take longer than reading the file.
	for rank, m := range m.merges {
		b.ranks[m] = int32(rank)
	}
	b.vocab = m.vocabulary()
	last := int32(-1)
	for _, e := range m.vocab {
		last = max(last, e.id)
	}
	if int(last) > 4*len(m.vocab)+1<<16 { // gaps are allowed, but not ones that fill the memory
		return nil, fmt.Errorf("model: the id %d in a vocabulary of %d", last, len(m.vocab))
	}
	b.tokens = make([]string, last+1)
	for _, e := range m.vocab {
		b.tokens[e.id] = e.token
	}
	if c.UnkToken != nil {
		var ok bool
		if b.unknown, ok = b.vocab[*c.UnkToken]; !ok {
			return nil, fmt.Errorf("model: unknown token %q is not in the vocabulary", *c.UnkToken)
		}
		b.hasUnknown = true
	}
	for i := range b.bytes {
		b.bytes[i] = -1
		if c.ByteFallback {
			if id, ok := b.vocab[fmt.Sprintf("<0x%02X>", i)]; ok {
				b.bytes[i] = id
			}
		}
	}
	return b, nil
}

func (b *bpe) id(token string) (int32, bool) {
	id, ok := b.vocab[token]
	return id, ok
}

func (b *bpe) encode(ids []int32, word string) []int32 {
	if b.wholeWords {
		if id, ok := b.vocab[word]; ok {
			return append(ids, id)
		}
	}
	w := mergeWord{bpe: b, symbols: b.symbols(word)}
	w.run()
	for _, s := range w.symbols {
		if s.id >= 0 {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// symbol is a part of a word: a doubly linked list by position. A part that was joined to the one before it has id -1.
type symbol struct{ id, prev, next int32 }

// symbols looks up the characters of a word. An unknown one becomes its bytes, or the unknown token (one for several in
// a row if the file says so), or is left out.
func (b *bpe) symbols(word string) []symbol {
	list := make([]symbol, 0, len(word))
	add := func(id int32) {
		n := int32(len(list))
		list = append(list, symbol{id: id, prev: n - 1, next: n + 1})
	}
	pending := 0 // unknown tokens that are not in the list yet
	flush := func() {
		for ; pending > 0; pending-- {
			add(b.unknown)
		}
	}
	for i, r := range word {
		n := utf8.RuneLen(r)
		char := word[i : i+n]
		if i > 0 && b.prefix != "" {
			char = b.prefix + char
		}
		if i+n == len(word) && b.suffix != "" {
			char += b.suffix
		}
		if id, ok := b.vocab[char]; ok {
			flush()
			add(id)
			continue
		}
		if b.byteFallback && b.hasBytes(char) {
			for _, c := range []byte(char) {
				add(b.bytes[c])
			}
			continue
		}
		if b.hasUnknown && (pending == 0 || !b.fuseUnknown) {
			flush()
			pending = 1
		}
	}
	flush()
	if len(list) > 0 {
		list[len(list)-1].next = -1
	}
	return list
}

func (b *bpe) hasBytes(s string) bool {
	for _, c := range []byte(s) {
		if b.bytes[c] < 0 {
			return false
		}
	}
	return true
}

// mergeWord is a word while its parts are joined: time n log n in its length, since a "word" may be a whole text.
type mergeWord struct {
	bpe     *bpe
	key     []byte
	symbols []symbol
	queue   []candidate
}

// candidate is a pair that may be joined: the part at pos with the one after it.
type candidate struct{ rank, pos, id int32 }

func (w *mergeWord) Len() int { return len(w.queue) }
func (w *mergeWord) Less(i, j int) bool {
	a, b := w.queue[i], w.queue[j]
	return a.rank < b.rank || a.rank == b.rank && a.pos < b.pos
}
func (w *mergeWord) Swap(i, j int) { w.queue[i], w.queue[j] = w.queue[j], w.queue[i] }
func (w *mergeWord) Push(x any)    { w.queue = append(w.queue, x.(candidate)) } //nolint:forcetypeassert // only push pushes
func (w *mergeWord) Pop() any {
	last := w.queue[len(w.queue)-1]
	w.queue = w.queue[:len(w.queue)-1]
	return last
}

// find looks up the pair at pos, which must have been learnt, and the joined token, which must be in the vocabulary.
func (w *mergeWord) find(pos int32) (candidate, bool) {
	s := w.symbols[pos]
	if s.next < 0 || s.id < 0 {
		return candidate{}, false
	}
	left, right := w.bpe.tokens[s.id], w.bpe.tokens[w.symbols[s.next].id]
	w.key = append(append(append(w.key[:0], left...), mergeMark), right...)
	rank, ok := w.bpe.ranks[string(w.key)]
	if !ok {
		return candidate{}, false
	}
	w.key = append(append(w.key[:0], left...), strings.TrimPrefix(right, w.bpe.prefix)...)
	id, ok := w.bpe.vocab[string(w.key)]
	return candidate{rank, pos, id}, ok
}

func (w *mergeWord) run() {
	for pos := range w.symbols {
		if c, ok := w.find(int32(pos)); ok {
			w.queue = append(w.queue, c)
		}
	}
	heap.Init(w)
	for len(w.queue) > 0 {
		top := heap.Pop(w).(candidate) //nolint:forcetypeassert // only candidates are pushed
		s := &w.symbols[top.pos]
		// The pair may have changed by now: its parts may be gone, or have grown.
		if now, ok := w.find(top.pos); !ok || now.id != top.id {
			continue
		}
		right := &w.symbols[s.next]
		s.id, s.next = top.id, right.next
		right.id = -1
		if s.next >= 0 {
			w.symbols[s.next].prev = top.pos
		}
		if s.prev >= 0 {
			if c, ok := w.find(s.prev); ok {
				heap.Push(w, c)
			}
		}
		if c, ok := w.find(top.pos); ok {
			heap.Push(w, c)
		}
	}
}
