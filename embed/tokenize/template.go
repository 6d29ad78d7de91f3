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
	case "":
		return nil, nil, nil
	case "TemplateProcessing":
		return templateProcessing(component)
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
