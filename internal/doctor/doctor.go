// Package doctor examines what a run needs: the machine, the runtime library, the model, the accelerators, the decoders, the index and its
// folders. It returns findings. It must not know how they are said, or what a user types to mend them.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/app"
)

// Request says what to examine.
type Request struct {
	App *app.App
	// Version is the program's.
	Version string
	// Model and Provider are those that were asked for.
	Model    app.ModelChoice
	Provider provider.Name
	// MaxAge is how long ago the last complete run may have begun; 0: it does not matter.
	MaxAge time.Duration
}

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is the outcome of one check.
type Finding struct {
	Name     string
	Severity Severity
	Detail   string
	// Evidence are lines that the finding rests on.
	Evidence []string
	// What to do is said by one of these: the error itself, what is known of a provider, or advice, about Path where it is about a file.
	Err    error
	Remedy provider.Remedy
	Advice Advice
	Path   string
}

// Examine makes all checks, in order.
func Examine(ctx context.Context, r Request) ([]Finding, error) {
	e := &examination{Request: r, begin: time.Now()}
	for _, check := range []func(context.Context, *examination){
		checkProgram, checkMachine, checkSession, checkGraphics, checkRuntime, checkModel, startTrials, checkTokenizer, checkTowers,
		checkDecoders, checkIndex, checkMaxAge, checkFolders, checkSpace, checkProviders,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		check(ctx, e)
	}
	return e.findings, ctx.Err()
}

// examination collects findings; what one check learns, later ones use.
type examination struct {
	Request

	findings []Finding
	model    *app.Model // nil: it cannot be opened
	runtime  bool       // the native runtime is there
	library  ortlib.Library
	trials   *trials // nil: none were begun
	begin    time.Time
}

func (e *examination) add(f Finding) { e.findings = append(e.findings, f) }

func (e *examination) ok(name, format string, args ...any) {
	e.add(Finding{Name: name, Severity: Info, Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(name string, advice Advice, format string, args ...any) {
	e.add(Finding{Name: name, Severity: Warning, Detail: fmt.Sprintf(format, args...), Advice: advice})
}

func (e *examination) fail(name string, advice Advice, format string, args ...any) {
	e.add(Finding{Name: name, Severity: Error, Detail: fmt.Sprintf(format, args...), Advice: advice})
}

// failErr is fail of an error that says itself what to do.
func (e *examination) failErr(name string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	e.add(Finding{Name: name, Severity: Error, Detail: first, Err: err})
}
