// Package dl opens the system's libraries at run time and binds their functions. It must not know any library.
package dl

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// Function is a function of a library, by its name in C. To is a pointer to a variable of a Go function type (purego.RegisterFunc).
type Function struct {
	Name string
	To   any
}

// Bind looks functions up in a library that Open returned.
func Bind(library uintptr, functions []Function) error {
	for _, f := range functions {
		at, err := symbol(library, f.Name)
		if err != nil {
			return fmt.Errorf("bind %s: %w", f.Name, err)
		}
		purego.RegisterFunc(f.To, at)
	}
	return nil
}
