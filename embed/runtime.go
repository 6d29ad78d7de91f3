package embed

import (
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/ortlib"
)

// The native runtime is one a process, whatever the number of loaders: its state is the library's, so it is ours.
var native struct {
	sync.Mutex
	library ortlib.Library
	started bool
}

// RuntimeOptions say where the native runtime is and what loading it may do to the process.
type RuntimeOptions struct {
	ortlib.Options
	// Vet is asked before a library is loaded into this process; nil: nobody. Its error is the answer in the library's place.
	Vet func(ortlib.Library) error
	// Crash makes what a crash of native code is reported with, from the error that it amounts to; nil: crashes are the
	// system's own.
	Crash func(what error) guard.Watch
}

// arm reports crashes of native code as an error, until disarm is called. trace is a file that a line is appended to.
func (o RuntimeOptions) arm(what error, trace string) (disarm func(), err error) {
	if o.Crash == nil {
		return func() {}, nil
	}
	w := o.Crash(what)
	w.Trace = trace
	return guard.Arm(w)
}

// startRuntime loads the library and starts ONNX Runtime, once a process. A failure may be tried again.
func startRuntime(o RuntimeOptions) (ortlib.Library, error) {
	native.Lock()
	defer native.Unlock()
	if native.started {
		return native.library, nil
	}
	library, err := ortlib.Find(o.Options)
	if err != nil {
		return library, err
	}
	if o.Vet != nil {
		if err := o.Vet(library); err != nil {
			return library, err
		}
	}
	disarm, err := o.arm(fmt.Errorf("%w: %s crashed while it was loaded", ortlib.ErrUnusable, library.Path), "")
	if err != nil {
		return library, err
	}
	defer disarm()
	if err := silence(); err != nil {
		return library, err
	}
	ort.SetSharedLibraryPath(library.Path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return library, fmt.Errorf("%w: load %s: %w", ortlib.ErrUnusable, library.Path, err)
	}
	if err := ort.DisableTelemetry(); err != nil {
		return library, fmt.Errorf("%w: switch telemetry off in %s: %w", ortlib.ErrUnusable, library.Path, err)
	}
	native.library, native.started = library, true
	return library, nil
}

// silence keeps the library from reporting to its makers: from 1.32 on the published builds keep a device id and a database
// of events in the user's cache and send them. It must come before the library is loaded.
func silence() error { return os.Setenv("ORT_DISABLE_TELEMETRY", "1") }

// Runtime describes the runtime library as it was loaded.
type Runtime struct {
	ortlib.Library
	// Version is what the library says of itself, "1.32.0".
	Version string
}

// StartRuntime loads the runtime library without a model: doctor's first question.
func StartRuntime(o RuntimeOptions) (Runtime, error) {
	library, err := startRuntime(o)
	if err != nil {
		return Runtime{Library: library}, err
	}
	return Runtime{Library: library, Version: ort.GetVersion()}, nil
}
