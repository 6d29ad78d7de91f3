// Package jsonerr says in plain words what is wrong with a JSON text. It must not know what the text is for.
package jsonerr

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Plain is an error whose text does not name the parser's types: an error that JSON was parsed with, or one around it.
func Plain(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		text := "a value of the wrong kind, " + e.Value
		if e.Field != "" {
			text = fmt.Sprintf("%q is of the wrong kind, %s", e.Field, e.Value)
		}
		return &plain{err, e.Error(), text}
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &plain{err, e.Error(), fmt.Sprintf("not JSON at byte %d", e.Offset)}
	}
	return err
}

// plain is an error in which one text stands for another.
type plain struct {
	error

	parsers, ours string
}

func (p *plain) Error() string { return strings.ReplaceAll(p.error.Error(), p.parsers, p.ours) }
func (p *plain) Unwrap() error { return p.error }
