// Package guard turns a fatal signal of native code into a message and an exit code of ours: a crash of a driver must say
// what crashed, what to do, and leave a trace that the next run finds. It must not know what is guarded.
package guard

import "sync"

// Watch says what a crash means while it is armed.
type Watch struct {
	// Message is printed to the standard error stream, the signal's name behind it.
	Message string
	// Suffix is printed behind the signal's name.
	Suffix string
	// ExitCode is what the process ends with.
	ExitCode int
	// Trace is a file that a line "crashed SIGNAL" is appended to; "": none.
	Trace string
}

var mu sync.Mutex

// Arm watches until the returned function is called. Watches nest: the last one that was armed counts. Signals of our own
// code (a nil pointer in Go) go to Go's runtime as ever. On platforms without a way to do this it does nothing.
func Arm(w Watch) (disarm func(), err error) {
	mu.Lock()
	defer mu.Unlock()
	return arm(w)
}
