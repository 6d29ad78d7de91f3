package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// file is a tokenizer.json: its small parts as they are, and the model, which is nearly all of its bytes. It is read
// in one pass: a search waits for it (docs/benchmarks.md#tokenizers).
type file struct {
	parts map[string]json.RawMessage
	model modelPart
}

// modelPart is the member "model".
type modelPart struct {
	options json.RawMessage // its small members, as an object
	vocab   []entry         // from an object {"token": id} or an array [["token", score]]
	scored  bool            // it was an array: the ids are positions
	merges  []string        // in the order in which they were learnt, each left + mergeMark + right

	ids chan map[string]int32 // the vocabulary by token, made while the merges are read
}

// entry is a token of the vocabulary.
type entry struct {
	token string
	id    int32
	score float64 // its logarithmic probability, for Unigram
}

var errMalformed = errors.New("malformed")

func readFile(data []byte) (file, error) {
	f := file{parts: make(map[string]json.RawMessage)}
	d := jsontext.NewDecoder(bytes.NewBuffer(data), jsontext.AllowDuplicateNames(true))
	err := eachMember(d, func(name string) error {
		if name == "model" {
			return f.model.read(d)
		}
		value, err := d.ReadValue()
		f.parts[name] = json.RawMessage(value.Clone())
		return err
	})
	if err == nil {
		if _, end := d.ReadToken(); !errors.Is(end, io.EOF) {
			err = fmt.Errorf("%w: there is data after the object", errMalformed)
		}
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return f, err
}

// eachMember reads an object; member must read the value.
func eachMember(d *jsontext.Decoder, member func(name string) error) error {
	if err := expect(d, jsontext.KindBeginObject); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		if err := member(name.String()); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func expect(d *jsontext.Decoder, kind jsontext.Kind) error {
	t, err := d.ReadToken()
	if err != nil {
		return err
	}
	if t.Kind() != kind {
		return fmt.Errorf("%w: %v at byte %d, want %v", errMalformed, t.Kind(), d.InputOffset(), kind)
	}
	return nil
}

func (m *modelPart) read(d *jsontext.Decoder) error {
	options := make(map[string]json.RawMessage)
	err := eachMember(d, func(name string) error {
		switch {
		case name == "vocab" && d.PeekKind() == jsontext.KindBeginArray:
			m.scored = true
			return m.readScored(d)
		case name == "vocab":
			return m.readVocab(d)
		case name == "merges" && d.PeekKind() == jsontext.KindBeginArray:
			return m.readMerges(d)
		}
		value, err := d.ReadValue()
		options[name] = json.RawMessage(value.Clone())
		return err
	})
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	m.options, err = json.Marshal(options)
	return err
}

// arena collects many short strings in one allocation.
type arena struct {
	text []byte
	ends []int
}

// typicalVocab is the number of tokens that space is allocated for: CLIP has 49,408.
const typicalVocab = 50_000

func newArena(n int) *arena { return &arena{text: make([]byte, 0, 8*n), ends: make([]int, 0, n)} }

func (a *arena) add(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	if err != nil {
		return err
	}
	if value.Kind() != jsontext.KindString {
		return fmt.Errorf("%w: %s at byte %d, want a string", errMalformed, value.Kind(), d.InputOffset())
	}
	if bytes.IndexByte(value, '\\') < 0 {
		a.text = append(a.text, value[1:len(value)-1]...)
	} else if a.text, err = jsontext.AppendUnquote(a.text, value); err != nil {
		return err
	}
	a.ends = append(a.ends, len(a.text))
	return nil
}

func (a *arena) strings() []string {
	text, start := string(a.text), 0
	list := make([]string, len(a.ends))
	for i, end := range a.ends {
		list[i] = text[start:end]
		start = end
	}
	return list
}

func (m *modelPart) readVocab(d *jsontext.Decoder) error {
	if err := expect(d, jsontext.KindBeginObject); err != nil {
		return err
	}
	tokens := newArena(typicalVocab)
	ids := make([]int32, 0, typicalVocab)
	for d.PeekKind() != jsontext.KindEndObject {
		if err := tokens.add(d); err != nil {
			return err
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return fmt.Errorf("%w: the id %.20s in the vocabulary", errMalformed, value)
		}
		ids = append(ids, int32(id))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	m.vocab = make([]entry, len(ids))
	for i, token := range tokens.strings() {
		m.vocab[i] = entry{token: token, id: ids[i]}
	}
	m.indexVocab()
	return nil
}

// indexVocab builds the map of the vocabulary in a separate goroutine: it takes as long as reading the merges.
func (m *modelPart) indexVocab() {
	vocab, ids := m.vocab, make(chan map[string]int32, 1)
	m.ids = ids
	go func() {
		byToken := make(map[string]int32, len(vocab))
		for _, e := range vocab {
			byToken[e.token] = e.id
		}
		ids <- byToken
	}()
}

// readScored reads [["token", score], ...]; the position is the id.
func (m *modelPart) readScored(d *jsontext.Decoder) error {
	tokens := newArena(typicalVocab)
	var scores []float64
	err := eachElement(d, func() error {
		if err := expect(d, jsontext.KindBeginArray); err != nil {
			return err
		}
		if err := tokens.add(d); err != nil {
			return err
		}
		value, err := d.ReadValue()
		if err != nil {
			return err
		}
		score, err := strconv.ParseFloat(string(value), 64)
		if err != nil {
			return fmt.Errorf("%w: the score %.20s in the vocabulary", errMalformed, value)
		}
		scores = append(scores, score)
		return expect(d, jsontext.KindEndArray)
	})
	m.vocab = make([]entry, len(scores))
	for i, token := range tokens.strings() {
		if i < len(scores) {
			m.vocab[i] = entry{token: token, id: int32(i), score: scores[i]}
		}
	}
	m.indexVocab()
	return err
}

// mergeMark separates the halves of a merge: a byte that never occurs in UTF-8.
const mergeMark = '\xff'

// readMerges reads [["a", "b"], ...], or the older ["a b", ...].
func (m *modelPart) readMerges(d *jsontext.Decoder) error {
	parts := newArena(typicalVocab)
	err := eachElement(d, func() error {
		start := len(parts.text)
		if d.PeekKind() == jsontext.KindString {
			if err := parts.add(d); err != nil {
				return err
			}
			pair := parts.text[start:]
			at := bytes.IndexByte(pair, ' ')
			if at < 0 || bytes.IndexByte(pair[at+1:], ' ') >= 0 {
				return fmt.Errorf("%w: the merge %q", errMalformed, pair)
			}
			pair[at] = mergeMark
			return nil
		}
		if err := expect(d, jsontext.KindBeginArray); err != nil {
			return err
		}
		if err := parts.add(d); err != nil {
			return err
		}
		parts.text = append(parts.text, mergeMark)
		parts.ends = parts.ends[:len(parts.ends)-1] // the second half continues the first
		if err := parts.add(d); err != nil {
			return err
		}
		return expect(d, jsontext.KindEndArray)
	})
	m.merges = parts.strings()
	return err
}

func eachElement(d *jsontext.Decoder, element func() error) error {
	if err := expect(d, jsontext.KindBeginArray); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndArray {
		if err := element(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// typeOf reads a component's type; an absent component's is "".
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
	if head.Type == "" {
		return "", fmt.Errorf("%w: a component without a type", errMalformed)
	}
	return head.Type, nil
}

func newModel(m modelPart) (model, error) {
	var head struct {
		Type string `json:"type"`
	}
	if len(m.options) == 0 {
		return nil, fmt.Errorf("%w: it has no model", errMalformed)
	}
	if err := json.Unmarshal(m.options, &head); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if head.Type == "" && m.merges != nil {
		head.Type = "BPE" // files from before the models had types
	}
	switch head.Type {
	case "WordPiece":
		return newWordPiece(m)
	case "BPE":
		return newBPE(m)
	case "Unigram":
		return newUnigram(m)
	default:
		return nil, fmt.Errorf("%w: model %q", ErrUnsupported, head.Type)
	}
}

// vocabulary maps tokens to ids. It may be called only once.
func (m *modelPart) vocabulary() map[string]int32 {
	if m.ids == nil {
		return map[string]int32{}
	}
	return <-m.ids
}
