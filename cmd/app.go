package cmd

import (
	"fmt"
	"os"
	"sync"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
)

// App is what all commands share: streams, the global flags, and the way to an index and a model.
type App struct {
	streams    Streams
	interrupts interrupts

	index   string // --index
	ortLib  string // --ort-lib
	json    bool
	quiet   bool
	verbose bool

	provider provider.Name // what the running command was asked for

	mu      sync.Mutex
	loaders []*embed.Loader // those that were made, to be closed
}

// logf tells of details with --verbose.
func (a *App) logf(format string, args ...any) {
	if a.verbose {
		fmt.Fprintf(a.streams.Err, "imgsearch: "+format+"\n", args...)
	}
}

// warnf tells of what the owner should know, unless --quiet.
func (a *App) warnf(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.streams.Err, "imgsearch: warning: "+format+"\n", args...)
	}
}

// notef says something in passing, unless --quiet.
func (a *App) notef(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.streams.Err, "imgsearch: "+format+"\n", args...)
	}
}

// libraryOptions say where the native runtime is looked for.
func (a *App) libraryOptions() ortlib.Options {
	explicit := a.ortLib
	if explicit == "" {
		explicit = os.Getenv("IMGSEARCH_ORT_LIB")
	}
	return ortlib.Options{Explicit: explicit, UnpackDirs: a.cacheDirs()}
}
