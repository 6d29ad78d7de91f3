// Package store says what an index holds and what can be asked of it, in the domain's words: records, filters as data, errors, and
// the Store interface, which hides where all of it lies. It must not know SQL, files of vectors, pictures' formats or the terminal.
// index/store/storetest proves implementations.
package store

import (
	"context"
	"time"
)

// Store is an open index. Its methods may be called from any goroutine. Numbers of rows never leave a store.
type Store interface {
	Catalog
	Searcher
	Runs
	// Begin starts a transaction that writes. There is one at a time.
	Begin(ctx context.Context) (Tx, error)
	// Lock keeps other indexers out of roots, or of the whole index where none is named; a store may take more than was asked for.
	// The lock ends with the process, however that ends. ErrBusy: another has it.
	Lock(ctx context.Context, roots ...RootID) (Lock, error)
	// Location is where the index lies, for people.
	Location() string
	Close() error
}

// Lock is held until Unlock.
type Lock interface{ Unlock() error }

// Catalog is what the index knows, apart from vectors. Methods that serve a list take a list.
type Catalog interface {
	// Roots returns all roots by path.
	Roots(ctx context.Context) ([]Root, error)
	// AddRoot adds a root, or makes an existing one walked.
	AddRoot(ctx context.Context, path string, walked bool) (Root, error)
	// Absorb makes the files of inner, a root that lies at rel below outer, files of outer.
	Absorb(ctx context.Context, outer, inner RootID, rel string) error
	// RemoveRoot forgets a root and its files, and returns how many those were. Vectors of pictures without another file stay for a
	// while, as those of any file that went. ErrNoRoot: there is none.
	RemoveRoot(ctx context.Context, path string) (files int, err error)
	// MoveRoot gives a root another path: its files are the same, elsewhere. ErrNoRoot: there is none.
	MoveRoot(ctx context.Context, from, to string) error

	// Models returns all model identities, the oldest first, with the numbers of their pictures.
	Models(ctx context.Context) (Models, error)
	// PutModel finds or adds an identity and remembers where the model lies now. The first one becomes the default. Role, Embedded and
	// Calibration of m do not count.
	PutModel(ctx context.Context, m Model) (Model, error)
	// SetRole makes an identity the default, which ends the waiting for a wanted one, or the wanted one; the default as the wanted
	// one ends the waiting too.
	SetRole(ctx context.Context, identity string, role Role) error
	// SetCalibration keeps what an identity's scores mean, or with nil forgets it. ErrUnknownModel: the index has no such identity.
	SetCalibration(ctx context.Context, identity string, c *Calibration) error
	// DropModel removes an identity with its vectors. The default stays.
	DropModel(ctx context.Context, identity string) error

	Totals(ctx context.Context) (Totals, error)
	// Folder returns what is known of the files directly in a folder, with regard to a model.
	Folder(ctx context.Context, at Folder, model string) (FolderState, error)
	// Devices returns the numbers of the disks on which a root's files were last read.
	Devices(ctx context.Context, root RootID) (map[uint64]bool, error)
	// Known returns what is known at places, with regard to a model; places of which nothing is are left out.
	Known(ctx context.Context, model string, places []Place) (map[Place]Known, error)
	// Pictures returns which pictures are known, with regard to a model.
	Pictures(ctx context.Context, model string, ids []PictureID) (map[PictureID]KnownPicture, error)
	// FindPictures returns at most limit pictures with ids from low to high, in order.
	FindPictures(ctx context.Context, low, high PictureID, limit int) ([]PictureID, error)
	// FilesOf returns the files of pictures, by root and path.
	FilesOf(ctx context.Context, ids []PictureID) (map[PictureID][]FileRecord, error)
	// Previews returns the small JPEGs of pictures that have one.
	Previews(ctx context.Context, ids []PictureID) (map[PictureID][]byte, error)
	// PreviewsToEmbed returns the pictures that have a preview and no vector of a model, and whose files all lie in these roots.
	PreviewsToEmbed(ctx context.Context, model string, roots []RootID) ([]PictureID, error)
	// Failures returns all failures but the bystanders, by root and path.
	Failures(ctx context.Context) ([]Failure, error)
	// Suspects returns the files that were being read on this machine when a run died.
	Suspects(ctx context.Context) (map[Place]bool, error)
	// Sample returns at most n files, spread evenly over the index.
	Sample(ctx context.Context, n int) ([]Place, error)
	Tree
}

// Tree is what can be asked of the folders of a root, of a Store, or inside a transaction with what it has changed.
type Tree interface {
	// Folders returns the folders that hold files, at and below one, in order.
	Folders(ctx context.Context, at Folder) ([]FolderCount, error)
	// FailureFolders returns the folders with remembered failures, at and below one, in order.
	FailureFolders(ctx context.Context, at Folder) ([]string, error)
	// FilesIn returns the files directly in folders of a root, in order.
	FilesIn(ctx context.Context, root RootID, dirs []string) ([]File, error)
	// CountFiles returns how many files a root has.
	CountFiles(ctx context.Context, root RootID) (int, error)
}

// FolderState is what is known of a folder, by the files' names.
type FolderState struct {
	Files    map[string]*FileState
	Failures map[string]Failure
}

// FolderCount is a folder with the number of files directly in it.
type FolderCount struct {
	Dir   string
	Files int
}

// Known is what is known at a place: a file, a failure, or, of a file that could not be read again, both.
type Known struct {
	File    *KnownFile
	Failure *Failure
}

// KnownFile is a file with what is there of its picture.
type KnownFile struct {
	FileRecord
	Embedded, Preview bool
}

// State is what a run compares.
func (k KnownFile) State() *FileState {
	return &FileState{File: k.File, Embedded: k.Embedded, Preview: k.Preview}
}

// KnownPicture is what is there of a picture.
type KnownPicture struct{ Embedded, Preview, HasFile bool }

// Runs are the executions of the pipeline.
type Runs interface {
	// StartRun records that a run for a model has begun.
	StartRun(ctx context.Context, model string) (RunID, error)
	// EndRun records how a run ended, and leaves the index in order for the next process.
	EndRun(ctx context.Context, r Run) error
	// LastRun returns the newest run, complete if that is asked for; ok is false where there is none.
	LastRun(ctx context.Context, complete bool) (r Run, ok bool, err error)
	// Runs returns the newest runs that have ended, the newest first, at most limit.
	Runs(ctx context.Context, limit int) ([]Run, error)
	// PrepareSearch makes searching a model's vectors as quick as it can be, after some were added. ErrSlowSearch: it could not.
	PrepareSearch(ctx context.Context, model string) error
}

// Tx is a transaction. One goroutine uses it, and ends it with Commit or Rollback. What pictures show is derived anew when it is
// committed.
type Tx interface {
	Tree
	// PutPicture adds a picture, if it is not known.
	PutPicture(ctx context.Context, p Picture) error
	// PutVector keeps a vector of a picture that is known.
	PutVector(ctx context.Context, model string, v Vector) error
	// PutPreview keeps a small JPEG of a picture that is known.
	PutPreview(ctx context.Context, id PictureID, jpeg []byte) error
	// PutFile records a file of a picture that is known. A failure that was remembered at its place is forgotten. samePicture
	// reports whether the place had a file of that picture before.
	PutFile(ctx context.Context, f FileRecord) (samePicture bool, err error)
	// MoveFile gives a file another place, if it is still at the old one and of the same picture; ok reports whether it was.
	MoveFile(ctx context.Context, from Place, f FileRecord) (ok bool, err error)
	// RefreshFile notes what a known file says now, its picture, format and stat being the same. Without metadata, that stays.
	RefreshFile(ctx context.Context, f File, m *Metadata) error
	// DeleteFiles forgets the files at places, and returns how many there were.
	DeleteFiles(ctx context.Context, places []Place) (int, error)
	// DeleteBelow forgets the files at and below folders, and returns how many there were.
	DeleteBelow(ctx context.Context, folders []Folder) (int, error)
	// Existing returns those of the places at which there is a file, in their order.
	Existing(ctx context.Context, places []Place) ([]Place, error)
	// PutFailure remembers a failure.
	PutFailure(ctx context.Context, f Failure) error
	// DeleteFailures forgets what is remembered at places.
	DeleteFailures(ctx context.Context, places []Place) error
	// DeleteFailuresIn forgets what is remembered of the files directly in folders.
	DeleteFailuresIn(ctx context.Context, folders []Folder) error
	// PutSuspect notes a file that was being read when a run died.
	PutSuspect(ctx context.Context, at Place) error
	// DeleteSuspect clears a file of suspicion.
	DeleteSuspect(ctx context.Context, at Place) error
	// SetDevice notes the disk on which files of a root lie now.
	SetDevice(ctx context.Context, root RootID, places []Place, device uint64) error
	// Redevice notes that this machine gives a root's disk another number.
	Redevice(ctx context.Context, root RootID, from, to uint64) error
	// DropOrphans deletes the pictures, with their vectors, that have had no file since before, and returns how many there were.
	DropOrphans(ctx context.Context, before time.Time) (int, error)
	// Commit makes the transaction durable.
	Commit(ctx context.Context) error
	// Rollback drops what was not committed; after Commit it does nothing.
	Rollback()
}
