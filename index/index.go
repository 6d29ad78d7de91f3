// Package index brings an index up to date with folders of photos. It is told how to read a picture and how to embed it through the
// two small interfaces below. It must not know codecs, models, which store it writes to, or the terminal: progress and events leave
// through callbacks.
package index

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Header is what a picture's first bytes say.
type Header struct {
	Format string
	// Width and Height are in pixels as stored.
	Width, Height int
	// DecodeBytes is the memory that decoding takes at its height.
	DecodeBytes int64
	// Extents are the parts of the file that are read; nil: all of it.
	Extents []Extent
	// Detail is the Reader's own.
	Detail any
}

// Extent is a part of a file, in bytes.
type Extent struct{ Offset, Length int64 }

// size is how much is read of a file of a size.
func (h Header) size(file int64) int64 {
	if h.Extents == nil {
		return file
	}
	var n int64
	for _, e := range h.Extents {
		n += e.Length
	}
	return n
}

// Reader knows pictures. Its methods are called from many goroutines at once. An error that is a *ContentError is the
// file's own fault; any other comes from reading it.
type Reader interface {
	// Header recognises the format and reads the size, allocating nothing for the pixels.
	Header(r io.ReadSeeker) (Header, error)
	// Identify returns the identity of a file of which the header's extents were read, and what it says of itself. An orientation
	// other than 0 counts instead of its own.
	Identify(h Header, data []byte, orientation int) (store.Picture, store.Metadata)
	// Meta reads what a file says of itself, and leaves out its identity.
	Meta(h Header, file *os.File) (store.Picture, store.Metadata)
	// Sidecar reads what a sidecar says.
	Sidecar(data []byte) (store.OwnerMetadata, error)
	// MetaVersion goes up when Identify, Meta and Sidecar read more than before.
	MetaVersion() int
	// Decode decodes the same data.
	Decode(h Header, p store.Picture, data []byte) (Picture, error)
	TensorLen() int
	// Version goes up when files that failed may be worth another try.
	Version() int
}

// Picture is a decoded picture.
type Picture interface {
	// Tensor writes the vision tower's input, of TensorLen values.
	Tensor(dst []float32)
	// Preview makes a small JPEG of it.
	Preview() ([]byte, error)
	// Damaged tells that a part of the file is missing or wrong, and that the picture is what there is.
	Damaged() bool
}

// Embedder is a loaded vision tower. Embed may be called from several goroutines at once.
type Embedder interface {
	// Batch is how many pictures a call should get, and how many calls should run at once.
	Batch() (size, parallel int)
	// Embed returns the vectors of n tensors that lie one after another.
	Embed(tensors []float32, n int) ([][]float32, error)
}

// Verdict is what a file turned out to be when its content was to blame.
type Verdict int

// The verdicts.
const (
	Broken      Verdict = iota // a picture, or so its name says, that cannot be read
	NotPicture                 // something else
	Unsupported                // a picture in a format that is not read
)

// ContentError is an error that the file's own bytes are to blame for.
type ContentError struct {
	Verdict Verdict
	Err     error
}

func (e *ContentError) Error() string { return e.Err.Error() }
func (e *ContentError) Unwrap() error { return e.Err }

// Request says what to bring up to date, and how.
type Request struct {
	// Paths are folders and files, absolute; none: all roots of the index.
	Paths []string
	// Exclude are patterns in gitignore syntax, relative to each root.
	Exclude       []string
	OneFileSystem bool
	// Prune drops what is gone also where that looks like an accident.
	Prune bool
	// NoPairs counts a camera's raw file or a HEIC and the JPEG beside it, of the same name, as two pictures.
	NoPairs bool
	// KeepPreviews keeps a small JPEG of each picture.
	KeepPreviews bool
	// RetryFailed tries remembered failures again.
	RetryFailed bool
	// Jobs is the number of files that are read and decoded at once.
	Jobs int
	// MaxPixels is the largest picture that is decoded.
	MaxPixels int64
	// MaxBytes bounds the bytes of files and decoded pictures in memory at once, by their headers' word; 0: 256 MiB.
	MaxBytes int64
	// For ends the run in an orderly way when the time is up; 0: never.
	For time.Duration
	// Journal is a file of this machine that notes what is being read, so that the next run knows what a dead one was at.
	Journal string
	// DryRun looks and counts, and changes nothing.
	DryRun bool
	// Model is the identity that the vectors belong to.
	Model store.Model
	// Reader reads the pictures.
	Reader Reader
	// Load waits for the vision tower; it is called when the first picture is ready, if any is.
	Load func(context.Context) (Embedder, error)
	// Provider names where the tower computes, for the run's record, once the run has ended; nil: nobody knows.
	Provider func() string
	// On are told what happens.
	On Events
}

// Events are called as things happen, from several goroutines at once; nil ones are left out.
type Events struct {
	// Found is a file that must be read.
	Found func()
	// Walked is the end of the walk: no more files will be found.
	Walked func()
	// Read is a found file that is done: embedded, known already, or failed.
	Read func()
	// Failed is a file that cannot be indexed.
	Failed func(path string, err error)
	// Damaged is a file that was indexed by what is there of it.
	Damaged func(path string)
	// Unsupported is a file of a kind that is not read, and why.
	Unsupported func(path string, err error)
	// Warned is something that the owner should know.
	Warned func(text string)
}

func (e Events) withDefaults() Events {
	if e.Found == nil {
		e.Found = func() {}
	}
	if e.Walked == nil {
		e.Walked = func() {}
	}
	if e.Read == nil {
		e.Read = func() {}
	}
	if e.Failed == nil {
		e.Failed = func(string, error) {}
	}
	if e.Damaged == nil {
		e.Damaged = func(string) {}
	}
	if e.Unsupported == nil {
		e.Unsupported = func(string, error) {}
	}
	if e.Warned == nil {
		e.Warned = func(string) {}
	}
	return e
}

// Summary is what a run did. The counts of files are those of the machine format (docs/json.md).
type Summary struct {
	Complete bool
	// Scanned are the files that may be pictures; each is one of the next six or FailedKnown or Failed.
	Scanned, Added, Updated, Moved, Unchanged int
	// Removed are files that left the index, Kept those that are gone from the disk and stay in it.
	Removed, Kept int
	Skipped       map[string]int
	// Failed files could not be read in this run; FailedKnown were not tried again.
	Failed, FailedKnown int
	// Embedded is the number of vectors that were made, Damaged that of the files among them of which a part is missing.
	Embedded, Damaged int
	// Unreachable is the number of roots and folders that could not be examined.
	Unreachable int
	Elapsed     time.Duration
	// Stopped tells why an incomplete run ended.
	Stopped StopReason
	// Pending and Estimate are a dry run's: files that would be read, and how long that would take.
	Pending  int
	Estimate time.Duration
	// Gone is a dry run's: files of the index that were not found, or that a rule leaves out now.
	Gone int
}

// StopReason is why a run ended early.
type StopReason int

// The reasons.
const (
	NotStopped  StopReason = iota
	Interrupted            // the stop channel was closed
	TimeUp                 // Request.For has passed
)
