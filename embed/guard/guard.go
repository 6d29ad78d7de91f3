// Package guard turns a fatal signal in native code into our own message and exit code: a crash of a driver must say
// what crashed and what to do, and leave a trace that the next run finds. It must not know what is guarded.
package guard

import "sync"

// Watch says how a crash is reported while it is armed.
type Watch struct {
	// Message is printed to the standard error stream, followed by the signal's name.
	Message string
	// Suffix is printed after the signal's name.
	Suffix string
	// ExitCode is the exit code of the process.
	ExitCode int
	// Trace is a file that a line "crashed SIGNAL" is appended to; "": none.
	Trace string
}

var mu sync.Mutex

// Arm watches until the returned function is called. Watches nest: the one armed last counts. Signals from our own code
// (a nil pointer in Go) still go to Go's runtime. On platforms that do not support this, Arm does nothing.
func Arm(w Watch) (disarm func(), err error) {
	mu.Lock()
	defer mu.Unlock()
	return arm(w)
}
