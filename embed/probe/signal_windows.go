package probe

import (
	"fmt"
	"os"
)

// signalOf names the exception that ended a process; "": it ended by itself. Windows gives the exception's number, which
// is in its range of errors, as the exit code.
func signalOf(state *os.ProcessState) string {
	const errorSeverity = 0xC0000000
	if code := uint32(state.ExitCode()); code&errorSeverity == errorSeverity {
		return fmt.Sprintf("exception %#x", code)
	}
	return ""
}
