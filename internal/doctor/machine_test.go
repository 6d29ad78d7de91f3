//go:build unix

package doctor

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"testing"
)

// TestMetalDevices parses output of system_profiler in the format of macOS 14.
func TestMetalDevices(t *testing.T) {
	const answer = `{"SPDisplaysDataType": [
		{"_name": "kHW_AppleM2Item", "spdisplays_mtlgpufamilysupport": "spdisplays_metal3", "sppci_bus": "spdisplays_builtin", "sppci_cores": "10", "sppci_model": "Apple M2"},
		{"_name": "old", "sppci_model": "Intel HD Graphics 4000"}
	]}`
	if got, want := metalDevices([]byte(answer)), []string{"Apple M2, 10 cores, Metal 3", "Intel HD Graphics 4000"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, bad := range []string{"", "{", "[]", `{"SPDisplaysDataType": 1}`} {
		if got := metalDevices([]byte(bad)); got != nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// TestRootAdvice checks that the advice for an unreadable folder names the privacy setting on a Mac, and the permissions elsewhere.
func TestRootAdvice(t *testing.T) {
	denied := fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "/p", Err: syscall.EPERM})
	for _, c := range []struct {
		goos string
		err  error
		says Advice
	}{
		{"darwin", denied, GrantFullDiskAccess},
		{"linux", denied, GiveReadRight},
		{"darwin", &fs.PathError{Op: "open", Path: "/p", Err: syscall.EACCES}, GiveReadRight},
		{"linux", os.ErrNotExist, ConnectDisk},
	} {
		if got := rootAdvice(c.goos, c.err); got != c.says {
			t.Errorf("%s, %v: %s", c.goos, c.err, got)
		}
	}
}
