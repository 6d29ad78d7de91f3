package scan

import (
	"os"
	"path"
	"regexp"
	"strings"
)

// Exports maps the names of the JSON files in a folder, in lower case and without ".json", to the files.
type Exports map[string]File

// NewExports returns a folder's JSON files.
func NewExports(files []File) Exports {
	if len(files) == 0 {
		return nil
	}
	e := make(Exports, len(files))
	for _, f := range files {
		e[Stem(f.Name)] = f
	}
	return e
}

// ExportsIn returns the JSON files in a folder that is not being walked; none if the folder cannot be read.
func ExportsIn(dir string) Exports { return NewExports(filesIn(dir, isExport)) }

// The rules by which Google Takeout names its JSON files, as seen in exports from 2019 to 2025: IMG_1.jpg has IMG_1.jpg.json or
// IMG_1.jpg.supplemental-metadata.json, of which the part before .json is cut to maxExport characters; IMG_1(2).jpg has IMG_1.jpg(2).json or
// IMG_1.jpg.supplemental-metadata(2).json; and IMG_1-edited.jpg has no file of its own, but is described by that of IMG_1.jpg.
const (
	supplemental = ".supplemental-metadata"
	maxExport    = 46
)

// editedSuffixes mark pictures that were edited in Google Photos, in the languages of exports that we know.
var editedSuffixes = []string{"-edited", "-bearbeitet", "-modifié", "-editado", "-modificato", "-bewerkt", "-edytowane", "-redigerad"} //nolint:misspell // other languages

// numbered matches a stem with a number: "IMG_1(2)".
var numbered = regexp.MustCompile(`^(.+)(\(\d+\))$`)

// Of returns the export's JSON file about a picture.
func (e Exports) Of(name string) (f File, ok bool) {
	if len(e) == 0 {
		return f, false
	}
	name = strings.ToLower(name)
	for _, one := range []string{name, unedited(name)} {
		if f, ok = e.about(one); ok {
			return f, true
		}
	}
	return f, false
}

// unedited returns the name of the picture that an edited one was made from; the same name if it is not edited.
func unedited(name string) string {
	ext := path.Ext(name)
	stem, number := strings.TrimSuffix(name, ext), ""
	if m := numbered.FindStringSubmatch(stem); m != nil {
		stem, number = m[1], m[2]
	}
	for _, suffix := range editedSuffixes {
		if plain, ok := strings.CutSuffix(stem, suffix); ok {
			return plain + number + ext
		}
	}
	return name
}

// about returns the JSON about a picture, whose number may have been moved to the end of the JSON's name, or may be a part of the original name.
func (e Exports) about(name string) (f File, ok bool) {
	ext := path.Ext(name)
	if m := numbered.FindStringSubmatch(strings.TrimSuffix(name, ext)); m != nil {
		if f, ok = e.named(m[1]+ext, m[2]); ok {
			return f, true
		}
	}
	return e.named(name, "")
}

// named returns the JSON whose name begins with a picture's and ends with a number.
func (e Exports) named(picture, number string) (f File, ok bool) {
	for n := len(supplemental); n >= 0; n-- {
		if f, ok = e[picture+supplemental[:n]+number]; ok {
			return f, true
		}
	}
	if letters := []rune(picture); len(letters) > maxExport {
		f, ok = e[string(letters[:maxExport])+number]
	}
	return f, ok
}

// albumFiles are the names of the JSON file about an album, in the languages of exports that we know.
var albumFiles = []string{"metadata", "metadaten", "métadonnées", "metadatos", "metadati", "metadados", "metagegevens", "metadane"}

// Album returns the JSON file about the folder itself.
func (e Exports) Album() (f File, ok bool) {
	for _, name := range albumFiles {
		if f, ok = e[name]; ok {
			return f, true
		}
	}
	return f, false
}

// isExport reports whether a name is that of a JSON file.
func isExport(name string) bool { return ext(name) == "json" }

// filesIn returns the regular files in a folder whose names are wanted.
func filesIn(dir string, wanted func(name string) bool) (list []File) {
	entries, _ := os.ReadDir(dir) // includes the entries read before an error
	for _, e := range entries {
		if !e.Type().IsRegular() || !wanted(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil {
			list = append(list, newFile(info))
		}
	}
	return list
}
