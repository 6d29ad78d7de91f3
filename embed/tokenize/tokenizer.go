// Package tokenize turns text into the token ids that a text tower was trained on, from a Hugging Face
// tokenizer.json. A component that it does not know is an error that names it, never ignored: a near-right tokenizer
// gives near-right vectors that nobody notices. It must not know towers, tensors or files.
package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrUnsupported is a well-formed tokenizer.json with a component that this package does not know.
var ErrUnsupported = errors.New("unsupported tokenizer component")

// Config is what a model says of its text input beside tokenizer.json.
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
	config    Config
	pad       int32
	special   specials
	normalize func(string) string
	split     func(string) []string
	model     model
	before    []int32 // the template's ids around the text
	after     []int32
}

// model turns one pre-tokenized word into ids, appended to ids.
type model interface {
	encode(ids []int32, word string) []int32
	id(token string) (int32, bool)
}

// file is the part of tokenizer.json that decides the ids.
type file struct {
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Model         json.RawMessage `json:"model"`
}

// New reads a tokenizer.json.
func New(tokenizerJSON []byte, config Config) (*Tokenizer, error) {
	var f file
	if err := json.Unmarshal(tokenizerJSON, &f); err != nil {
		return nil, fmt.Errorf("read tokenizer: %w", err)
	}
	t := &Tokenizer{config: config}
	for _, load := range []func() error{
		func() (err error) { t.model, err = newModel(f.Model); return err },
		func() (err error) { t.normalize, err = newNormalizer(f.Normalizer); return err },
		func() (err error) { t.split, err = newPreTokenizer(f.PreTokenizer); return err },
		func() (err error) { t.before, t.after, err = newTemplate(f.PostProcessor); return err },
		func() (err error) { t.special, err = newSpecials(f.AddedTokens); return err },
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

func (t *Tokenizer) lookup(token string) (int32, bool) {
	if id, ok := t.special.ids[token]; ok {
		return id, true
	}
	return t.model.id(token)
}

// ContextLength is the number of ids that Encode returns.
func (t *Tokenizer) ContextLength() int { return t.config.ContextLength }

// Encode returns ContextLength ids, truncated and padded, and how many of them are not padding.
// Bytes that are not UTF-8 count as U+FFFD.
func (t *Tokenizer) Encode(text string) (ids []int32, used int) {
	text = Clean(text, t.config.Canonicalize)
	ids = make([]int32, 0, t.config.ContextLength)
	ids = append(ids, t.before...)
	limit := t.config.ContextLength - len(t.after)
	t.special.cut(text, func(plain string, special int32, isSpecial bool) bool {
		if isSpecial {
			ids = append(ids, special)
		} else {
			for _, word := range t.split(t.normalize(plain)) {
				ids = t.model.encode(ids, word)
				if len(ids) >= limit {
					break
				}
			}
		}
		return len(ids) < limit
	})
	ids = append(ids[:min(len(ids), limit)], t.after...)
	used = len(ids)
	for len(ids) < t.config.ContextLength {
		ids = append(ids, t.pad)
	}
	return ids, used
}

// typeOf reads a component's type; an absent one is "".
func typeOf(component json.RawMessage) (string, error) {
	if len(component) == 0 || string(component) == "null" {
		return "", nil
	}
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(component, &head); err != nil {
		return "", err
	}
	return head.Type, nil
}

func newModel(component json.RawMessage) (model, error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	switch kind {
	case "WordPiece":
		return newWordPiece(component)
	default:
		return nil, fmt.Errorf("%w: model %q", ErrUnsupported, kind)
	}
}

func newNormalizer(component json.RawMessage) (func(string) string, error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	switch kind {
	case "":
		return func(s string) string { return s }, nil
	case "BertNormalizer":
		return newBertNormalizer(component)
	default:
		return nil, fmt.Errorf("%w: normalizer %q", ErrUnsupported, kind)
	}
}

func newPreTokenizer(component json.RawMessage) (func(string) []string, error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, fmt.Errorf("pre-tokenizer: %w", err)
	}
	switch kind {
	case "BertPreTokenizer":
		return splitBert, nil
	default:
		return nil, fmt.Errorf("%w: pre-tokenizer %q", ErrUnsupported, kind)
	}
}

// validUTF8 replaces bytes that are not UTF-8, so that every later step sees whole characters.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
