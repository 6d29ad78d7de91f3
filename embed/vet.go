package embed

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
)

// vetLimit is how long a child may take to load a library: 40 ms here, much longer from a disk that must spin up, or with a
// virus scanner.
const vetLimit = 60 * time.Second

// TryLibrary loads a runtime library in a child process.
func TryLibrary(ctx context.Context, program string, l ortlib.Library, limit time.Duration) (probe.Outcome, error) {
	return probe.Run(ctx, program, probe.Request{Library: l.Path}, limit)
}

// Vet returns a check of runtime libraries for RuntimeOptions.Vet: a library that this machine, in its present state, has not
// loaded before is first loaded in a child process, so that a library that cannot be loaded gives a diagnosis and not a crash.
// program is this program; closing stop ends the child. The check's error wraps ortlib.ErrUnusable.
func Vet(stop <-chan struct{}, state provider.Store, program string, logf func(format string, args ...any)) func(ortlib.Library) error {
	return func(l ortlib.Library) error {
		if state.Vetted(l) {
			return nil
		}
		ctx, cancel := untilClosed(stop)
		defer cancel()
		o, err := TryLibrary(ctx, program, l, vetLimit)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			logf("%v: loading the runtime library without a trial", err)
			return nil
		case o.Result == nil:
			return fmt.Errorf("%w: %s: %s", ortlib.ErrUnusable, l.Path, o.Reason())
		}
		logf("a child process has loaded %s (ONNX Runtime %s, %v)", l.Path, o.Result.Runtime, o.Took.Round(time.Millisecond))
		if err := state.Vet(l); err != nil {
			logf("%v", err)
		}
		return nil
	}
}
