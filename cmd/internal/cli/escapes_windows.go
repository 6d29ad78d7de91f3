package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesEscapes enables escape sequences and reports whether the terminal understands them. A Windows console supports them only on request.
func takesEscapes(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
