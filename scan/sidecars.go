package scan

import (
	"os"
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

// SidecarsIn looks for the sidecars of a folder that is not walked; one that cannot be read has none.
func SidecarsIn(dir string) Sidecars {
	entries, _ := os.ReadDir(dir) // what was read before an error is there
	var list []File
	for _, e := range entries {
		if !e.Type().IsRegular() || !isSidecar(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			list = append(list, newFile(info))
		}
	}
	return NewSidecars(list)
}
