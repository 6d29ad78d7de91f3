package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagError returns a usage error for a wrong flag, without the parser's wording.
func FlagError(c *cobra.Command, err error) error {
	hint := fmt.Sprintf("see `%s --help`", c.CommandPath())
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if kind := valueKind(e.GetFlag().Value.Type()); kind != "" {
			return Usage("give "+kind+"; "+hint, "--%s %q", e.GetFlag().Name, e.GetValue())
		}
	}
	return Usage(hint, "%w", err)
}

// valueKind describes the values of a flag type; "" for types that parse their values themselves.
func valueKind(typeName string) string {
	return map[string]string{
		"int": "a whole number", "int64": "a whole number", "uint64": "a whole number of 0 or more", "float64": "a number", "bool": "true or false",
		"duration": "a time such as 90m or 36h",
	}[typeName]
}
