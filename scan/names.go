package scan

import (
	"path"
	"strings"
)

// systemFolder tells the folders that systems, NAS firmware and programs keep for themselves: thumbnails, snapshots,
// recycle bins, previews. The list is documented in docs/formats.md.
func systemFolder(name string) bool {
	switch name {
	case "@eaDir", "#recycle", "#snapshot", "@Recycle", "@Recently-Snapshot", // Synology and QNAP
		"$RECYCLE.BIN", "System Volume Information", // Windows
		"lost+found", "node_modules":
		return true
	}
	for _, prefix := range []string{".Trash", ".Spotlight"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.HasSuffix(strings.ToLower(name), ".lrdata") // Lightroom's previews
}

// Extensions of pictures that are decoded. A name is only a hint: it decides what a file that is no picture is
// called, a failure or a bystander.
var pictureExt = set("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "tif", "tiff", "webp",
	"heic", "heif", "hif", "avif", "jxl")

// rawExt are camera raw formats: a file that is none of those that are read is one that is not read yet.
var rawExt = set("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos",
	"mrw", "nef", "nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f")

// filmExt are films, which are not opened.
var filmExt = set("3g2", "3gp", "avi", "flv", "insv", "lrv", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts",
	"vob", "webm", "wmv")

// otherExt are other files that are never opened: sound, documents, sidecars, archives, databases.
var otherExt = set("thm", "aac", "aif", "aiff", "flac", "m4a", "mid", "mp3", "ogg", "opus", "wav", "wma",
	"aae", "csv", "doc", "docx", "gpx", "htm", "html", "ini", "json", "key", "kml", "log", "md", "numbers", "odt",
	"pages", "pdf", "pp3", "ppt", "pptx", "rtf", "srt", "txt", "url", "vtt", "xls", "xlsx", "xml", "dop", "cos",
	"7z", "bz2", "dmg", "gz", "iso", "rar", "tar", "tgz", "xz", "zip", "zst",
	"c", "cpp", "css", "dll", "dylib", "exe", "go", "h", "jar", "java", "js", "lua", "o", "py", "rs", "sh", "so", "ts",
	"db", "db-journal", "db-shm", "db-wal", "lrcat", "lrcat-data", "sqlite", "sqlite3", "plist")

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

func ext(name string) string { return strings.ToLower(strings.TrimPrefix(path.Ext(name), ".")) }

// byName leaves out what need not be opened.
func byName(name string) Reason {
	switch e := ext(name); {
	case filmExt[e]:
		return Video
	case e == sidecarExt:
		return Sidecar
	case otherExt[e]:
		return NotPicture
	}
	return ""
}

// Stem is what the names of files that belong together have in common, whatever the case: IMG_1.CR2 and img_1.jpg.
func Stem(name string) string { return strings.ToLower(strings.TrimSuffix(name, path.Ext(name))) }

// markLivePhotos finds the films of live photos among those of a folder: phones put a short .mov or .mp4 beside a picture.
func markLivePhotos(f *Folder) {
	var stems map[string]bool
	for i, s := range f.Skipped {
		if e := ext(s.Name); s.Reason != Video || e != "mov" && e != "mp4" {
			continue
		}
		if stems == nil {
			stems = make(map[string]bool, len(f.Files))
			for _, file := range f.Files {
				if ClaimsPicture(file.Name) {
					stems[Stem(file.Name)] = true
				}
			}
		}
		if stems[Stem(s.Name)] {
			f.Skipped[i].Reason = LivePhoto
		}
	}
}

// Unconcerned tells by a file's name that a change of it means nothing to an index.
func Unconcerned(name string) bool {
	if name == IgnoreFile || isSidecar(name) {
		return false
	}
	return strings.HasPrefix(name, ".") || byName(name) != ""
}

// isSidecar tells a file of XMP by its name.
func isSidecar(name string) bool { return ext(name) == sidecarExt }

const sidecarExt = "xmp"

// ClaimsTwin tells whether a name says that the file may be the twin of a JPEG beside it: a camera's raw file, or a phone's HEIC.
func ClaimsTwin(name string) bool {
	switch e := ext(name); e {
	case "heic", "heif", "hif":
		return true
	default:
		return rawExt[e]
	}
}

// ClaimsJPEG tells whether a name says that the file is a JPEG.
func ClaimsJPEG(name string) bool {
	switch ext(name) {
	case "jpg", "jpeg", "jpe", "jfif":
		return true
	}
	return false
}

// ClaimsPicture tells whether a name says that the file is a picture that we read.
func ClaimsPicture(name string) bool { return pictureExt[ext(name)] }

// ClaimsRaw tells whether a name says that the file is a camera's raw file.
func ClaimsRaw(name string) bool { return rawExt[ext(name)] }
