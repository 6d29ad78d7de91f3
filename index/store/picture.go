package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// PictureID identifies a picture by its content: the SHA-256 of what decode.Header.Identity takes of a file. Users see it in
// hexadecimal, and may shorten it.
type PictureID [32]byte

func (id PictureID) String() string { return hex.EncodeToString(id[:]) }

// MinPrefix is how many hexadecimal digits of a PictureID must be given at least.
const MinPrefix = 8

// ErrPrefix is a text that is no PictureID and no beginning of one.
var ErrPrefix = errors.New("not a picture's id")

// ParsePrefix returns the ids, low and high included, that begin with lower-case hexadecimal digits, MinPrefix at least.
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

// RootID names a root in an index. It stays the same when the root moves, and when the index is repaired or copied.
type RootID string

// Root is a folder that was given to index.
type Root struct {
	ID RootID
	// Path is where it lies on this machine.
	Path string
	// Walked reports whether the folder is indexed whole; otherwise it is the home of single files that were named outright.
	Walked bool
	// Files and Bytes are what the index has of it.
	Files int
	Bytes int64
}

// Relative returns path relative to root, with slashes, if it is root or lies in it.
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

// Place is where a file lies: its root, the folder in it with slashes ("" for the root), and its name, in the bytes of the file
// system.
type Place struct {
	Root      RootID
	Dir, Name string
}

// Rel is the place relative to its root, with slashes.
func (p Place) Rel() string { return path.Join(p.Dir, p.Name) }

// Path is where the file lies on this machine, on which its root lies at a path.
func (p Place) Path(root string) string {
	return filepath.Join(root, filepath.FromSlash(p.Dir), p.Name)
}

// Folder is a folder of a root; Dir is "" for the root itself.
type Folder struct {
	Root RootID
	Dir  string
}

// Path is where the folder lies on this machine, on which its root lies at a path.
func (f Folder) Path(root string) string { return filepath.Join(root, filepath.FromSlash(f.Dir)) }

// Stat is what a file looked like when it was last read: its size in bytes, and when it was changed.
type Stat struct {
	Size    int64
	MTimeNS int64
}

// Two times count as equal when they differ by what file systems lose (FAT keeps even seconds) or by whole hours (FAT
// keeps local time, so time zones and summer time shift it), if the size is the same.
const (
	mtimeGrain    = 2 * time.Second
	mtimeMaxShift = 26 * time.Hour // from UTC-12 to UTC+14
)

// Same reports whether two looks at a file see the same state of it.
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

// Picture is what a distinct picture is, whatever its files say of it.
type Picture struct {
	ID     PictureID
	Format string
	// Width and Height are in pixels, upright. Orientation is EXIF's, 1 to 8.
	Width, Height, Orientation int
}

// DateSource says where a date comes from.
type DateSource int

// The sources of a date. Their numbers are stored.
const (
	DateUnknown   DateSource = 0 // no date, or one of which an earlier version did not note the source
	DateOriginal  DateSource = 1 // EXIF DateTimeOriginal
	DateDigitized DateSource = 2 // EXIF DateTimeDigitized
)

// Metadata is what a file says of its picture. A field that it does not know is zero.
type Metadata struct {
	// TakenAt is RFC 3339, local time: "2023-07-01T12:00:00", with the zone behind it only where the file has one.
	TakenAt     string
	TakenSource DateSource
	// Camera is maker and model, the maker not repeated. Lens is the lens's model.
	Camera, Lens string
	// Position is where it was taken.
	Position *Position
	OwnerMetadata
}

// Position is a place on earth, in degrees, south and west negative.
type Position struct{ Latitude, Longitude float64 }

// OwnerMetadata is what the owner says of a file, in it or in a sidecar.
type OwnerMetadata struct {
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false where nothing is said.
	Rating   int
	Rated    bool
	Keywords []string
}

// Sidecar is a file beside a picture's that says more of it. Its zero value: there is none.
type Sidecar struct {
	Name string
	Stat
}

// File is a file of the index, as a run compares it with the disk.
type File struct {
	Place
	Stat
	// Device is the number that this machine gives to the disk on which the file was last read: state of the host, which other
	// machines do not share.
	Device uint64
	// MetaVersion is the version of what read Metadata.
	MetaVersion int
	// Sidecar is the file that was read with it.
	Sidecar Sidecar
	// Twins are the names, in order, of the files that were looked at as its twins.
	Twins []string
	// IsTwin reports whether it stands behind its JPEG twin, whose picture is its.
	IsTwin bool
}

// FileRecord is all that the index knows of a file.
type FileRecord struct {
	File
	Picture PictureID
	// Format is the file's own: that of its picture, unless it is a twin.
	Format string
	Metadata
}

// FileState is a file with what is there of its picture.
type FileState struct {
	File
	// Embedded reports whether the picture has a vector of the model that was asked about, Preview whether it has a preview.
	Embedded, Preview bool
}

// Record is all that the index knows of a picture. Metadata is derived from its files.
type Record struct {
	Picture
	Metadata
	Files []FileRecord
}

// Failure is a file whose own bytes are to blame.
type Failure struct {
	Place
	Stat
	Stage  Stage
	Reason string
	// Decoder is the version of the decoder that failed.
	Decoder  int
	FailedAt time.Time
}

// Stage is where a file failed; "" is no failure.
type Stage string

// The stages of a Failure.
const (
	StageSniff  Stage = "sniff" // a bystander: no picture, or a format that is not read
	StageDecode Stage = "decode"
	StageCrash  Stage = "crash"
)

// Model is a model identity whose vectors the index holds.
type Model struct {
	// Identity is the SHA-256 of what determines the numbers: tower digests, preprocessing, precision.
	Identity string
	// Name is for people, Ref for --model.
	Name, Ref string
	Dim       int
	Precision string
	Role      Role
	// Embedded is how many pictures with a file have a vector of it.
	Embedded int
	// Calibration says what its scores mean, if that was measured over this index; else nil.
	Calibration *Calibration
}

// fullPrecision is what a title leaves out.
const fullPrecision = "fp32"

// Title names the model for people: "ViT-B-32 in int8".
func (m Model) Title() string {
	if m.Precision == fullPrecision || m.Precision == "" {
		return m.Name
	}
	return m.Name + " in " + m.Precision
}

// Role is what a model is for. One model at most has each of the two.
type Role string

// The roles.
const (
	NoRole  Role = ""
	Default Role = "default" // it answers when none is named
	Wanted  Role = "wanted"  // it becomes the default when all pictures have its vectors; index uses it when none is named
)

// Models are all identities of an index, the oldest first.
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

// RunID names a run to the store that began it.
type RunID int64

// Totals are an index's counts.
type Totals struct {
	Roots, Files, Pictures, Failures int
	Bytes                            int64 // of the photos
}
