package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"syscall"

	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// The exit codes, as documented in each command's EXIT STATUS.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitUnreadable  = 3 // done, but files could not be read
	ExitUnreachable = 4 // done, except for a root or folder that was unreachable
	ExitNothingFits = 5 // search --confident: nothing fits
	ExitMissing     = 6 // a comparison found something missing
	ExitNoIndex     = 10
	ExitBusy        = 11
	ExitModel       = 12 // model or runtime missing or damaged
	ExitNoVectors   = 13
	ExitNewerIndex  = 14
	ExitInterrupted = 130
)

// exitCodes maps kinds of errors to exit codes.
var exitCodes = map[words.Code]int{
	words.Failed: ExitFailed, words.Usage: ExitUsage, words.Unreadable: ExitUnreadable, words.Unreachable: ExitUnreachable, words.NothingFits: ExitNothingFits, words.Missing: ExitMissing, words.NoIndex: ExitNoIndex,
	words.Busy: ExitBusy, words.Model: ExitModel, words.NoVectors: ExitNoVectors, words.NewerIndex: ExitNewerIndex, words.Interrupted: ExitInterrupted,
}

// Error is an error of a command, with a code and a hint.
type Error struct {
	Code words.Code
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Usage returns an error for a wrong command line.
func Usage(hint, format string, args ...any) error {
	return &Error{Code: words.Usage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// QuietError sets the exit code without printing a message, because the command has already printed one.
type QuietError struct{ Code words.Code }

func (e *QuietError) Error() string { return string(e.Code) }

// Quiet returns a QuietError.
func Quiet(code words.Code) error { return &QuietError{code} }

// Word returns the message, hint and code of an error, as the command line shows them.
func Word(err error) words.Word {
	if e, ok := errors.AsType[*Error](err); ok {
		w := words.Word{Code: e.Code, Sentence: err.Error(), Hint: e.Hint}
		if isShortage(err) { // the command could not know the cause
			short := words.Error(err, Door)
			w.Code, w.Hint = short.Code, short.Hint
		}
		return w
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == os.Stdout.Name() { //nolint:forbidigo // its name only
		return words.Word{Code: words.Failed, Sentence: err.Error(), Hint: "the results could not be written to standard output; check the file or device that it is redirected to"}
	}
	return words.Error(err, Door)
}

// isShortage reports whether an error is due to the machine and not to what the user asked for.
func isShortage(err error) bool {
	for _, shortage := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, shortage) {
			return true
		}
	}
	return false
}

// Sentence returns an error's message on one line.
func Sentence(err error) string { return english.OneLine(Word(err).Sentence) }

// exit prints an error and returns the exit code.
func (p *Program) exit(err error) int {
	if err == nil {
		return ExitOK
	}
	if e, ok := errors.AsType[*QuietError](err); ok {
		return exitCodes[e.Code]
	}
	if errors.Is(err, syscall.EPIPE) {
		return ExitOK // the reader closed the pipe
	}
	w := Word(err)
	code := exitCodes[w.Code]
	if code == ExitInterrupted && p.interrupts.wasHit() {
		return code
	}
	if p.JSON {
		printErrorJSON(p.Err, w)
		return code
	}
	var attrs []any
	if p.LogsLines() {
		attrs = append(attrs, "code", code)
	}
	if w.Hint != "" {
		attrs = append(attrs, hintKey, w.Hint)
	}
	p.Log().Error(english.OneLine(w.Sentence), attrs...)
	return code
}

// ErrorJSON is an error in the machine formats.
type ErrorJSON struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// NewErrorJSON converts a word to the machine formats.
func NewErrorJSON(w words.Word) ErrorJSON {
	return ErrorJSON{exitCodes[w.Code], string(w.Code), w.Sentence, w.Hint}
}

func printErrorJSON(out io.Writer, w words.Word) {
	_ = json.NewEncoder(jsonWriter{out}).Encode(struct {
		Schema int       `json:"schema"`
		Error  ErrorJSON `json:"error"`
	}{wire.Schema, NewErrorJSON(w)})
}

// crashReport makes a crash of native code look like any other error.
func (p *Program) crashReport(what error) guard.Watch {
	w := Word(what)
	code := exitCodes[w.Code]
	if !p.JSON && p.logging.format != "json" {
		begin, hint := p.textLine(slog.LevelError), "hint: "
		if p.logging.format == "journald" {
			begin = journaldLine(slog.LevelError)
			hint = begin + hint
		}
		return guard.Watch{Message: begin + words.Clean(english.OneLine(w.Sentence)) + ": ", Suffix: "\n" + hint + words.Clean(w.Hint) + "\n", ExitCode: code}
	}
	var text strings.Builder
	const mark = "\x01"
	w.Sentence += ": " + mark
	if p.JSON {
		printErrorJSON(&text, w)
	} else {
		slog.New(slog.NewJSONHandler(&text, nil)).Error(english.OneLine(w.Sentence), "code", code, hintKey, w.Hint)
	}
	quoted, _ := json.Marshal(mark) // encoding a string cannot fail
	before, after, _ := strings.Cut(text.String(), strings.Trim(string(quoted), `"`))
	return guard.Watch{Message: before, Suffix: after, ExitCode: code}
}
