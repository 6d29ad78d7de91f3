package mcp

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/imgsearch/imgsearch/internal/ask"
)

// schemaOf returns the schema of a type.
func schemaOf[T any]() *jsonschema.Schema {
	schema, err := jsonschema.For[T](nil)
	if err != nil {
		panic(fmt.Sprintf("the schema of a tool: %v", err)) // it is made of constants
	}
	return schema
}

// inputSchema returns the schema of a tool's input, described by its fields' doc tags. adjust adds what types do not say.
func inputSchema[In any](adjust func(properties map[string]*jsonschema.Schema)) *jsonschema.Schema {
	schema := schemaOf[In]()
	for _, f := range reflect.VisibleFields(reflect.TypeFor[In]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		p := schema.Properties[name]
		if p == nil {
			continue
		}
		p.Description = f.Tag.Get("doc")
		if f.Type.Kind() == reflect.Slice { // not null, which some clients cannot say
			p.Type, p.Types = "array", nil
		}
	}
	if adjust != nil {
		adjust(schema.Properties)
	}
	return schema
}

// between limits a number.
func between(p *jsonschema.Schema, least, most, usual int) {
	low, high := float64(least), float64(most)
	p.Minimum, p.Maximum, p.Default = &low, &high, fmt.Append(nil, usual)
}

// oneOf limits a text to some values.
func oneOf(p *jsonschema.Schema, values ...string) {
	for _, v := range values {
		p.Enum = append(p.Enum, v)
	}
}

// option names a tool's parameter, with its value.
func option(name string, value ...string) string {
	if len(value) == 0 {
		return name
	}
	return fmt.Sprintf("%s: %q", name, strings.Join(value, ", "))
}

var (
	errNotObject = errors.New("not a JSON object")
	errMissing   = errors.New("missing")
	errUnknown   = errors.New("unknown parameter")
)

// decode reads a tool's arguments, which must be as its schema says, with the defaults.
func decode[In any](schema *jsonschema.Schema, arguments json.RawMessage) (in In, err error) {
	values := make(map[string]json.RawMessage)
	if len(arguments) > 0 {
		if err := json.Unmarshal(arguments, &values); err != nil {
			return in, &ask.Error{Option: "arguments", Err: errNotObject}
		}
	}
	if values == nil { // null
		values = make(map[string]json.RawMessage)
	}
	maps.DeleteFunc(values, func(_ string, value json.RawMessage) bool { return string(value) == "null" }) // how strict clients leave a parameter out
	for _, name := range slices.Sorted(maps.Keys(values)) {
		p := schema.Properties[name]
		if p == nil {
			hint := "the tool has no parameters"
			if len(schema.Properties) > 0 {
				hint = "the parameters are " + strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", ")
			}
			return in, &ask.Error{Option: name, Err: errUnknown, Hint: hint}
		}
		if err := check(p, values[name]); err != nil {
			return in, &ask.Error{Option: name, Err: err}
		}
	}
	for _, name := range schema.Required {
		if values[name] == nil {
			hint := schema.Properties[name].Description
			if list := schema.Properties[name].Enum; list != nil {
				hint = "use one of " + listed(list)
			}
			return in, &ask.Error{Option: name, Err: errMissing, Hint: hint}
		}
	}
	for name, p := range schema.Properties {
		if p.Default != nil && values[name] == nil {
			values[name] = p.Default
		}
	}
	data, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(data, &in)
	}
	return in, err
}

// check returns an error if a value does not have the type or the bounds of a property.
func check(p *jsonschema.Schema, value json.RawMessage) error {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	switch p.Type {
	case "string":
		text, ok := v.(string)
		switch {
		case !ok:
			return errors.New("not a string")
		case p.Enum != nil && !slices.Contains(p.Enum, any(text)):
			return fmt.Errorf("invalid value %q; use one of %s", text, listed(p.Enum))
		case p.MaxLength != nil && len(text) > *p.MaxLength:
			return fmt.Errorf("it is longer than %d bytes", *p.MaxLength)
		}
	case "integer":
		number, ok := v.(float64)
		switch {
		case !ok || number != math.Trunc(number):
			return errors.New("not an integer")
		case number < *p.Minimum || number > *p.Maximum:
			return fmt.Errorf("invalid value %.0f; use a number from %.0f to %.0f", number, *p.Minimum, *p.Maximum)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return errors.New("not true or false")
		}
	case "array":
		list, ok := v.([]any)
		if !ok || slices.ContainsFunc(list, func(one any) bool { _, isText := one.(string); return !isText }) {
			return errors.New("not a list of strings")
		}
	}
	return nil
}

// listed returns the values of an enumeration for people.
func listed(values []any) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = fmt.Sprint(v)
	}
	return strings.Join(names, ", ")
}
