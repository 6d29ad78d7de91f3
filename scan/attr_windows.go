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

// isPlaceholder tells the files of OneDrive and others that opening would fetch.
func isPlaceholder(info fs.FileInfo) bool {
	return hasAttribute(info, windows.FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS|windows.FILE_ATTRIBUTE_RECALL_ON_OPEN|windows.FILE_ATTRIBUTE_OFFLINE)
}

func hasAttribute(info fs.FileInfo, mask uint32) bool {
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return ok && data.FileAttributes&mask != 0
}

// device is 0: a FileInfo holds no volume, and a disk that is gone shows as a missing root there.
func device(fs.FileInfo) uint64 { return 0 }

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
