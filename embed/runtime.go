package embed

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// There is one native runtime per process, however many loaders there are: the library's state is global, so this is too.
var native struct {
	sync.Mutex
	library ortlib.Library
	started bool
}

// RuntimeOptions say where the native runtime is and what loading it may do to the process.
type RuntimeOptions struct {
	ortlib.Options
	// Vet is called before a library is loaded into this process; nil: no check. If it fails, the library is not loaded and its error is returned.
	Vet func(ortlib.Library) error
	// Crash returns how to report a crash of native code, given the error that it amounts to; nil: crashes are left to the
	// system.
	Crash func(what error) guard.Watch
}

// arm reports crashes of native code as an error, until disarm is called. trace is a file to append a line to.
func (o RuntimeOptions) arm(what error, trace string) (disarm func(), err error) {
	if o.Crash == nil {
		return func() {}, nil
	}
	w := o.Crash(what)
	w.Trace = trace
	return guard.Arm(w)
}

// startRuntime loads the library and starts ONNX Runtime, once per process. After a failure it may be called again.
func startRuntime(o RuntimeOptions) (ortlib.Library, error) {
	native.Lock()
	defer native.Unlock()
	if native.started {
		return native.library, nil
	}
	if err := checkAddressSpace(); err != nil {
		return ortlib.Library{}, err
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
	disarm, err := o.arm(fmt.Errorf("%w: %s crashed while being loaded", ortlib.ErrUnusable, library.Path), "")
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
		return library, fmt.Errorf("%w: turn off telemetry in %s: %w", ortlib.ErrUnusable, library.Path, err)
	}
	native.library, native.started = library, true
	return library, nil
}

// A process that has loaded the runtime has mapped at least leastSpace, and spacePerThread for the stack of each thread. Measured with the
// built-in model: below 1.9 GB on two processors, and 2.2 GB on sixteen, starting a thread fails, which ends the process.
const (
	leastSpace     = 1850 << 20
	spacePerThread = 12 << 20
)

func checkAddressSpace() error {
	need := uint64(leastSpace + 2*spacePerThread*runtime.NumCPU())
	if have := machine.AddressSpace(); have < need {
		return fmt.Errorf("%w: the address space is limited to %d MB, and at least %d MB are needed", ErrNoMemory, have>>20, need>>20)
	}
	return nil
}

// silence stops the library from sending telemetry to its makers: since 1.32 the published builds store a device id and a database
// of events in the user's cache and send them. It must be called before the library is loaded.
func silence() error { return os.Setenv("ORT_DISABLE_TELEMETRY", "1") }

// Runtime describes the loaded runtime library.
type Runtime struct {
	ortlib.Library
	// Version is the version that the library reports, such as "1.32.0".
	Version string
}

// StartRuntime loads the runtime library without a model, as doctor does first.
func StartRuntime(o RuntimeOptions) (Runtime, error) {
	library, err := startRuntime(o)
	if err != nil {
		return Runtime{Library: library}, err
	}
	return Runtime{Library: library, Version: ort.GetVersion()}, nil
}
