//go:build unix

package probe

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalOf returns the name of the signal that ended a process; "": it ended by itself.
func signalOf(state *os.ProcessState) string {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return ""
	}
	return unix.SignalName(status.Signal())
}
