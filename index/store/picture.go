package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// PictureID identifies a picture by its content: the SHA-256 of the part of a file that decode.Header.Identity selects.
// Users see it in hexadecimal and may shorten it.
type PictureID [32]byte

func (id PictureID) String() string { return hex.EncodeToString(id[:]) }

// MinPrefix is the minimum number of hexadecimal digits in a shortened PictureID.
const MinPrefix = 8

// ErrPrefix means that a text is not a PictureID or a prefix of one.
var ErrPrefix = errors.New("not a picture ID")

// ParsePrefix returns the range of ids, from low to high inclusive, that start with the given lower-case hexadecimal digits.
// There must be at least MinPrefix digits.
func ParsePrefix(text string) (low, high PictureID, err error) {
	if len(text) < MinPrefix || len(text) > 2*len(low) || strings.Trim(text, "0123456789abcdef") != "" {
		return low, high, fmt.Errorf("%q: %w", text, ErrPrefix)
	}
	for i, fill := range []string{"0", "f"} {
		id := []*PictureID{&low, &high}[i]
		if _, err := hex.Decode(id[:], []byte(text+strings.Repeat(fill, 2*len(id)-len(text)))); err != nil {
			return low, high, fmt.Errorf("%q: %w", text, ErrPrefix)
		}
	}
	return low, high, nil
}

// RootID identifies a root in an index. It does not change when the root moves, or when the index is repaired or copied.
type RootID string

// NewRootID returns an id for a new root: 16 random hexadecimal digits.
func NewRootID() RootID {
	name := make([]byte, 8)
	_, _ = rand.Read(name) // never fails
	return RootID(hex.EncodeToString(name))
}

// Root is a folder that was given to index.
type Root struct {
	ID RootID
	// Path is its path on this machine. If Elsewhere is set, this machine has none, and it is a path on another machine after that machine's name and
	// a colon, for display.
	Path      string
	Elsewhere bool
	// Name is what users call it on all machines, "" if it has no name.
	Name string
	// Walked reports whether the whole folder is indexed; otherwise only single files in it were named.
	Walked bool
	// Files and Bytes are the number and total size of its files in the index.
	Files int
	Bytes int64
}

// Mount is the path of a root on a machine.
type Mount struct {
	Root RootID
	Host string
	Path string
}

// IsHere reports whether a path is one of this machine. Others begin with the name of a machine (Root.Elsewhere), and nobody here knows whether the file
// exists.
func IsHere(path string) bool { return filepath.IsAbs(path) }

// FreePath returns a path that is not taken: the one given, or else with a number, such as "/photos (2)".
func FreePath(path string, isTaken func(path string) (bool, error)) (string, error) {
	free := path
	for n := 2; ; n++ {
		taken, err := isTaken(free)
		if err != nil || !taken {
			return free, err
		}
		free = fmt.Sprintf("%s (%d)", path, n)
	}
}

// Relative returns path relative to root, with slashes; inside reports whether path is root or in it.
func Relative(root, path string) (rel string, inside bool) {
	if path == root {
		return "", true
	}
	prefix := strings.TrimSuffix(root, string(filepath.Separator)) + string(filepath.Separator)
	if !strings.HasPrefix(path, prefix) {
		return "", false
	}
	return filepath.ToSlash(path[len(prefix):]), true
}

// Place is the place of a file: its root, its folder in the root with slashes ("" for the root itself), and its name,
// in the bytes that the file system uses.
type Place struct {
	Root      RootID
	Dir, Name string
}

// Rel returns the path relative to the root, with slashes.
func (p Place) Rel() string { return path.Join(p.Dir, p.Name) }

// Path returns the path of the file on this machine, given the root's path.
func (p Place) Path(root string) string {
	return filepath.Join(root, filepath.FromSlash(p.Dir), p.Name)
}

// Folder is a folder of a root; Dir is "" for the root itself.
type Folder struct {
	Root RootID
	Dir  string
}

// Path returns the path of the folder on this machine, given the root's path.
func (f Folder) Path(root string) string { return filepath.Join(root, filepath.FromSlash(f.Dir)) }

// Stat is the size of a file in bytes and its modification time, when it was last read.
type Stat struct {
	Size    int64
	MTimeNS int64
}

// If the size is the same, two times count as equal when they differ only by the precision that file systems lose (FAT stores even seconds)
// or by whole hours (FAT stores local time, so time zones and summer time shift it).
const (
	mtimeGrain    = 2 * time.Second
	mtimeMaxShift = 26 * time.Hour // from UTC-12 to UTC+14
)

// Same reports whether two Stats describe the same state of a file.
func (s Stat) Same(other Stat) bool {
	if s.Size != other.Size {
		return false
	}
	d := time.Duration(s.MTimeNS - other.MTimeNS).Abs()
	if d <= mtimeGrain {
		return true
	}
	off := d % time.Hour
	return d <= mtimeMaxShift+mtimeGrain && (off <= mtimeGrain || off >= time.Hour-mtimeGrain)
}

// Picture describes a distinct picture, independent of the metadata in its files.
type Picture struct {
	ID     PictureID
	Format string
	// Width and Height are in pixels, upright. Orientation is EXIF's, 1 to 8.
	Width, Height, Orientation int
}

// DateSource is the source of a date.
type DateSource int

// The sources of a date. Their numbers are stored.
const (
	DateUnknown   DateSource = 0 // no date, or a date from an earlier version that did not record the source
	DateOriginal  DateSource = 1 // EXIF DateTimeOriginal
	DateDigitized DateSource = 2 // EXIF DateTimeDigitized
	DateXMP       DateSource = 3 // XMP
	DateExport    DateSource = 4 // an export's JSON
	DateFileName  DateSource = 5 // the file's name, at the precision that it has
	DateModified  DateSource = 6 // EXIF ModifyDate
	DateFileTime  DateSource = 7 // the file's modification time, the least trusted
)

// weak ranks the sources that yield to any other: 0 for all others, then the less trusted, the higher.
func (s DateSource) weak() int {
	if s < DateFileName {
		return 0
	}
	return int(s)
}

// Metadata is the metadata of a picture in a file. Unknown fields are zero.
type Metadata struct {
	// TakenAt is RFC 3339, local time: "2023-07-01T12:00:00", followed by the zone only if the file has one; "2023-07-01" if only the day is known.
	TakenAt     string
	TakenSource DateSource
	// Camera is the maker and model, without repeating the maker. Lens is the lens model.
	Camera, Lens string
	// Position is the place where it was taken.
	Position *Position
	OwnerMetadata
}

// Position is a place on earth, in degrees, south and west negative.
type Position struct{ Latitude, Longitude float64 }

// OwnerMetadata is the metadata that the owner has added to a file, in the file itself or in a sidecar.
type OwnerMetadata struct {
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false if there is no rating.
	Rating   int
	Rated    bool
	Keywords []string
	// People are the names of the people in the picture. Boxes are where each of them is, as fractions of the width and height of the picture as it is
	// stored: x, y, width, height; zeros if unknown, nil if all are unknown.
	People []string
	Boxes  [][4]float64
	// Description is what the owner wrote about the picture.
	Description string
}

// Sidecar is a file with more metadata next to a picture's file. The zero value means none.
type Sidecar struct {
	Name string
	Stat
}

// File is a file of the index, as a run compares it with the disk.
type File struct {
	Place
	Stat
	// Device is this machine's number for the disk that the file was last read from. It is host state: other machines use other numbers.
	Device uint64
	// MetaVersion is the version of the reader that read the metadata.
	MetaVersion int
	// Sidecar is the sidecar that was read with the file.
	Sidecar Sidecar
	// Export is the JSON that an export wrote about the file, as it was read. Its size and time include those of the folder's, which names the album.
	Export Sidecar
	// Twins are the names, in order, of the files that were considered as its twins.
	Twins []string
	// IsTwin reports whether the file is the twin of a JPEG, whose picture it shares.
	IsTwin bool
}

// FileRecord is everything the index stores about a file.
type FileRecord struct {
	File
	Picture PictureID
	// Format is the file's own: that of its picture, unless it is a twin.
	Format string
	Metadata
}

// FileState is a file with the state of its picture.
type FileState struct {
	File
	// Embedded reports whether the picture has a vector of the requested model, Preview whether it has a preview.
	Embedded, Preview bool
	// Undated reports whether the file has no date.
	Undated bool
}

// Record is everything the index stores about a picture. Metadata is derived from its files.
type Record struct {
	Picture
	Metadata
	Files []FileRecord
	// PlaceID is the GeoNames id of the place at Position (internal/places); 0 if there is none near. Every store derives it in the same way.
	PlaceID int
	// Labels are the words that it was found to show. Hits leaves them out: Labels returns them.
	Labels []Label
	// Text is the text in the picture. Hits leaves it out: Texts returns it.
	Text Text
}

// Failure is a file that could not be read because of its content.
type Failure struct {
	Place
	Stat
	Stage  Stage
	Reason string
	// Decoder is the version of the decoder that failed.
	Decoder  int
	FailedAt time.Time
}

// Stage is the stage at which a file failed; "" means no failure.
type Stage string

// The stages of a Failure.
const (
	StageSniff  Stage = "sniff" // a bystander: not a picture, or an unsupported format
	StageDecode Stage = "decode"
	StageCrash  Stage = "crash"
)

// Model is a model in the index.
type Model struct {
	// Identity is the SHA-256 of everything that determines the vectors: tower digests, preprocessing, precision.
	Identity string
	// Name is for display, Ref is the value for --model.
	Name, Ref string
	Dim       int
	Precision string
	Role      Role
	// Embedded is the number of pictures with a file and a vector of this model.
	Embedded int
	// Calibration is the calibration measured on this index, or nil.
	Calibration *Calibration
}

// fullPrecision is the precision that Title omits.
const fullPrecision = "fp32"

// Title returns the name of the model for display: "ViT-B-32 in int8".
func (m Model) Title() string {
	if m.Precision == fullPrecision || m.Precision == "" {
		return m.Name
	}
	return m.Name + " in " + m.Precision
}

// Role is the role of a model. At most one model is Default, and at most one is Wanted.
type Role string

// The roles.
const (
	NoRole  Role = ""
	Default Role = "default" // used when no model is named
	Wanted  Role = "wanted"  // becomes the default when all pictures have its vectors; index uses it when no model is named
)

// Models are all models of an index, oldest first.
type Models []Model

// Of returns the model with a role.
func (l Models) Of(role Role) (Model, bool) {
	for _, m := range l {
		if m.Role == role && role != NoRole {
			return m, true
		}
	}
	return Model{}, false
}

// ByIdentity returns the model with an identity.
func (l Models) ByIdentity(identity string) (Model, bool) {
	for _, m := range l {
		if m.Identity == identity {
			return m, true
		}
	}
	return Model{}, false
}

// Run is one execution of the pipeline.
type Run struct {
	ID        RunID
	StartedAt time.Time
	EndedAt   time.Time // zero: still running, or crashed
	Complete  bool
	Provider  string
	Embedded  int
	Summary   string // the pipeline's own record, index.Record
}

// RunID identifies a run in its store.
type RunID int64

// Totals are the counts of an index.
type Totals struct {
	Roots, Files, Pictures, Failures int
	Bytes                            int64 // of the photos
}
