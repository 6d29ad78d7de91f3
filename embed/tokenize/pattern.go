package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// pattern is what Split and Replace look for: a literal, or a regular expression.
type pattern struct {
	literal string
	re      *regexp.Regexp
}

func newPattern(component json.RawMessage) (pattern, error) {
	var c struct {
		String *string
		Regex  *string
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return pattern{}, fmt.Errorf("pattern: %w", err)
	}
	switch {
	case c.String != nil && *c.String != "":
		return pattern{literal: *c.String}, nil
	case c.Regex != nil:
		translated, err := translate(*c.Regex)
		if err != nil {
			return pattern{}, err
		}
		re, err := regexp.Compile(translated)
		if err != nil {
			return pattern{}, fmt.Errorf("%w: regular expression %q: %w", ErrUnsupported, *c.Regex, err)
		}
		return pattern{re: re}, nil
	}
	return pattern{}, errors.New("pattern: neither a string nor a regular expression")
}

// next finds the first match in s.
func (p pattern) next(s string) (start, end int, ok bool) {
	if p.re == nil {
		start = strings.Index(s, p.literal)
		return start, start + len(p.literal), start >= 0
	}
	at := p.re.FindStringIndex(s)
	if at == nil {
		return 0, 0, false
	}
	return at[0], at[1], true
}

// classes are the escapes that mean Unicode in the reference's engine (Oniguruma, doc/RE) and ASCII in Go's.
var classes = map[byte]string{
	's': `\t-\r\x{85}\pZ`,
	'd': `\p{Nd}`,
	'w': `\p{L}\p{M}\p{Nd}\p{Pc}`,
}

// translate writes an Oniguruma pattern in Go's syntax. Go's engine rejects what it does not support (lookaround,
// possessive repetition) when the result is compiled.
func translate(expr string) (string, error) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(expr); i++ {
		c := expr[i]
		switch {
		case c == '\\' && i+1 < len(expr):
			i++
			if err := writeEscape(&b, expr[i], inClass); err != nil {
				return "", fmt.Errorf("%w: regular expression %q: %w", ErrUnsupported, expr, err)
			}
			continue
		case c == '[' && inClass && !strings.HasPrefix(expr[i:], "[:"),
			c == '&' && inClass && strings.HasPrefix(expr[i:], "&&"):
			return "", fmt.Errorf("%w: regular expression %q: set operations", ErrUnsupported, expr)
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

func writeEscape(b *strings.Builder, c byte, inClass bool) error {
	lowered := c | 0x20
	class, known := classes[lowered]
	switch {
	case !known:
		b.WriteByte('\\')
		b.WriteByte(c)
	case c == lowered && inClass:
		b.WriteString(class)
	case c == lowered:
		b.WriteString("[" + class + "]")
	case inClass:
		return fmt.Errorf(`\%c inside a set`, c)
	default:
		b.WriteString("[^" + class + "]")
	}
	return nil
}
