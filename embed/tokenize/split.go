package tokenize

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// A splitter cuts a stretch of normalised text into words and gives each to emit until emit returns false; first says
// whether the stretch starts the whole text. It returns what the last emit returned.
type splitter func(s string, first bool, emit func(word string, first bool) bool) bool

// newPreTokenizer reads a pre-tokenizer.
func newPreTokenizer(component json.RawMessage) (splitter, error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer: %w", err)
	}
	switch kind {
	case "":
		return func(s string, first bool, emit func(string, bool) bool) bool { return emit(s, first) }, nil
	case "Sequence":
		return newSplitterSequence(component)
	case "Split":
		return newPatternSplitter(component)
	case "ByteLevel":
		return newByteLevel(component)
	case "Metaspace":
		return newMetaspace(component)
	case "WhitespaceSplit":
		return splitWhitespace, nil
	case "BertPreTokenizer":
		return splitBert, nil
	default:
		return nil, fmt.Errorf("%w: pre-tokenizer %q", ErrUnsupported, kind)
	}
}

func newSplitterSequence(component json.RawMessage) (splitter, error) {
	var c struct {
		PreTokenizers []json.RawMessage `json:"pretokenizers"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, fmt.Errorf("pre-tokenizer: %w", err)
	}
	chain := func(s string, first bool, emit func(string, bool) bool) bool { return emit(s, first) }
	for i := len(c.PreTokenizers) - 1; i >= 0; i-- {
		step, err := newPreTokenizer(c.PreTokenizers[i])
		if err != nil {
			return nil, err
		}
		rest := chain
		chain = func(s string, first bool, emit func(string, bool) bool) bool {
			return step(s, first, func(word string, first bool) bool { return rest(word, first, emit) })
		}
	}
	return chain, nil
}

func splitWhitespace(s string, first bool, emit func(string, bool) bool) bool {
	for from := 0; from < len(s); {
		rest := s[from:]
		skip := len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
		rest = rest[skip:]
		if rest == "" {
			break
		}
		n := strings.IndexFunc(rest, unicode.IsSpace)
		if n < 0 {
			n = len(rest)
		}
		if !emit(rest[:n], first && from+skip == 0) {
			return false
		}
		from += skip + n
	}
	return true
}

// newPatternSplitter reads Split: the text is cut at a pattern's matches, and the behavior says where they go.
func newPatternSplitter(component json.RawMessage) (splitter, error) {
	var c struct {
		Pattern  json.RawMessage `json:"pattern"`
		Behavior string          `json:"behavior"`
		Invert   bool            `json:"invert"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, fmt.Errorf("pre-tokenizer Split: %w", err)
	}
	p, err := newPattern(c.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer Split: %w", err)
	}
	join, ok := behaviors[c.Behavior]
	if !ok {
		return nil, fmt.Errorf("%w: Split with behavior %q", ErrUnsupported, c.Behavior)
	}
	return func(s string, first bool, emit func(string, bool) bool) bool {
		for _, w := range join(cutAt(s, p, c.Invert)) {
			if w.start < w.end && !emit(s[w.start:w.end], first && w.start == 0) {
				return false
			}
		}
		return true
	}, nil
}

// stretch is a part of a text, and whether it is one that the pattern matches (with invert: does not match).
type stretch struct {
	start, end int
	match      bool
}

func cutAt(s string, p pattern, invert bool) []stretch {
	var parts []stretch
	done := 0
	for from := 0; from <= len(s); {
		start, end, ok := p.next(s[from:])
		if !ok {
			break
		}
		start, end = start+from, end+from
		if start == end { // an empty match cuts nothing
			from = end + 1
			continue
		}
		if done < start {
			parts = append(parts, stretch{done, start, invert})
		}
		parts = append(parts, stretch{start, end, !invert})
		done, from = end, end
	}
	if done < len(s) {
		parts = append(parts, stretch{done, len(s), invert})
	}
	return parts
}

// behaviors are what Split can do with the matches, by the reference's names.
var behaviors = map[string]func([]stretch) []stretch{
	"Removed": func(parts []stretch) (words []stretch) {
		for _, p := range parts {
			if !p.match {
				words = append(words, p)
			}
		}
		return words
	},
	"Isolated": func(parts []stretch) []stretch { return parts },
	"Contiguous": func(parts []stretch) []stretch {
		return mergeParts(parts, func(before, p stretch) bool { return before.match == p.match })
	},
	"MergedWithPrevious": func(parts []stretch) []stretch {
		return mergeParts(parts, func(before, p stretch) bool { return p.match && !before.match })
	},
	"MergedWithNext": func(parts []stretch) []stretch {
		return mergeParts(parts, func(before, p stretch) bool { return before.match && !p.match })
	},
}

// mergeParts joins each part with the one before it where join says so.
func mergeParts(parts []stretch, join func(before, p stretch) bool) (words []stretch) {
	for i, p := range parts {
		if i > 0 && join(parts[i-1], p) {
			words[len(words)-1].end = p.end
		} else {
			words = append(words, p)
		}
	}
	return words
}

// newMetaspace reads Metaspace: spaces become a visible mark, with which each word starts.
func newMetaspace(component json.RawMessage) (splitter, error) {
	c := struct {
		Replacement    string `json:"replacement"`
		PrependScheme  string `json:"prepend_scheme"`
		AddPrefixSpace *bool  `json:"add_prefix_space"` // older than prepend_scheme
		Split          *bool  `json:"split"`
	}{}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: %w", err)
	}
	if c.PrependScheme == "" {
		c.PrependScheme = "always"
	}
	if c.AddPrefixSpace != nil && !*c.AddPrefixSpace {
		c.PrependScheme = "never"
	}
	mark := c.Replacement
	if mark == "" {
		return nil, fmt.Errorf("pre-tokenizer Metaspace: no replacement")
	}
	switch c.PrependScheme {
	case "always", "first", "never":
	default:
		return nil, fmt.Errorf("%w: Metaspace with prepend_scheme %q", ErrUnsupported, c.PrependScheme)
	}
	return func(s string, first bool, emit func(string, bool) bool) bool {
		s = strings.ReplaceAll(s, " ", mark)
		if (c.PrependScheme == "always" || c.PrependScheme == "first" && first) && !strings.HasPrefix(s, mark) {
			s = mark + s
		}
		if c.Split != nil && !*c.Split {
			return emit(s, first)
		}
		for start := 0; start < len(s); {
			// From this mark, or the text's beginning, to the next one.
			at := 0
			if strings.HasPrefix(s[start:], mark) {
				at = len(mark)
			}
			end := len(s)
			if n := strings.Index(s[start+at:], mark); n >= 0 {
				end = start + at + n
			}
			if !emit(s[start:end], first && start == 0) {
				return false
			}
			start = end
		}
		return true
	}, nil
}
