// Package caught makes errors of panics: other people's code that reads hostile files costs the file, and not the process. It must
// not know what the code does.
package caught

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic as an error.
type PanicError struct {
	Value any
	Stack []byte
}

// Error says the value, and on the lines below where it happened.
func (p *PanicError) Error() string {
	return fmt.Sprintf("panicked: %v\n%s", p.Value, p.Stack)
}

// Error puts a panic into an error, as a *PanicError. It is deferred.
func Error(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{v, debug.Stack()}
	}
}
