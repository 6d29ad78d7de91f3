package index

import "github.com/imgsearch/imgsearch/index/store"

// Notice is something that the owner should know and that is not an error of a file: one of the types below.
type Notice interface{ notice() }

// ManyGone means that so many files are gone from a root that it looks like an accident: they stay in the index.
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
	// Err is why the folder could not be read (FolderUnread), or Above, a folder above it (FolderUnseen).
	Err   error
	Above string
	Files int
}

// KeepReason is why files that were not found stay in the index.
type KeepReason int

// The reasons.
const (
	FolderMissing   KeepReason = iota + 1 // the folder does not exist
	FolderEmpty                           // it is empty
	FolderElsewhere                       // it is on a different disk than before
	FolderUnread                          // it could not be read completely
	FolderUnseen                          // a folder above it could not be read
)

// FolderUnreadable is a folder without known files that could not be read completely: something may be in it.
type FolderUnreadable struct {
	Folder string
	Err    error
}

// SidecarUnreadable is a sidecar whose content cannot be read. The photo is indexed without it.
type SidecarUnreadable struct {
	Path string
	Err  error
}

// PreviewUnreadable is a preview in the index that cannot be decoded. Its picture is embedded once its disk is connected.
type PreviewUnreadable struct {
	Picture store.PictureID
	Err     error
}

// TextUnread is a picture whose text cannot be read: its file can no longer be decoded, or the text model fails on it.
type TextUnread struct {
	Path string
	Err  error
}

// TextSetAside is a file whose text two runs were reading when they crashed. It is not read for its text again until a retry is requested.
type TextSetAside struct{ Path string }

// SetAside is a file that two runs were reading when they crashed. It is not read again until it changes or a retry is requested.
type SetAside struct{ Path string }

// SlowSearch is why searches will be slower than they could be.
type SlowSearch struct{ Err error }

// VectorsRepaired reports vectors that were damaged, and what was done about them.
type VectorsRepaired struct {
	// Rebuilt says that the copy for fast searches has been rebuilt; Deleted is the number of vectors deleted, which the next run creates again.
	Rebuilt bool
	Deleted int
}

func (VectorsRepaired) notice()   {}
func (ManyGone) notice()          {}
func (RootUnreachable) notice()   {}
func (FilesKept) notice()         {}
func (FolderUnreadable) notice()  {}
func (SidecarUnreadable) notice() {}
func (PreviewUnreadable) notice() {}
func (SetAside) notice()          {}
func (TextUnread) notice()        {}
func (TextSetAside) notice()      {}
func (SlowSearch) notice()        {}
