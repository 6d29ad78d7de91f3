// Package scan walks folders and finds the files that may be pictures. It reads directories, file attributes and
// ignore files, never the contents of any other file, and must not know the index, the models or the terminal.
package scan

import (
	"errors"
	"time"
)

// Reason is why an entry was left out; the values are keys of the machine formats.
type Reason string

// The reasons.
const (
	Hidden          Reason = "hidden"           // a name that begins with a dot, or the system's hidden attribute
	System          Reason = "system"           // a folder that belongs to a system or a program (see systemFolder)
	Excluded        Reason = "excluded"         // a pattern in Options.Exclude
	Ignored         Reason = "ignored"          // .imgsearchignore
	Symlink         Reason = "symlink"          // links inside a root are not followed
	Special         Reason = "special"          // a FIFO, a socket, a device
	Placeholder     Reason = "placeholder"      // a cloud file whose contents are elsewhere: reading it would download it
	OtherFilesystem Reason = "other_filesystem" // with Options.OneFileSystem
	PhotosLibrary   Reason = "photos_library"   // everything but originals/ in a *.photoslibrary
	NotPicture      Reason = "not_picture"      // by its name or its contents, not a picture
	Unsupported     Reason = "unsupported"      // a picture format that is not read yet
	Sidecar         Reason = "sidecar"          // an XMP file; it is read for the picture next to it
	Video           Reason = "video"            // a film
	LivePhoto       Reason = "live_photo"       // the film of a phone's live photo: a picture with the same name is next to it
)

// ByRule reports whether a rule, the user's or a built-in one, left the entry out, rather than what it is on disk. A file
// that a rule excludes is removed from the index.
func (r Reason) ByRule() bool {
	switch r {
	case Hidden, System, Excluded, Ignored, PhotosLibrary:
		return true
	}
	return false
}

// ByName reports whether the entry was left out by its name alone, as not a picture.
func (r Reason) ByName() bool { return r == NotPicture || r == Video || r == LivePhoto || r == Sidecar }

// ErrNotFolder is a root that is not a folder.
var ErrNotFolder = errors.New("not a folder")

// File is a regular file that may be a picture.
type File struct {
	// Name is the last element of the path, in the bytes of the file system.
	Name    string
	Size    int64
	ModTime time.Time
	// Placeholder reports whether the file is a cloud file without its contents. It must not be opened.
	Placeholder bool
}

// Skip is an entry that was left out.
type Skip struct {
	Name   string
	Folder bool
	Reason Reason
}

// Folder is the contents of one folder when the walk read it.
type Folder struct {
	// Rel is the path relative to the root, with slashes; "" is the root itself.
	Rel string
	// Device identifies the file system that holds the folder; it does not change while the file system is mounted.
	Device uint64
	// Files are sorted by name.
	Files   []File
	Skipped []Skip
	// Sidecars are the XMP files, sorted by name, that may describe a picture in the folder. They are also in Skipped.
	Sidecars []File
	// Exports are the JSON files, sorted by name, that an export may have written about the pictures. They are also in Skipped.
	Exports []File
	// Empty reports whether the folder was read and is completely empty, like the mount point of an unmounted disk.
	Empty bool
	// Err is set if the folder could not be read completely. The entries that were read are present, but none if the ignore file cannot be read.
	Err error
}

// Options specifies what to leave out.
type Options struct {
	// Exclude are patterns in gitignore syntax, relative to the root.
	Exclude []string
	// OneFileSystem keeps the walk on the root's file system.
	OneFileSystem bool
}
