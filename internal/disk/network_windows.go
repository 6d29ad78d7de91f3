package disk

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// OnNetwork reports whether dir is on a mapped drive or a UNC path.
func OnNetwork(dir string) bool {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	root, err := windows.UTF16PtrFromString(filepath.VolumeName(abs) + `\`)
	return err == nil && windows.GetDriveType(root) == windows.DRIVE_REMOTE
}
