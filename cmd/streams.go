package cmd

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the program's three streams. Results go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTTY and ErrTTY tell whether a person is at the other end.
	OutTTY, ErrTTY bool
}

func systemStreams() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
}
