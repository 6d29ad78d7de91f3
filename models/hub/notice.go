package hub

import "time"

// Notice is something that who waits for a download should know: one of the types below.
type Notice interface{ notice() }

// Retry is an attempt that failed and is made again after a time.
type Retry struct {
	Err   error
	After time.Duration
}

// Restart is a file that did not come right and is downloaded once more from its beginning.
type Restart struct {
	File string
	Err  error
}

func (Retry) notice()   {}
func (Restart) notice() {}
