package scan

import (
	"os"
	"path/filepath"
	"strings"
)

// Sidecars are the sidecars of a folder by what their names have in common with those of pictures.
type Sidecars map[string]File

// NewSidecars orders a folder's sidecars.
func NewSidecars(files []File) Sidecars {
	s := make(Sidecars, len(files))
	for _, f := range files {
		s[Stem(f.Name)] = f
	}
	return s
}

// Of is the sidecar of a picture: NAME.EXT.xmp, as darktable and digiKam write, or NAME.xmp, as Adobe's programs do.
func (s Sidecars) Of(name string) (f File, ok bool) {
	if len(s) == 0 {
		return f, false
	}
	if f, ok = s[strings.ToLower(name)]; !ok {
		f, ok = s[Stem(name)]
	}
	return f, ok
}

// SidecarsBeside looks for the sidecars that a picture which was named outright may have.
func SidecarsBeside(file string) Sidecars {
	var list []File
	base := strings.TrimSuffix(file, filepath.Ext(file))
	for _, name := range []string{base + ".XMP", base + ".xmp", file + ".XMP", file + ".xmp"} {
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() && !isPlaceholder(info) {
			list = append(list, newFile(info))
		}
	}
	return NewSidecars(list)
}
