// Package tokenize turns text into the token ids that a text tower was trained on, from a Hugging Face
// tokenizer.json. An unsupported component is an error that names it, and is never ignored: an almost correct tokenizer
// gives almost correct vectors, which go unnoticed. It must not know towers, tensors or files.
package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrUnsupported reports a well-formed tokenizer.json with a component that this package does not support.
var ErrUnsupported = errors.New("unsupported tokenizer component")

// Config is what a model says about its text input outside tokenizer.json.
type Config struct {
	// ContextLength is the number of ids that the tower takes.
	ContextLength int
	// PadToken fills the ids up to ContextLength.
	PadToken string
	// Canonicalize removes ASCII punctuation and lowers the case first (open_clip's clean "canonicalize").
	Canonicalize bool
}

// Tokenizer encodes text. It is safe for concurrent use.
type Tokenizer struct {
	config     Config
	pad        int32
	added      map[string]int32 // the ids of all added tokens
	raw        specials         // those that are cut out before the text is normalised
	normalized specials         // those that are cut out after
	normalize  func(string) string
	split      splitter
	model      model
	before     []int32 // the template's ids around the text
	after      []int32
	languages  map[string]int32 // the tokens that name a language, by their FLORES-200 codes
}

// model turns one pre-tokenized word into ids, appended to ids.
type model interface {
	encode(ids []int32, word string) []int32
	// id returns the id of a token of the vocabulary.
	id(token string) (int32, bool)
}

// New reads a tokenizer.json.
func New(tokenizerJSON []byte, config Config) (*Tokenizer, error) {
	f, err := readFile(tokenizerJSON)
	if err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	t := &Tokenizer{config: config}
	for _, load := range []func() error{
		func() (err error) { t.model, err = newModel(f.model); return err },
		func() (err error) { t.normalize, err = newNormalizer(f.parts["normalizer"]); return err },
		func() (err error) { t.split, err = newPreTokenizer(f.parts["pre_tokenizer"]); return err },
		func() (err error) { t.before, t.after, err = newTemplate(f.parts["post_processor"]); return err },
		func() error { return t.addTokens(f.parts["added_tokens"]) },
	} {
		if err := load(); err != nil {
			return nil, fmt.Errorf("read tokenizer: %w", err)
		}
	}
	if room := config.ContextLength - len(t.before) - len(t.after); room < 1 {
		return nil, fmt.Errorf("read tokenizer: context length %d leaves no room for text", config.ContextLength)
	}
	pad, ok := t.lookup(config.PadToken)
	if !ok {
		return nil, fmt.Errorf("read tokenizer: pad token %q is not in the vocabulary", config.PadToken)
	}
	t.pad = pad
	return t, nil
}

// addTokens sorts the added tokens into those of the raw text and those of the normalised text.
func (t *Tokenizer) addTokens(component json.RawMessage) error {
	var raw, normalized []addedToken
	t.added, t.languages = make(map[string]int32), make(map[string]int32)
	if len(component) > 0 {
		var all []addedToken
		if err := json.Unmarshal(component, &all); err != nil {
			return fmt.Errorf("added_tokens: %w", err)
		}
		for _, a := range all {
			t.added[a.Content] = a.ID
			if isLanguageCode(a.Content) {
				t.languages[a.Content] = a.ID
			}
			if !a.Normalized {
				raw = append(raw, a)
			} else if a.Content = t.normalize(a.Content); a.Content != "" {
				normalized = append(normalized, a)
			}
		}
	}
	var err error
	if t.raw, err = newSpecials(raw); err != nil {
		return err
	}
	t.normalized, err = newSpecials(normalized)
	return err
}

func (t *Tokenizer) lookup(token string) (int32, bool) {
	if id, ok := t.added[token]; ok {
		return id, true
	}
	return t.model.id(token)
}

// ContextLength is the number of ids that Encode returns.
func (t *Tokenizer) ContextLength() int { return t.config.ContextLength }

// Encode returns ContextLength ids, truncated and padded, and how many of them are not padding.
// Bytes that are not UTF-8 count as U+FFFD. A text may begin with the FLORES-200 code of its language and a space, as in "deu_Latn Hund",
// for a tokenizer that has tokens for languages.
func (t *Tokenizer) Encode(text string) (ids []int32, used int) {
	before, after, text := t.inLanguage(text)
	text = Clean(text, t.config.Canonicalize)
	ids = make([]int32, 0, t.config.ContextLength)
	ids = append(ids, before...)
	limit := t.config.ContextLength - len(after)
	t.raw.cut(text, func(plain string, offset int, special int32) bool {
		if offset < 0 {
			ids = append(ids, special)
			return len(ids) < limit
		}
		start := offset == 0
		full := false
		t.normalized.cut(t.normalize(plain), func(plain string, offset int, special int32) bool {
			if offset < 0 {
				ids = append(ids, special)
			} else {
				t.split(plain, start && offset == 0, func(word string, _ bool) bool {
					ids = t.model.encode(ids, word)
					return len(ids) < limit
				})
			}
			full = len(ids) >= limit
			return !full
		})
		return !full
	})
	ids = append(ids[:min(len(ids), limit)], after...)
	used = len(ids)
	for len(ids) < t.config.ContextLength {
		ids = append(ids, t.pad)
	}
	return ids, used
}

// validUTF8 replaces bytes that are not UTF-8, so that every later step sees whole characters.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
