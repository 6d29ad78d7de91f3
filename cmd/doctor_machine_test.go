//go:build unix

package cmd

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestMetalDevices: what a Mac's system_profiler tells, in its shape of macOS 14.
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

// TestRootMend: a folder that may not be read names the privacy setting on a Mac, the permissions elsewhere.
func TestRootMend(t *testing.T) {
	denied := fmt.Errorf("open: %w", &fs.PathError{Op: "open", Path: "/p", Err: syscall.EPERM})
	for _, c := range []struct {
		goos string
		err  error
		says string
	}{
		{"darwin", denied, "Full Disk Access"},
		{"linux", denied, "the right to read it"},
		{"darwin", &fs.PathError{Op: "open", Path: "/p", Err: syscall.EACCES}, "the right to read it"},
		{"linux", os.ErrNotExist, "connect its disk"},
	} {
		if got := rootMend(c.goos, c.err); !strings.Contains(got, c.says) {
			t.Errorf("%s, %v: %s", c.goos, c.err, got)
		}
	}
}

// TestShorten: a report tells no folder's name, as it is and as it stands in JSON.
func TestShorten(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	text := `roots: /home/ada/Bob & Eve/2023, "/home/ada/Bob \u0026 Eve", /home/ada/.cache, /mnt/x`
	want := `roots: ROOT1/2023, "ROOT1", ~/.cache, ROOT2`
	if got := shorten(text, []string{"/home/ada/Bob & Eve", "/mnt/x"}); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
