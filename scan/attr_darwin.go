package scan

import (
	"io/fs"
	"syscall"
)

// Flags of st_flags (macOS, sys/stat.h).
const (
	ufHidden   = 0x00008000
	sfDataless = 0x40000000 // the contents are in the cloud; reading fetches them
)

func isHidden(info fs.FileInfo) bool { return hasFlag(info, ufHidden) }

func isPlaceholder(info fs.FileInfo) bool { return hasFlag(info, sfDataless) }

func hasFlag(info fs.FileInfo, flag uint32) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Flags&flag != 0
}
