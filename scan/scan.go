// Package scan walks folders and finds the files that may be pictures. It reads directories and file attributes,
// never a file's contents, and must not know the index, the models or the terminal.
package scan

import (
	"errors"
	"time"
)

// Reason is why an entry was left out; the words are keys of the machine formats.
type Reason string

// The reasons.
const (
	Hidden          Reason = "hidden"           // a name that begins with a dot, or the system's hidden attribute
	System          Reason = "system"           // a folder that belongs to a system or a program (see systemFolder)
	Excluded        Reason = "excluded"         // a pattern that was given
	Ignored         Reason = "ignored"          // .imgsearchignore
	Symlink         Reason = "symlink"          // inside a root, links are not followed
	Special         Reason = "special"          // a FIFO, a socket, a device
	Placeholder     Reason = "placeholder"      // a cloud file whose contents are elsewhere: reading would fetch it
	OtherFilesystem Reason = "other_filesystem" // where the walk stays on one
	PhotosLibrary   Reason = "photos_library"   // everything but originals/ in a *.photoslibrary
	NotPicture      Reason = "not_picture"      // the name, or the content, says that it is something else
	Unsupported     Reason = "unsupported"      // a picture format that is not read yet
	Sidecar         Reason = "sidecar"          // an XMP file; what it says of a picture beside it is read
	Video           Reason = "video"            // a film
	LivePhoto       Reason = "live_photo"       // the film of a phone's live photo: a picture of the same name lies beside it
)

// ByRule tells whether the owner's or our own rules left the entry out, rather than what was found on the disk: a file
// that a rule excludes leaves the index.
func (r Reason) ByRule() bool {
	switch r {
	case Hidden, System, Excluded, Ignored, PhotosLibrary:
		return true
	}
	return false
}

// ByName tells whether the name alone said that the entry is no picture.
func (r Reason) ByName() bool { return r == NotPicture || r == Video || r == LivePhoto || r == Sidecar }

// ErrNotFolder is a root that is something else.
var ErrNotFolder = errors.New("not a folder")

// File is a regular file that may be a picture.
type File struct {
	// Name is the last element of the path, in the bytes of the file system.
	Name    string
	Size    int64
	ModTime time.Time
	// Placeholder tells a cloud file without its contents. It must not be opened.
	Placeholder bool
}

// Skip is an entry that was left out.
type Skip struct {
	Name   string
	Folder bool
	Reason Reason
}

// Folder is one folder's contents, as the walk found them.
type Folder struct {
	// Rel is the path relative to the root, with slashes; "" is the root itself.
	Rel string
	// Device identifies the file system that holds the folder; the same number on the same mounted system.
	Device uint64
	// Files are sorted by name.
	Files   []File
	Skipped []Skip
	// Sidecars are the files, skipped too, that may say more of a picture beside them, in order.
	Sidecars []File
	// Empty tells that the folder was read and holds nothing at all, as an unmounted disk's mount point does.
	Empty bool
	// Err tells that the folder could not be read completely; what was read is there.
	Err error
}

// Options say what to leave out.
type Options struct {
	// Exclude are patterns in gitignore syntax, relative to the root.
	Exclude []string
	// OneFileSystem stays on the root's file system.
	OneFileSystem bool
}
