package hub

import "time"

// Notice is an event to report to the user who waits for a download: one of the types below.
type Notice interface{ notice() }

// Retry is a failed attempt that will be repeated after a pause.
type Retry struct {
	Err   error
	After time.Duration
}

// Restart is a corrupt file that is downloaded again from the start.
type Restart struct {
	File string
	Err  error
}

func (Retry) notice()   {}
func (Restart) notice() {}
