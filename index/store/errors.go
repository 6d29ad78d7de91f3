package store

import "errors"

// The errors that callers decide by. A store wraps them with what it was doing to what.
var (
	// ErrNoIndex is an index that was never made.
	ErrNoIndex = errors.New("no index here yet")
	// ErrOlder is an index of an earlier version of imgsearch that cannot be brought up to date, because it cannot be written.
	ErrOlder = errors.New("the index is from an older version of imgsearch and cannot be changed here")
	// ErrNewer is an index whose schema is from a newer program.
	ErrNewer = errors.New("the index is from a newer version of imgsearch")
	// ErrNotIndex is a file that is no index of ours.
	ErrNotIndex = errors.New("not an imgsearch index")
	// ErrReadOnly is an index that may be searched and not changed.
	ErrReadOnly = errors.New("the index is read-only")
	// ErrFull is a disk without room for the next transaction; what was committed is safe.
	ErrFull = errors.New("the disk is full")
	// ErrDamaged is an index whose bytes contradict themselves.
	ErrDamaged = errors.New("the index is damaged")
	// ErrBusy is an index that another process is bringing up to date.
	ErrBusy = errors.New("another imgsearch is indexing")
	// ErrNoRoot is a folder that is no root of the index.
	ErrNoRoot = errors.New("not a root of the index")
	// ErrUnknownModel is a model's identity that the index does not have.
	ErrUnknownModel = errors.New("the index does not know this model")
	// ErrNotReplaced is a file that a backup does not replace, since it is no index.
	ErrNotReplaced = errors.New("a file is there that is no index: it is left alone")
	// ErrItself is a backup of an index onto itself.
	ErrItself = errors.New("it is the index itself")
	// ErrSlowSearch is a copy of the vectors, for quick searches, that could not be written. Searches are right without it.
	ErrSlowSearch = errors.New("the vectors beside the index could not be written, searches will be slower")
)
