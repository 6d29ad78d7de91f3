// Package app wires what is configured to what does the work: an index to its store, a model's name to its files, a model to its one
// loader, an index to the engine. Every door uses it. It must not know the command line: a door fills in an App, and is told notices.
package app

import (
	"sync"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/guard"
)

// App is what is configured for this process. Its fields are set before its methods are called; these may be called from any goroutine.
type App struct {
	// IndexFile is the index that was asked for; "": IMGSEARCH_INDEX, else the platform's.
	IndexFile string
	// LibraryFile is the ONNX Runtime library that was asked for; "": IMGSEARCH_ORT_LIB, else wherever one is found.
	LibraryFile string
	// Notify is told what is worth telling and is no error: the notices of this package and of embed.
	Notify func(notice any)
	// Logf is told details.
	Logf func(format string, args ...any)
	// Stop is closed when the user wants the process to end; nil: never.
	Stop <-chan struct{}
	// Crash makes what a crash of native code is reported with, from the error that it amounts to; nil: crashes are the system's own.
	Crash func(what error) guard.Watch

	mu      sync.Mutex
	loaders []*embed.Loader // those that were made, to be closed
}

// Migrating is the notice that an index of an earlier schema is brought up to date.
type Migrating struct{ From, To int }

// MigratedElsewhere is the notice that a command waits for another process which is bringing the index up to date.
type MigratedElsewhere struct{}

// EarlierVectors is the notice that vectors answer which an earlier version of imgsearch made.
type EarlierVectors struct{}
