package scan

import (
	"path"
	"strings"
)

// systemFolder reports whether a folder belongs to an operating system, NAS firmware or a program: thumbnails, snapshots,
// recycle bins, previews. docs/formats.md documents the list.
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

// pictureExt are the extensions of pictures that are decoded. A name is only a hint: it decides whether a file that is not
// a picture counts as a failure or as not_picture.
var pictureExt = set("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "tif", "tiff", "webp",
	"heic", "heif", "hif", "avif", "jxl")

// rawExt are the extensions of camera raw files: a file with one of them whose content is not recognised as a picture is Unsupported,
// not NotPicture.
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

// byName returns why a file need not be opened, or "".
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

// Stem returns the part that the names of related files share, in lower case: IMG_1.CR2 and img_1.jpg have the same stem.
func Stem(name string) string { return strings.ToLower(strings.TrimSuffix(name, path.Ext(name))) }

// markLivePhotos marks the films in a folder that belong to live photos: phones store a short .mov or .mp4 next to a picture.
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

// Unconcerned reports whether, by its name, a change to a file cannot affect an index.
func Unconcerned(name string) bool {
	if name == IgnoreFile || isSidecar(name) || isExport(name) {
		return false
	}
	return strings.HasPrefix(name, ".") || byName(name) != ""
}

// isSidecar reports whether a name is that of an XMP file.
func isSidecar(name string) bool { return ext(name) == sidecarExt }

const sidecarExt = "xmp"

// ClaimsTwin reports whether, by its name, a file may be the twin of a JPEG next to it: a camera's raw file, or a phone's HEIC.
func ClaimsTwin(name string) bool {
	switch e := ext(name); e {
	case "heic", "heif", "hif":
		return true
	default:
		return rawExt[e]
	}
}

// ClaimsJPEG reports whether a name is that of a JPEG.
func ClaimsJPEG(name string) bool {
	switch ext(name) {
	case "jpg", "jpeg", "jpe", "jfif":
		return true
	}
	return false
}

// ClaimsPicture reports whether a name is that of a picture that we read.
func ClaimsPicture(name string) bool { return pictureExt[ext(name)] }

// ClaimsRaw reports whether a name is that of a camera's raw file.
func ClaimsRaw(name string) bool { return rawExt[ext(name)] }
