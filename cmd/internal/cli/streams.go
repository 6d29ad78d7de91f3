package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the program's three streams. Results go to Out, everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// InTTY, OutTTY and ErrTTY say whether a person is at the other end.
	InTTY, OutTTY, ErrTTY bool
	// OutEscapes says that the terminal at Out understands escape sequences, which an old Windows console does not.
	OutEscapes bool
	// ErrEscapes says the same of the terminal at Err.
	ErrEscapes bool
	// OutColumns is the width of the terminal at Out in characters, 0 where there is none.
	OutColumns int
}

// SystemStreams are the process's.
func SystemStreams() Streams {
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		columns = 0
	}
	s := Streams{
		OutColumns: columns,
		In:         os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY: term.IsTerminal(int(os.Stdin.Fd())), OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	s.OutEscapes = s.OutTTY && takesEscapes(os.Stdout)
	s.ErrEscapes = s.ErrTTY && takesEscapes(os.Stderr)
	return s
}
