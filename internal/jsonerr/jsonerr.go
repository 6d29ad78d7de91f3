// Package jsonerr explains JSON errors in plain words. It must not know what the text is for.
package jsonerr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Plain returns an error whose text does not name the parser's types. err is an error of encoding/json, or wraps one.
func Plain(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		text := "a value has the wrong type: " + e.Value
		if e.Field != "" {
			text = fmt.Sprintf("%q has the wrong type: %s", e.Field, e.Value)
		}
		return &plain{err, e.Error(), text}
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &plain{err, e.Error(), fmt.Sprintf("invalid JSON at byte %d", e.Offset)}
	}
	return err
}

// plain is an error in whose text the parser's words are replaced by ours.
type plain struct {
	error

	parsers, ours string
}

func (p *plain) Error() string { return strings.ReplaceAll(p.error.Error(), p.parsers, p.ours) }
func (p *plain) Unwrap() error { return p.error }
