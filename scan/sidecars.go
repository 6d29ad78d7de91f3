package scan

import "strings"

// Sidecars maps the stem of a sidecar's name to the sidecar, for one folder.
type Sidecars map[string]File

// NewSidecars returns a folder's sidecars by stem.
func NewSidecars(files []File) Sidecars {
	s := make(Sidecars, len(files))
	for _, f := range files {
		s[Stem(f.Name)] = f
	}
	return s
}

// Of returns the sidecar of a picture: NAME.EXT.xmp, as darktable and digiKam write it, or NAME.xmp, as Adobe's programs do.
func (s Sidecars) Of(name string) (f File, ok bool) {
	if len(s) == 0 {
		return f, false
	}
	if f, ok = s[strings.ToLower(name)]; !ok {
		f, ok = s[Stem(name)]
	}
	return f, ok
}

// SidecarsIn returns the sidecars in a folder that is not being walked; none if the folder cannot be read.
func SidecarsIn(dir string) Sidecars { return NewSidecars(filesIn(dir, isSidecar)) }
