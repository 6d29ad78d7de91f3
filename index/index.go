// Package index is the pipeline that brings an index up to date: walk, read, decode, embed, write. It declares what it needs from
// pictures (Reader, Source) and from a model (Embedder). It must not know codecs, models, which store it writes to, or the terminal:
// it reports progress, events and notices through callbacks.
package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Request says what to bring up to date, and how.
type Request struct {
	// Paths are the absolute paths of folders and files; empty: all roots of the index.
	Paths []string
	// Exclude are patterns in gitignore syntax, relative to each root.
	Exclude       []string
	OneFileSystem bool
	// Prune drops missing files even where their absence looks like an accident.
	Prune bool
	// NoPairs counts a camera's raw file or a HEIC and the JPEG of the same name in its folder as two pictures.
	NoPairs bool
	// KeepPreviews keeps a small JPEG of each picture.
	KeepPreviews bool
	// UseMTime dates pictures that have no other date by their files' modification times.
	UseMTime bool
	// RetryFailed tries remembered failures again.
	RetryFailed bool
	// Reread reports whether to read a file that has not changed; nil: never. A picture that has a vector is not embedded again.
	Reread func(at store.Place) bool
	// Jobs is the number of files that are read and decoded at once.
	Jobs int
	// MaxPixels is the largest picture that is decoded.
	MaxPixels int64
	// MaxBytes limits the bytes of files and decoded pictures in memory at once, as estimated from their headers; 0: 256 MiB.
	MaxBytes int64
	// For stops the run gracefully after this time; 0: never.
	For time.Duration
	// Journal is a file on this machine that records what is being read, so that the next run knows what a crashed one was reading.
	Journal string
	// TextSuspects are files whose texts were being read on this machine when workers died (Crashes.Texts).
	TextSuspects map[store.Place]int
	// LockRoots locks the roots of the run; nil: the caller holds the lock of the whole index.
	LockRoots func(ctx context.Context, roots []store.RootID) (store.Lock, error)
	// Committing is called before each commit with its transaction. Its error ends the run. It may be nil.
	Committing func(ctx context.Context, tx store.Tx, c Commit) error
	// DryRun compares and counts, but changes nothing.
	DryRun bool
	// Model is the identity that the vectors belong to.
	Model store.Model
	// Reader reads the pictures.
	Reader Reader
	// Start starts loading the vision tower. It is called once, when the first file that must be read is found, but not in a dry run.
	// It may be nil.
	Start func()
	// Load waits for the vision tower; it is called when the first picture is ready, if there is one.
	Load func(context.Context) (Embedder, error)
	// Text says how to read the text in pictures; nil: it is not read.
	Text *TextRequest
	// Provider returns where the tower computed, for the run's record; it is called when the run has ended. Nil: unknown.
	Provider func() string
	// On are the callbacks.
	On Events
}

// Commit is what a transaction of a run does.
type Commit struct {
	// Added is what it adds to the counts.
	Added Counts
	// Done are the files that are done with it.
	Done []store.Place
	// Settles means that it drops what is gone.
	Settles bool
}

// Events are callbacks that are called as things happen, from several goroutines at once; any may be nil.
type Events struct {
	// Began is called when a run is recorded, with its number and the paths of its roots.
	Began func(run store.RunID, roots []string)
	// Found is called for each file that must be read.
	Found func()
	// Walked is called at the end of the walk: no more files will be found.
	Walked func()
	// Reading is called when work on a found file starts.
	Reading func()
	// Read is called when a found file is done: embedded, already known, or failed.
	Read func()
	// TextFound is called for each picture whose text must be read after the vectors, and TextRead when that is done or has failed.
	TextFound, TextRead func()
	// Failed is called for a file that cannot be indexed.
	Failed func(path string, err error)
	// Damaged is called for a file that is partly unreadable and was indexed by the rest.
	Damaged func(path string)
	// Unsupported is called for a file of an unsupported kind, with the reason.
	Unsupported func(path string, err error)
	// Noticed is called for something that the owner should know.
	Noticed func(Notice)
}

func (e Events) withDefaults() Events {
	if e.Began == nil {
		e.Began = func(store.RunID, []string) {}
	}
	if e.Found == nil {
		e.Found = func() {}
	}
	if e.Walked == nil {
		e.Walked = func() {}
	}
	if e.Reading == nil {
		e.Reading = func() {}
	}
	if e.Read == nil {
		e.Read = func() {}
	}
	if e.TextFound == nil {
		e.TextFound = func() {}
	}
	if e.TextRead == nil {
		e.TextRead = func() {}
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
	if e.Noticed == nil {
		e.Noticed = func(Notice) {}
	}
	return e
}
