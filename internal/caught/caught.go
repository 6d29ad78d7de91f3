// Package caught turns panics into errors: if other people's code panics on a hostile file, only that file fails, not the process. It must
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

// Error returns the value, followed by the stack trace on the next lines.
func (p *PanicError) Error() string {
	return fmt.Sprintf("panicked: %v\n%s", p.Value, p.Stack)
}

// Error recovers a panic and stores it in err as a *PanicError. Defer it.
func Error(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{v, debug.Stack()}
	}
}
