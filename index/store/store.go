// Package store defines the contents of an index and the operations on it, in terms of the domain: records, filters as data, errors,
// and the Store interface, which hides how they are stored. It must not know SQL, vector files, picture formats or the terminal.
// index/store/storetest tests implementations.
package store

import (
	"context"
	"time"
)

// Store is an open index. Its methods may be called from any goroutine. A store never exposes row ids.
type Store interface {
	Catalog
	Searcher
	Runs
	// Begin starts a write transaction. There is only one at a time.
	Begin(ctx context.Context) (Tx, error)
	// Lock locks roots, or the whole index if none are named, against other indexers; a store may lock more than that.
	// The lock is released when the process ends, even after a crash. If another process holds it, the error is ErrBusy.
	Lock(ctx context.Context, roots ...RootID) (Lock, error)
	// Location returns the location of the index, for display.
	Location() string
	Close() error
}

// Lock is held until Unlock.
type Lock interface{ Unlock() error }

// Catalog is the contents of the index except for vectors. Its methods take lists, so that callers can look up many items at once.
type Catalog interface {
	// Roots returns all roots, sorted by path.
	Roots(ctx context.Context) ([]Root, error)
	// AddRoot adds a root, or marks an existing one as walked if walked is set.
	AddRoot(ctx context.Context, path string, walked bool) (Root, error)
	// ImportRoot adds a root of another index with its id, its path on this machine, if it has one, and its paths on other machines, of which an index of
	// one machine keeps only one. If the index has a root with this id, it is returned unchanged. If the path is another root's, the new root gets
	// a path that none has: the result says which.
	ImportRoot(ctx context.Context, r Root, mounts []Mount) (Root, error)
	// Absorb moves the files of inner, a root at rel below outer, to outer, and removes inner.
	Absorb(ctx context.Context, outer, inner RootID, rel string) error
	// RemoveRoot removes a root and its files, and returns the number of files. Vectors of pictures without another file
	// are kept for a while, as for any removed file. If there is no such root, the error is ErrNoRoot.
	RemoveRoot(ctx context.Context, path string) (files int, err error)
	// MoveRoot changes the path of a root whose files have moved. If there is no such root, the error is ErrNoRoot.
	MoveRoot(ctx context.Context, from, to string) error

	// Models returns all models, oldest first, with the number of pictures embedded by each.
	Models(ctx context.Context) (Models, error)
	// PutModel finds or adds a model by its identity and updates its name and location. The first model becomes the default.
	// It ignores Role, Embedded and Calibration of m.
	PutModel(ctx context.Context, m Model) (Model, error)
	// SetRole makes a model the default or the wanted one. Making a model the default clears the wanted one;
	// so does making the current default the wanted one.
	SetRole(ctx context.Context, identity string, role Role) error
	// SetCalibration stores a model's calibration; nil deletes it. If the index has no such model, the error is ErrUnknownModel.
	SetCalibration(ctx context.Context, identity string, c *Calibration) error
	// DropModel deletes a model and its vectors. It does nothing for the default model.
	DropModel(ctx context.Context, identity string) error

	Totals(ctx context.Context) (Totals, error)
	// Folder returns the files and failures recorded directly in a folder. Embedded refers to the given model.
	Folder(ctx context.Context, at Folder, model string) (FolderState, error)
	// Devices returns the device numbers of the disks that a root's files were last read from.
	Devices(ctx context.Context, root RootID) (map[uint64]bool, error)
	// Known returns the files and failures recorded at places; places without either are omitted. Embedded refers to the given model.
	Known(ctx context.Context, model string, places []Place) (map[Place]Known, error)
	// Pictures returns the state of the pictures that the index has. Embedded refers to the given model.
	Pictures(ctx context.Context, model string, ids []PictureID) (map[PictureID]KnownPicture, error)
	// FindPictures returns at most limit pictures with ids from low to high, in order.
	FindPictures(ctx context.Context, low, high PictureID, limit int) ([]PictureID, error)
	// FilesOf returns the files of pictures, sorted by root and path.
	FilesOf(ctx context.Context, ids []PictureID) (map[PictureID][]FileRecord, error)
	// Previews returns the small JPEGs of pictures that have one.
	Previews(ctx context.Context, ids []PictureID) (map[PictureID][]byte, error)
	// PreviewsToEmbed returns the pictures that have a preview but no vector of a model, and whose files are all in these roots.
	PreviewsToEmbed(ctx context.Context, model string, roots []RootID) ([]PictureID, error)
	// Texts returns the texts of pictures that a text model has read.
	Texts(ctx context.Context, ids []PictureID) (map[PictureID]Text, error)
	// TextsToRead returns the pictures with a file that a text model has not read.
	TextsToRead(ctx context.Context, model string) ([]PictureID, error)
	// TextCoverage says how much of the index a text model has read; "" is any model.
	TextCoverage(ctx context.Context, model string) (TextCoverage, error)
	// DropTexts deletes all texts.
	DropTexts(ctx context.Context) error
	// Label gives pictures the labels that they deserve, instead of all earlier ones; without labels, it only removes those.
	Label(ctx context.Context, r LabelRequest) error
	// LabelNew compares the vectors that were added since Label or LabelNew with the labels, and returns the number of pictures they belong to.
	LabelNew(ctx context.Context) (pictures int, err error)
	// LabelVectors returns the labels of the index with their vectors.
	LabelVectors(ctx context.Context) ([]LabelVector, error)
	// LabelState says how far the index is labelled.
	LabelState(ctx context.Context) (LabelState, error)
	// Labels returns the labels of pictures, best first. Pictures without any are omitted.
	Labels(ctx context.Context, ids []PictureID) (map[PictureID][]Label, error)
	// Setting returns a setting of the index, "" if it is not set.
	Setting(ctx context.Context, s Setting) (string, error)
	// SetSetting sets a setting of the index; "" deletes it.
	SetSetting(ctx context.Context, s Setting, value string) error
	// Failures returns all failures except bystanders, sorted by root and path.
	Failures(ctx context.Context) ([]Failure, error)
	// Suspects returns the files that were being read on this machine when a run crashed.
	Suspects(ctx context.Context) (map[Place]bool, error)
	// Sample returns at most n files, spread evenly over the index.
	Sample(ctx context.Context, n int) ([]Place, error)
	Tree
}

// Tree answers queries about the folders of a root. A Tx includes its own uncommitted changes.
type Tree interface {
	// Folders returns the folders that hold files, in and below a folder, in order.
	Folders(ctx context.Context, at Folder) ([]FolderCount, error)
	// FailureFolders returns the folders with recorded failures, in and below a folder, in order.
	FailureFolders(ctx context.Context, at Folder) ([]string, error)
	// FilesIn returns the files directly in folders of a root, in order.
	FilesIn(ctx context.Context, root RootID, dirs []string) ([]File, error)
	// CountFiles returns the number of files of a root.
	CountFiles(ctx context.Context, root RootID) (int, error)
}

// FolderState is the recorded state of a folder, by file name.
type FolderState struct {
	Files    map[string]*FileState
	Failures map[string]Failure
}

// FolderCount is a folder with the number of files directly in it.
type FolderCount struct {
	Dir   string
	Files int
}

// Known is the recorded state of a place: a file, a failure, or both if reading the file again failed.
type Known struct {
	File    *KnownFile
	Failure *Failure
}

// KnownFile is a file with the state of its picture.
type KnownFile struct {
	FileRecord
	Embedded, Preview bool
}

// State returns the state that a run compares.
func (k KnownFile) State() *FileState {
	return &FileState{File: k.File, Embedded: k.Embedded, Preview: k.Preview, Undated: k.TakenAt == ""}
}

// KnownPicture is the state of a picture.
type KnownPicture struct {
	Embedded, Preview, HasFile bool
	// TextModel is the identity of the text model that has read it; "" if none has.
	TextModel string
}

// Setting is the name of a setting of an index.
type Setting string

// The settings.
const (
	SettingOCR       Setting = "ocr"        // when text is read; OCRAuto if it is not set
	SettingTextModel Setting = "text_model" // the name of the text model
)

// The values of SettingOCR: texts are read after all vectors, together with them, or not at all.
const (
	OCRAuto = "auto"
	OCROn   = "on"
	OCROff  = "off"
)

// Runs are the executions of the pipeline.
type Runs interface {
	// StartRun records the start of a run for a model.
	StartRun(ctx context.Context, model string) (RunID, error)
	// EndRun records how a run ended and tidies up the index for the next process.
	EndRun(ctx context.Context, r Run) error
	// LastRun returns the most recent run, or the most recent complete one if complete is set; ok is false if there is none.
	LastRun(ctx context.Context, complete bool) (r Run, ok bool, err error)
	// Runs returns up to limit runs that have ended, newest first.
	Runs(ctx context.Context, limit int) ([]Run, error)
	// PrepareSearch prepares a model's newly added vectors for fast searches. If it cannot, the error is ErrSlowSearch.
	// It examines the data that earlier calls prepared; if they were damaged, it prepares them anew, and returns a
	// *RepairedError. It also deletes vectors that cannot be right.
	PrepareSearch(ctx context.Context, model string) error
}

// Tx is a transaction, ended by Commit or Rollback. It must not be used concurrently.
// Commit updates the derived metadata of the pictures.
type Tx interface {
	Tree
	// PutPicture adds a picture if the index does not have it yet.
	PutPicture(ctx context.Context, p Picture) error
	// PutVector stores a vector of a picture that is in the index.
	PutVector(ctx context.Context, model string, v Vector) error
	// PutPreview stores a small JPEG of a picture that is in the index.
	PutPreview(ctx context.Context, id PictureID, jpeg []byte) error
	// PutText stores the text of a picture, in place of an earlier one. ok is false if the picture is not in the index.
	PutText(ctx context.Context, id PictureID, t Text) (ok bool, err error)
	// PutFile records a file of a picture that is in the index, and deletes a failure recorded at its place.
	// samePicture reports whether the place had a file of the same picture before.
	PutFile(ctx context.Context, f FileRecord) (samePicture bool, err error)
	// PutFiles is PutFile for many files, whose places are all different.
	PutFiles(ctx context.Context, files []FileRecord) error
	// MoveFile moves a file to another place if it is still at the old one and has the same picture; ok reports whether it was moved.
	MoveFile(ctx context.Context, from Place, f FileRecord) (ok bool, err error)
	// RefreshFile updates the metadata of a known file whose picture, format and stat are unchanged. If m is nil, the metadata is kept.
	RefreshFile(ctx context.Context, f File, m *Metadata) error
	// DeleteFiles removes the files at places, and returns the number of files removed.
	DeleteFiles(ctx context.Context, places []Place) (int, error)
	// DeleteBelow removes the files in and below folders, and returns the number of files removed.
	DeleteBelow(ctx context.Context, folders []Folder) (int, error)
	// Existing returns the places that have a file, in the order of places.
	Existing(ctx context.Context, places []Place) ([]Place, error)
	// PutFailure records a failure.
	PutFailure(ctx context.Context, f Failure) error
	// DeleteFailures deletes the failures recorded at places.
	DeleteFailures(ctx context.Context, places []Place) error
	// DeleteFailuresIn deletes the failures recorded for files directly in folders.
	DeleteFailuresIn(ctx context.Context, folders []Folder) error
	// PutSuspect records a file that was being read when a run crashed.
	PutSuspect(ctx context.Context, at Place) error
	// DeleteSuspect removes a file from the suspects.
	DeleteSuspect(ctx context.Context, at Place) error
	// SetDevice records the disk that files of a root are now on.
	SetDevice(ctx context.Context, root RootID, places []Place, device uint64) error
	// Redevice records that a root's disk has a new device number on this machine.
	Redevice(ctx context.Context, root RootID, from, to uint64) error
	// DropOrphans deletes the pictures that lost their last file before a time, with their vectors, and returns the number of pictures.
	DropOrphans(ctx context.Context, before time.Time) (int, error)
	// Commit makes the transaction durable.
	Commit(ctx context.Context) error
	// Rollback discards uncommitted changes; after Commit it does nothing.
	Rollback()
}
