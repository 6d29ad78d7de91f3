package probe

import (
	"fmt"
	"os"
)

// signalOf returns the number of the exception that ended a process; "": it ended by itself. On Windows that number, which is
// in the range of errors, is the exit code.
func signalOf(state *os.ProcessState) string {
	const errorSeverity = 0xC0000000
	if code := uint32(state.ExitCode()); code&errorSeverity == errorSeverity {
		return fmt.Sprintf("exception %#x", code)
	}
	return ""
}
