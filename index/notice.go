package index

import "github.com/imgsearch/imgsearch/index/store"

// Notice is something that the owner should know and that is no error of a file: one of the types below.
type Notice interface{ notice() }

// ManyGone are files that are gone from a root, so many that it looks like an accident: they stay in the index.
type ManyGone struct {
	Root        string // its path
	Gone, Total int
}

// RootUnreachable is a root that could not be examined. Its files stay in the index.
type RootUnreachable struct {
	Root  string
	Err   error
	Files int
}

// FilesKept are files of a folder that were not found and may still exist: they stay in the index.
type FilesKept struct {
	Folder string
	Why    KeepReason
	// Err is why the folder, or Above, one above it, could not be read, with FolderUnread and FolderUnseen.
	Err   error
	Above string
	Files int
}

// KeepReason is why files that were not found stay.
type KeepReason int

// The reasons.
const (
	FolderMissing   KeepReason = iota + 1 // the folder is not there
	FolderEmpty                           // it holds nothing at all
	FolderElsewhere                       // it is on another disk than before
	FolderUnread                          // it could not be read completely
	FolderUnseen                          // a folder above it could not be read
)

// FolderUnreadable is a folder without known files that could not be read completely: something may be in it.
type FolderUnreadable struct {
	Folder string
	Err    error
}

// SidecarUnreadable is a sidecar whose content is to blame. The photo is indexed without it.
type SidecarUnreadable struct {
	Path string
	Err  error
}

// PreviewUnreadable is a preview in the index that cannot be decoded. Its picture waits for its disk.
type PreviewUnreadable struct {
	Picture store.PictureID
	Err     error
}

// SetAside is a file during whose reading two runs died. It is not read again until it changes or is asked for.
type SetAside struct{ Path string }

// SlowSearch is why searches will be slower than they could be.
type SlowSearch struct{ Err error }

func (ManyGone) notice()          {}
func (RootUnreachable) notice()   {}
func (FilesKept) notice()         {}
func (FolderUnreadable) notice()  {}
func (SidecarUnreadable) notice() {}
func (PreviewUnreadable) notice() {}
func (SetAside) notice()          {}
func (SlowSearch) notice()        {}
