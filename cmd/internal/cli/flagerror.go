package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/agext/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// FlagError returns a usage error for a wrong flag, without the parser's wording.
func FlagError(c *cobra.Command, err error) error {
	hint := fmt.Sprintf("see `%s --help`", c.CommandPath())
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		if kind := valueKind(e.GetFlag().Value.Type()); kind != "" {
			return Usage("use "+kind+"; "+hint, "invalid value for --%s: %q", e.GetFlag().Name, e.GetValue())
		}
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if e.GetSpecifiedShortnames() != "" {
			return Usage(hint, "unknown flag: -%s", e.GetSpecifiedName())
		}
		if name := similarFlag(c, e.GetSpecifiedName()); name != "" {
			hint = fmt.Sprintf("did you mean --%s? %s", name, hint)
		}
	}
	return Usage(hint, "%w", err)
}

// leastSimilar is the least similarity, from 0 to 1, of a suggested flag.
const leastSimilar = 0.5

// similarFlag returns the most similar name among a command's flags; "" if none is similar.
func similarFlag(c *cobra.Command, name string) (similar string) {
	best := leastSimilar
	c.Flags().VisitAll(func(f *pflag.Flag) {
		s := levenshtein.Similarity(name, f.Name, nil)
		if letters(name) == letters(f.Name) { // the same letters in another order
			s = 1
		}
		if !f.Hidden && (s > best || s == best && similar == "") {
			best, similar = s, f.Name
		}
	})
	return similar
}

// letters returns a name's letters in alphabetical order.
func letters(name string) string {
	sorted := []rune(name)
	slices.Sort(sorted)
	return string(sorted)
}

// valueKind describes the values of a flag type; "" for types that parse their values themselves.
func valueKind(typeName string) string {
	return map[string]string{
		"int": "a whole number", "int64": "a whole number", "uint64": "a whole number of 0 or more", "float64": "a number", "bool": "true or false",
		"duration": "a duration such as 90m or 36h",
	}[typeName]
}
