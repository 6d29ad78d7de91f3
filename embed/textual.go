package embed

import (
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/models"
)

// Textual is the text tower with its tokenizer. It is safe for concurrent use.
type Textual struct {
	session   *session
	tokenizer *tokenize.Tokenizer
	mask      int // the input that is the attention mask; -1: none
	// short reports whether a text may be fed alone, with only its own tokens.
	short bool
	// fallback is as in Visual.
	fallback *fallback
}

func (t *Textual) close() {
	if t.fallback != nil {
		t.fallback.close()
		return
	}
	t.session.close()
}

// openTextual loads the tower and, in parallel, the tokenizer: each takes a core for tens of milliseconds.
func openTextual(spec Spec, tune tuning) (*Textual, error) {
	type loaded struct {
		tok *tokenize.Tokenizer
		err error
	}
	tokenizer := make(chan loaded, 1)
	go func() {
		tok, err := LoadTokenizer(spec)
		tokenizer <- loaded{tok, err}
	}()
	s, err := openSession(spec, models.TextualFile, spec.Textual, tune)
	tok := <-tokenizer
	if err != nil {
		return nil, err
	}
	if tok.err != nil {
		s.close()
		return nil, tok.err
	}
	if len(s.inputs) > 2 {
		s.close()
		return nil, damaged(models.TextualFile, fmt.Errorf("the graph has %d inputs, want ids and at most a mask", len(s.inputs)))
	}
	for _, in := range s.inputs {
		want := []int64{onnx.Dynamic, int64(spec.Tokens.ContextLength)}
		if err := checkShape(in, want, onnx.Int32, onnx.Int64); err != nil {
			s.close()
			return nil, damaged(models.TextualFile, err)
		}
	}
	masked, err := maskInput(s.inputs)
	if err != nil {
		s.close()
		return nil, damaged(models.TextualFile, err)
	}
	short := tune.copied != nil && tune.copied.Context
	return &Textual{session: s, tokenizer: tok.tok, mask: masked, short: short}, nil
}

// LoadTokenizer reads only a model's tokenizer.
func LoadTokenizer(spec Spec) (*tokenize.Tokenizer, error) {
	data, err := spec.Model.ReadFile(models.TokenizerFile)
	if err != nil {
		return nil, err
	}
	tok, err := tokenize.New(data, spec.Tokens)
	if err != nil {
		return nil, damaged(models.TokenizerFile, err)
	}
	return tok, nil
}

// Embed returns the L2-normalised vectors of the texts, each of Spec.Dim values.
func (t *Textual) Embed(texts []string) ([][]float32, error) {
	if t.fallback != nil {
		return t.fallback.run(len(texts), t.feed(texts))
	}
	return t.session.run(len(texts), t.feed(texts))
}

// feed makes the inputs of rows of texts.
func (t *Textual) feed(texts []string) func(rows []int) ([]ort.Value, error) {
	ids := make([][]int32, len(texts))
	used := make([]int, len(texts))
	for i, text := range texts {
		ids[i], used[i] = t.tokenizer.Encode(text)
	}
	return func(rows []int) ([]ort.Value, error) {
		var inputs []ort.Value
		for i, in := range t.session.inputs {
			flat := make([]int32, 0, len(rows)*t.tokenizer.ContextLength())
			for _, r := range rows {
				row := ids[r]
				if t.short {
					row = row[:max(used[r], 1)]
				}
				if i == t.mask {
					row = mask(len(row), used[r])
				}
				flat = append(flat, row...)
			}
			v, err := idTensor(in.Elem, flat, len(rows))
			if err != nil {
				return inputs, err
			}
			inputs = append(inputs, v)
		}
		return inputs, nil
	}
}

// maskInput returns the index of the attention mask: the input with the name that exporters give it, else the second of two;
// -1 if there is only one input. A second input whose name means something else is an error.
func maskInput(inputs []onnx.Value) (int, error) {
	if len(inputs) < 2 {
		return -1, nil
	}
	for i, in := range inputs {
		if in.Name == "attention_mask" {
			return i, nil
		}
	}
	if name := inputs[1].Name; name == "token_type_ids" || name == "position_ids" {
		return -1, fmt.Errorf("the graph needs the input %q, which is not supported", name)
	}
	return 1, nil
}

func mask(n, used int) []int32 {
	m := make([]int32, n)
	for i := range used {
		m[i] = 1
	}
	return m
}

func idTensor(elem onnx.ElemType, flat []int32, rows int) (ort.Value, error) {
	shape := ort.NewShape(int64(rows), int64(len(flat)/rows))
	if elem == onnx.Int64 {
		wide := make([]int64, len(flat))
		for i, id := range flat {
			wide[i] = int64(id)
		}
		return ort.NewTensor(shape, wide)
	}
	return ort.NewTensor(shape, flat)
}
