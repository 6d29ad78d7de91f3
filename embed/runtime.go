package embed

import (
	"fmt"
	"os"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/ortlib"
)

// The native runtime is one a process, whatever the number of loaders: its state is the library's, so it is ours.
var native struct {
	sync.Mutex
	library ortlib.Library
	started bool
}

// startRuntime loads the library and starts ONNX Runtime, once a process. A failure may be tried again.
func startRuntime(o ortlib.Options) (ortlib.Library, error) {
	native.Lock()
	defer native.Unlock()
	if native.started {
		return native.library, nil
	}
	library, err := ortlib.Find(o)
	if err != nil {
		return library, err
	}
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
func StartRuntime(o ortlib.Options) (Runtime, error) {
	library, err := startRuntime(o)
	if err != nil {
		return Runtime{Library: library}, err
	}
	return Runtime{Library: library, Version: ort.GetVersion()}, nil
}
