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
	// InTTY, OutTTY and ErrTTY report whether the stream is a terminal.
	InTTY, OutTTY, ErrTTY bool
	// OutEscapes and ErrEscapes report whether the terminal supports escape sequences. An old Windows console does not.
	OutEscapes, ErrEscapes bool
	// OutSize is the size of the terminal at Out.
	OutSize TerminalSize
}

// TerminalSize is the size of a terminal; 0 means unknown.
type TerminalSize struct {
	Columns, Rows         int // in characters
	CellWidth, CellHeight int // of a character, in pixels
}

// SystemStreams returns the process's streams.
func SystemStreams() Streams {
	s := Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, OutSize: terminalSize(os.Stdout),
		InTTY: term.IsTerminal(int(os.Stdin.Fd())), OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	s.OutEscapes = s.OutTTY && takesEscapes(os.Stdout)
	s.ErrEscapes = s.ErrTTY && takesEscapes(os.Stderr)
	return s
}
