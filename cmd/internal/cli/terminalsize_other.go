//go:build !unix

package cli

import (
	"os"

	"golang.org/x/term"
)

// terminalSize returns the size of the terminal at f.
func terminalSize(f *os.File) TerminalSize {
	columns, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return TerminalSize{}
	}
	return TerminalSize{Columns: columns, Rows: rows}
}
