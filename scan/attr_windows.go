package scan

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/windows"
)

func isHidden(info fs.FileInfo) bool {
	return hasAttribute(info, windows.FILE_ATTRIBUTE_HIDDEN|windows.FILE_ATTRIBUTE_SYSTEM)
}

// isPlaceholder reports whether opening the file would download it, as with OneDrive and similar services.
func isPlaceholder(info fs.FileInfo) bool {
	return hasAttribute(info, windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS|windows.FILE_ATTRIBUTE_RECALL_ON_OPEN|windows.FILE_ATTRIBUTE_OFFLINE)
}

func hasAttribute(info fs.FileInfo, mask uint32) bool {
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return ok && data.FileAttributes&mask != 0
}

// device returns 0: on Windows a FileInfo has no volume, and a disconnected disk shows as a missing root.
func device(fs.FileInfo) uint64 { return 0 }

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
