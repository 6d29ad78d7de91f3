package atomicfile

import "golang.org/x/sys/windows"

// isRunning reports whether a process of this machine is running.
func isRunning(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid)) //nolint:gosec // a process id
	if err != nil {
		return err == windows.ERROR_ACCESS_DENIED //nolint:errorlint // OpenProcess returns an Errno
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing depends on it
	const stillActive = 259
	var code uint32
	return windows.GetExitCodeProcess(h, &code) != nil || code == stillActive
}
