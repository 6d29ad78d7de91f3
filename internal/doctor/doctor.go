// Package doctor checks everything that a run needs: the machine, the runtime library, the model, the accelerators, the decoders, the index
// and its folders. It returns findings. It must not know how they are worded, or what a user types to fix them.
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
	// Version is the version of the program.
	Version string
	// Model and Provider are those that the user asked for.
	Model    app.ModelChoice
	Provider provider.Name
	// MaxAge is how long ago the last complete run may have started; 0: any time.
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
	// Evidence are lines of output that support the finding.
	Evidence []string
	// One of these says what to do: Err, Remedy for a known problem of a provider, or Advice, with Path if it is about a file.
	Err    error
	Remedy provider.Remedy
	Advice Advice
	Path   string
}

// Examine runs all checks, in order.
func Examine(ctx context.Context, r Request) ([]Finding, error) {
	e := &examination{Request: r, begin: time.Now()}
	for _, check := range []func(context.Context, *examination){
		checkProgram, checkMachine, checkSession, checkGraphics, checkRuntime, checkModel, startTrials, checkTokenizer, checkTowers,
		checkDecoders, checkCodecs, checkIndex, checkMaxAge, checkFolders, checkSpace, checkProviders,
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		check(ctx, e)
	}
	return e.findings, ctx.Err()
}

// examination collects findings, and results of checks that later ones use.
type examination struct {
	Request

	findings []Finding
	model    *app.Model // nil if it cannot be opened
	runtime  bool       // whether the native runtime was loaded
	library  ortlib.Library
	trials   *trials // nil if none were started
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

// failErr adds a finding for an error whose hint says what to do.
func (e *examination) failErr(name string, err error) {
	first, _, _ := strings.Cut(err.Error(), "\n")
	e.add(Finding{Name: name, Severity: Error, Detail: first, Err: err})
}
