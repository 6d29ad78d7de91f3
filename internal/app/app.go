// Package app connects the configuration to the code that does the work: an index to its store, a model's name to its files, a model to its
// one loader, an index to the engine. Every door uses it. It must not know the command line: a door fills in an App and receives notices.
package app

import (
	"sync"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/guard"
)

// App is the configuration of this process. Set its fields before calling its methods, which may be called from any goroutine.
type App struct {
	// IndexFile is the index to use; "": IMGSEARCH_INDEX, else the platform's default.
	IndexFile string
	// LibraryFile is the ONNX Runtime library to use; "": IMGSEARCH_ORT_LIB, else the first one found.
	LibraryFile string
	// Notify is called with notices of this package and of embed: messages for the user that are not errors.
	Notify func(notice any)
	// Logf logs details.
	Logf func(format string, args ...any)
	// Stop is closed when the user wants the process to end; nil: never.
	Stop <-chan struct{}
	// Crash returns how to report a crash of native code, given the equivalent error; nil: crashes are left to the system.
	Crash func(what error) guard.Watch

	mu             sync.Mutex
	loaders        []*embed.Loader // all loaders made so far, to be closed
	cachesReported bool            // CacheRefused has been sent
}

// Migrating is the notice that an index of an earlier schema is being upgraded.
type Migrating struct{ From, To int }

// MigratedElsewhere is the notice that a command is waiting for another process to upgrade the index.
type MigratedElsewhere struct{}

// LogDamaged is the notice that what was written to the index last is missing, because its write-ahead log is damaged.
type LogDamaged struct{}

// EarlierVectors is the notice that a search uses vectors made by an earlier version of imgsearch.
type EarlierVectors struct{}
