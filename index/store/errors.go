package store

import "errors"

// Errors that callers can test for. A store wraps them with the operation and its object.
var (
	// ErrNoIndex means that the index does not exist yet.
	ErrNoIndex = errors.New("no index here yet")
	// ErrOlder means that the index is from an earlier version of imgsearch and cannot be migrated because it cannot be written.
	ErrOlder = errors.New("the index is from an older version of imgsearch and cannot be changed here")
	// ErrNewer means that the index has a schema from a newer program.
	ErrNewer = errors.New("the index is from a newer version of imgsearch")
	// ErrNotIndex means that the file is not an imgsearch index.
	ErrNotIndex = errors.New("not an imgsearch index")
	// ErrReadOnly means that the index can be searched but not changed.
	ErrReadOnly = errors.New("the index is read-only")
	// ErrRole is an ErrReadOnly: the role with which the database is used may not change the index.
	ErrRole error = kindError{"the database role may not change the index", ErrReadOnly}
	// ErrFull means that the disk has no room for the next transaction; committed data is safe.
	ErrFull = errors.New("the disk is full")
	// ErrDamaged means that the index is corrupt.
	ErrDamaged = errors.New("the index is damaged")
	// ErrServer means that the database server of the index cannot be reached.
	ErrServer = errors.New("cannot reach the database server")
	// ErrLogin means that the database server does not accept the user or the password.
	ErrLogin = errors.New("the database server refused the login")
	// ErrNoDatabase means that the database server has no such database.
	ErrNoDatabase = errors.New("the database server has no such database")
	// ErrBusy means that another process holds the lock of the index.
	ErrBusy = errors.New("another process is indexing")
	// ErrNoRoot means that a folder is not a root of the index.
	ErrNoRoot = errors.New("not a root of the index")
	// ErrNameTaken means that another root has a name.
	ErrNameTaken = errors.New("another root has this name")
	// ErrUnknownModel means that the index does not have a model with this identity.
	ErrUnknownModel = errors.New("the index does not have this model")
	// ErrNotReplaced means that a backup did not replace a file because the file is not an index.
	ErrNotReplaced = errors.New("the file is not an imgsearch index, so it was not replaced")
	// ErrItself means that the destination of a backup is the index itself.
	ErrItself = errors.New("it is the index itself")
	// ErrSlowSearch means that the copy of the vectors for fast searches could not be written. Searches still give correct results.
	ErrSlowSearch = errors.New("could not write the vector file, so searches will be slower")
)

// kindError is an error that is also another one.
type kindError struct {
	text string
	kind error
}

func (e kindError) Error() string { return e.text }
func (e kindError) Unwrap() error { return e.kind }

// LostError means that the index does not exist, but that a file is left from which it can be restored. It is an ErrNoIndex.
type LostError struct {
	// Rescue is the path of that file.
	Rescue string
}

// Error is that of ErrNoIndex, with the file.
func (e *LostError) Error() string {
	return ErrNoIndex.Error() + ", but " + e.Rescue + " is left over from an earlier one"
}

// Unwrap returns ErrNoIndex.
func (e *LostError) Unwrap() error { return ErrNoIndex }

// RepairedError reports what PrepareSearch found damaged and has repaired.
type RepairedError struct {
	// Rebuilt says that the data that speeds up searches was damaged and has been rebuilt.
	Rebuilt bool
	// Deleted is the number of vectors that were damaged in the index and have been deleted.
	Deleted int
}

func (e *RepairedError) Error() string { return "damaged vectors have been repaired" }

// ExtensionError means that the database of the index lacks the extension pgvector, or has a version that is too old.
type ExtensionError struct {
	// Database is the name of the database.
	Database string
	// Installed is the version in the database, "" if there is none; Available is the version that the server could install there.
	Installed, Available string
	// Server is the server's version as it reports it, "180004"; "" if Available is set.
	Server string
}

func (e *ExtensionError) Error() string {
	if e.Installed != "" {
		return "pgvector " + e.Installed + " in database " + e.Database + " is too old: 0.7 or newer is needed"
	}
	return "database " + e.Database + " does not have the extension pgvector"
}
