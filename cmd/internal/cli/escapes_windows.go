package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// takesEscapes tells whether a terminal understands escape sequences, and has it understand them: a Windows console does so on request.
func takesEscapes(f *os.File) bool {
	console := windows.Handle(f.Fd())
	var mode uint32
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_PROCESSED_OUTPUT|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
