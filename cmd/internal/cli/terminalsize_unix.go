//go:build unix

package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// terminalSize returns the size of the terminal at f.
func terminalSize(f *os.File) TerminalSize {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return TerminalSize{}
	}
	size := TerminalSize{Columns: int(w.Col), Rows: int(w.Row)}
	if w.Col > 0 && w.Row > 0 { // Xpixel and Ypixel are 0 in many terminals
		size.CellWidth, size.CellHeight = int(w.Xpixel/w.Col), int(w.Ypixel/w.Row)
	}
	return size
}
