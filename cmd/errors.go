package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
	"github.com/imgsearch/imgsearch/scan"
)

// The exit codes, as documented in each command's EXIT STATUS.
const (
	exitOK           = 0
	exitFailed       = 1
	exitUsage        = 2
	exitUnreadable   = 3 // done, but files could not be read
	exitUnreachable  = 4 // done where it could: a root or folder was unreachable
	exitNoIndex      = 10
	exitBusy         = 11
	exitModel        = 12 // model or runtime missing or damaged
	exitNoVectors    = 13
	exitNewerIndex   = 14
	exitInterrupted  = 130
	schemaVersion    = 1 // of every machine format
	hintGetRuntime   = "install imgsearch from a release or by `make build`, which carries the library, or give one: --ort-lib FILE or IMGSEARCH_ORT_LIB (pip download --no-deps onnxruntime==1.32.0 has it inside)"
	hintModelFolder  = "a model is a folder with config.json, visual/ and textual/; `imgsearch doctor --model DIR` examines it"
	hintMakeAnIndex  = "make one with `imgsearch index DIR`"
	hintFreeSomeDisk = "free some space, or put what grows elsewhere (--index, IMGSEARCH_MODELS, IMGSEARCH_CACHE); what was finished is safe, the next run continues"
)

// codedError is an error that has its exit code; the message may have been told already.
type codedError struct {
	code   int
	err    error
	hint   string
	silent bool
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// usageError is a wrong command line.
func usageError(hint, format string, args ...any) error {
	return &codedError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// quietExit ends with a code after the command has said everything.
func quietExit(code int) error {
	return &codedError{code: code, err: fmt.Errorf("exit %d", code), silent: true}
}

// names are what the machine format calls the codes.
var names = map[int]string{
	exitFailed: "failed", exitUsage: "usage", exitUnreadable: "unreadable", exitUnreachable: "unreachable", exitNoIndex: "no_index",
	exitBusy: "busy", exitModel: "model", exitNoVectors: "no_vectors", exitNewerIndex: "newer_index", exitInterrupted: "interrupted",
}

// classify finds an error's exit code and what the user can do.
func classify(err error) (code int, hint string) {
	if e, ok := errors.AsType[*codedError](err); ok {
		return e.code, e.hint
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == os.Stdout.Name() { //nolint:forbidigo // its name only
		return exitFailed, "the results could not be written where they were sent"
	}
	if bad, ok := errors.AsType[*scan.PatternError](err); ok {
		return exitUsage, fmt.Sprintf("patterns are in gitignore syntax; %q is none", bad.Pattern)
	}
	for _, c := range []struct {
		is   error
		code int
		hint string
	}{
		{store.ErrNoIndex, exitNoIndex, hintMakeAnIndex},
		{store.ErrNewer, exitNewerIndex, "update imgsearch, or use another index with --index"},
		{store.ErrOlder, exitFailed, "run `imgsearch index` as a user who may write it, or copy it to a place that can be written and name that with --index"},
		{store.ErrNotIndex, exitFailed, "give another path with --index or IMGSEARCH_INDEX"},
		{store.ErrReadOnly, exitFailed, "searching it works; to index, make the file and its folder writable or use another with --index"},
		{store.ErrFull, exitFailed, hintFreeSomeDisk},
		{syscall.ENOSPC, exitFailed, hintFreeSomeDisk},
		{store.ErrDamaged, exitFailed, "`imgsearch doctor --repair` saves what can be read; the photos themselves are not touched by this"},
		{store.ErrNoRoot, exitUsage, "`imgsearch roots list` shows the roots"},
		{store.ErrBusy, exitBusy, "wait for it to end; `imgsearch index --if-idle` leaves quietly instead"},
		{models.ErrUnknown, exitUsage, "`imgsearch models list` shows the names; the folder of a model may be given too"},
		{models.ErrNotInstalled, exitModel, "download it with `imgsearch models pull NAME`"},
		{hub.ErrOffline, exitFailed, "unset HF_HUB_OFFLINE, or give a folder with --from DIR"},
		{hub.ErrDenied, exitFailed, "the repository wants a token: set HF_TOKEN to one that may read it"},
		{hub.ErrNotFound, exitFailed, "check the name, the revision and HF_ENDPOINT; the layout that is read stands in docs/models.md"},
		{hub.ErrCorrupt, exitFailed, "nothing was installed; try again later, or another --revision"},
		{hub.ErrUnreachable, exitFailed, "check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT; what came is kept, the next pull continues"},
		{hub.ErrBusy, exitBusy, "wait for it to end"},
		{hub.ErrTaken, exitUsage, "give another name, or remove what is there first (`imgsearch models rm NAME`, or move your files away)"},
		{hub.ErrNoSpace, exitFailed, "free some space, or set IMGSEARCH_MODELS to a folder on another disk; what came is kept, the next pull continues"},
		{quantize.ErrNothing, exitUsage, "this model gains nothing from int8: leave it at --precision fp32"},
		{embed.ErrNoMemory, exitFailed, "raise the limit (ulimit -v, the container's), or choose a smaller model: `imgsearch models list` shows what each takes"},
		{models.ErrMissing, exitModel, hintModelFolder},
		{models.ErrDamaged, exitModel, hintModelFolder},
		{provider.ErrMissing, exitModel, "leave --provider out: the fastest one that works is taken; docs/providers.md says what each takes"},
		{embed.ErrProviderCrashed, exitFailed, "run it again: what was done is kept, and the next run does not count on that provider blindly"},
		{ortlib.ErrNotFound, exitModel, hintGetRuntime},
		{ortlib.ErrNoPlace, exitModel, "set HOME, or IMGSEARCH_CACHE to a folder that takes files and may hold programs"},
		{ortlib.ErrUnusable, exitModel, hintGetRuntime},
		{context.Canceled, exitInterrupted, ""},
	} {
		if errors.Is(err, c.is) {
			return c.code, c.hint
		}
	}
	return exitFailed, ""
}

// exit tells of an error and returns the exit code.
func (a *App) exit(err error) int {
	if err == nil {
		return exitOK
	}
	code, hint := classify(err)
	if e, ok := errors.AsType[*codedError](err); ok && e.silent {
		return code
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitOK // the reader of our output has enough
	}
	if code == exitInterrupted && a.interrupts.wasHit() {
		return code
	}
	if a.json {
		printErrorJSON(a.streams.Err, code, err, hint)
		return code
	}
	fmt.Fprintf(a.streams.Err, "imgsearch: error: %s\n", oneLine(err))
	if hint != "" {
		fmt.Fprintf(a.streams.Err, "hint: %s\n", hint)
	}
	return code
}

// oneLine keeps a message on one line: a decoder's stack or a library's many lines are for --verbose and --json.
func oneLine(err error) string {
	return oneLineText(err.Error())
}

// errorJSON is an error in the machine formats.
type errorJSON struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func printErrorJSON(w io.Writer, code int, err error, hint string) {
	_ = json.NewEncoder(w).Encode(struct {
		Schema int       `json:"schema"`
		Error  errorJSON `json:"error"`
	}{schemaVersion, errorJSON{code, names[code], err.Error(), hint}})
}
