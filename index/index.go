// Package index is the pipeline that brings an index up to date: walk, read, decode, embed, write. It declares what it needs of
// pictures (Reader, Source) and of a model (Embedder). It must not know codecs, models, which store it writes to, or the terminal:
// progress, events and notices leave through callbacks.
package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

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
	// Start begins to load the vision tower; it is called once, when the first file is found that must be read, and not in a dry run.
	// Nil: nothing is to be begun.
	Start func()
	// Load waits for the vision tower; it is called when the first picture is ready, if any is.
	Load func(context.Context) (Embedder, error)
	// Provider names where the tower computes, for the run's record, once the run has ended; nil: nobody knows.
	Provider func() string
	// On are told what happens.
	On Events
}

// Events are called as things happen, from several goroutines at once; nil ones are left out.
type Events struct {
	// Began is called when a run is recorded, with its number and the paths of its roots.
	Began func(run store.RunID, roots []string)
	// Found is a file that must be read.
	Found func()
	// Walked is the end of the walk: no more files will be found.
	Walked func()
	// Reading is called when work on a found file begins.
	Reading func()
	// Read is a found file that is done: embedded, known already, or failed.
	Read func()
	// Failed is a file that cannot be indexed.
	Failed func(path string, err error)
	// Damaged is a file that was indexed by what is there of it.
	Damaged func(path string)
	// Unsupported is a file of a kind that is not read, and why.
	Unsupported func(path string, err error)
	// Noticed is something that the owner should know.
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
