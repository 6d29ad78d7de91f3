package tokenize

import (
	"encoding/json"
	"fmt"
)

// newTemplate reads a post-processor: the ids that go before and after a single text.
func newTemplate(component json.RawMessage) (before, after []int32, err error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, nil, fmt.Errorf("post-processor: %w", err)
	}
	switch kind {
	case "", "ByteLevel": // ByteLevel changes offsets only
		return nil, nil, nil
	case "TemplateProcessing":
		return templateProcessing(component)
	case "RobertaProcessing", "BertProcessing":
		return classProcessing(component)
	case "Sequence":
		return sequenceProcessing(component)
	default:
		return nil, nil, fmt.Errorf("%w: post-processor %q", ErrUnsupported, kind)
	}
}

func templateProcessing(component json.RawMessage) (before, after []int32, err error) {
	var c struct {
		Single []struct {
			SpecialToken *struct {
				ID string `json:"id"`
			}
			Sequence *struct {
				ID string `json:"id"`
			}
		} `json:"single"`
		SpecialTokens map[string]struct {
			IDs []int32 `json:"ids"`
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, nil, fmt.Errorf("post-processor: %w", err)
	}
	seen := false
	for _, piece := range c.Single {
		switch {
		case piece.Sequence != nil && seen:
			return nil, nil, fmt.Errorf("%w: template with the text twice", ErrUnsupported)
		case piece.Sequence != nil:
			seen = true
		case piece.SpecialToken != nil:
			token, ok := c.SpecialTokens[piece.SpecialToken.ID]
			if !ok {
				return nil, nil, fmt.Errorf("post-processor: no ids for token %q", piece.SpecialToken.ID)
			}
			if seen {
				after = append(after, token.IDs...)
			} else {
				before = append(before, token.IDs...)
			}
		default:
			return nil, nil, fmt.Errorf("%w: template piece", ErrUnsupported)
		}
	}
	if !seen {
		return nil, nil, fmt.Errorf("post-processor: the template leaves the text out")
	}
	return before, after, nil
}

// classProcessing is RoBERTa's and BERT's: one token before, one after, each written ["text", id].
func classProcessing(component json.RawMessage) (before, after []int32, err error) {
	var c struct {
		Sep []json.RawMessage `json:"sep"`
		Cls []json.RawMessage `json:"cls"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, nil, fmt.Errorf("post-processor: %w", err)
	}
	var ids [2]int32
	for i, token := range [][]json.RawMessage{c.Cls, c.Sep} {
		if len(token) != 2 {
			return nil, nil, fmt.Errorf("post-processor: a token of %d parts", len(token))
		}
		if err := json.Unmarshal(token[1], &ids[i]); err != nil {
			return nil, nil, fmt.Errorf("post-processor: %w", err)
		}
	}
	return ids[:1], ids[1:], nil
}

// sequenceProcessing applies each processor around the result of the one before it.
func sequenceProcessing(component json.RawMessage) (before, after []int32, err error) {
	var c struct {
		Processors []json.RawMessage `json:"processors"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, nil, fmt.Errorf("post-processor: %w", err)
	}
	for _, p := range c.Processors {
		b, a, err := newTemplate(p)
		if err != nil {
			return nil, nil, err
		}
		before, after = append(b[:len(b):len(b)], before...), append(after, a...)
	}
	return before, after, nil
}
