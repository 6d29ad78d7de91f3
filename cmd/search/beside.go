package search

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/scan"
)

// addBeside adds the companions (raw and HEIC twins, and sidecars) of listed files that are not in the index.
func (s *session) addBeside(companions map[string][]string) {
	if s.listed == nil {
		return
	}
	for _, o := range s.listed.others {
		for _, path := range o.Paths {
			if _, known := companions[path]; known {
				continue
			}
			if list := beside(path); len(list) > 0 {
				companions[path] = list
			}
		}
	}
}

// beside returns the files in a photo's folder that have its name: raw and HEIC files if the photo is a JPEG, and the sidecars.
func beside(photo string) (list []string) {
	dir, name := filepath.Split(photo)
	entries, _ := os.ReadDir(dir) // on an error, use the entries read so far
	names := []string{name}
	for _, e := range entries {
		if scan.ClaimsJPEG(name) && e.Type().IsRegular() && scan.ClaimsTwin(e.Name()) && scan.Stem(e.Name()) == scan.Stem(name) {
			names = append(names, e.Name())
			list = append(list, dir+e.Name())
		}
	}
	sidecars := scan.SidecarsIn(dir)
	for _, n := range names {
		if f, ok := sidecars.Of(n); ok {
			list = append(list, dir+f.Name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
