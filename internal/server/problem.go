package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Problem is an error as a client gets it (RFC 9457), with the code and the hint that the command line has too.
type Problem struct { //nolint:errname // the standard calls it a problem
	Title  string     `json:"title" doc:"The name of the status"`
	Status int        `json:"status" doc:"The HTTP status"`
	Detail string     `json:"detail" doc:"What happened"`
	Code   words.Code `json:"code" doc:"The kind of error, by which programs can tell errors apart"`
	Hint   string     `json:"hint,omitempty" doc:"What to do"`
	// Errors are the parameters that are wrong.
	Errors []*huma.ErrorDetail `json:"errors,omitempty" doc:"The parameters that are wrong"`

	headers http.Header
}

// The codes that only a server has.
const (
	notFound     words.Code = "not_found"
	unauthorized words.Code = "unauthorized"
	forbidden    words.Code = "forbidden"
	tooLarge     words.Code = "too_large"
	tooMany      words.Code = "too_many_requests"
	misdirected  words.Code = "unknown_host"
	starting     words.Code = "starting"
	timeout      words.Code = "timeout"
)

func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns headers to send with it.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// Words returns what happened, and what to do.
func (p *Problem) Words() (sentence, hint string) { return p.Detail, p.Hint }

// ContentType makes it application/problem+json.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

func problem(status int, code words.Code, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Hint: hint}
}

// codes are the codes of the statuses that huma chooses.
var codes = map[int]words.Code{
	http.StatusNotFound: notFound, http.StatusRequestEntityTooLarge: tooLarge, http.StatusRequestTimeout: timeout, http.StatusInternalServerError: words.Failed,
	http.StatusMethodNotAllowed: "method_not_allowed", http.StatusUnsupportedMediaType: "unsupported_media_type", http.StatusNotAcceptable: "not_acceptable",
}

// useProblems makes huma's own errors, such as those of validation, Problems. huma has one function for all APIs of a process. And it makes names count as they
// are spelled.
var useProblems = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		code, ok := codes[status]
		if !ok {
			code = words.Usage
		}
		p := problem(status, code, message, "")
		for _, err := range errs {
			if err == nil {
				continue
			}
			detail, ok := errors.AsType[*huma.ErrorDetail](err)
			if !ok {
				detail = &huma.ErrorDetail{Message: english.OneLine(err.Error())}
			}
			// Without the value, which may be large, and is the client's own.
			p.Errors = append(p.Errors, &huma.ErrorDetail{Message: detail.Message, Location: detail.Location})
		}
		if len(p.Errors) > 0 && p.Errors[0].Location != "" {
			p.Detail = fmt.Sprintf("%s: %s", p.Errors[0].Location, p.Errors[0].Message)
			p.Hint = "the OpenAPI document at " + openAPIPath + " describes the parameters"
		}
		return p
	}
})

// invalid is the error for a parameter with a wrong value.
func invalid(name, message, hint string) *Problem {
	p := problem(http.StatusUnprocessableEntity, words.Usage, name+": "+message, hint)
	p.Errors = []*huma.ErrorDetail{{Location: name, Message: message}}
	return p
}

// statuses are the HTTP statuses of the kinds of errors.
var statuses = map[words.Code]int{
	words.Failed: http.StatusInternalServerError, words.Usage: http.StatusUnprocessableEntity, words.NoIndex: http.StatusServiceUnavailable,
	words.Busy: http.StatusConflict, words.Model: http.StatusServiceUnavailable, words.NoVectors: http.StatusConflict,
	words.NewerIndex: http.StatusServiceUnavailable, words.Interrupted: http.StatusServiceUnavailable,
}

// problemOf turns an error into a Problem.
func (s *Server) problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if bad, ok := errors.AsType[*ask.Error](err); ok {
		hint := bad.Hint
		if errors.Is(err, parse.ErrUnknownPlace) {
			hint += "; /api/v1/facets?by=place lists the places of your photos, and near finds smaller ones"
		}
		return invalid(bad.Option, bad.Err.Error(), hint)
	}
	if bad, ok := errors.AsType[*pictures.UnreadableError](err); ok {
		return invalid("image", english.OneLine(bad.Err.Error()), "docs/formats.md lists the supported formats")
	}
	switch {
	case errors.Is(err, query.ErrOffset):
		return invalid("offset", "with a query and another order than score, the best hits are chosen before sorting", "raise top, or omit sort to get pages by score")
	case errors.Is(err, query.ErrNoModel):
		return problem(http.StatusConflict, words.NoVectors, err.Error(), "create the vectors with "+s.door(words.RunIndex))
	case errors.Is(err, store.ErrPrefix):
		return problem(http.StatusNotFound, notFound, "not an id of a picture", "an id has at least eight hexadecimal digits, in lower case")
	case errors.Is(err, ask.ErrNoPicture):
		return problem(http.StatusNotFound, notFound, err.Error(), "/api/v1/search answers with ids")
	case errors.Is(err, ask.ErrSeveral):
		return problem(http.StatusNotFound, notFound, err.Error(), "use more digits of the id")
	case errors.Is(err, jobs.ErrNoSession):
		return problem(http.StatusNotFound, notFound, err.Error(), "/api/v1/training/sessions lists the sessions")
	case errors.Is(err, jobs.ErrEnded):
		return problem(http.StatusConflict, words.Usage, err.Error(), "")
	case errors.Is(err, jobs.ErrMany):
		return tooManyRequests(err.Error(), time.Minute)
	case errors.Is(err, store.ErrBusy): // no request needs the lock, but an index that is being upgraded cannot be read
		p := problem(http.StatusServiceUnavailable, words.Busy, "the index is being upgraded", "try again later")
		p.headers = http.Header{"Retry-After": {"5"}}
		return p
	case errors.Is(err, store.ErrNotIndex), errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrOlder):
		w := words.Error(err, s.door)
		return problem(http.StatusServiceUnavailable, w.Code, english.OneLine(w.Sentence), w.Hint)
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, timeout, "the request took too long", "try again later")
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		w := words.Error(err, s.door)
		return problem(http.StatusInsufficientStorage, w.Code, english.OneLine(w.Sentence), w.Hint)
	}
	w := words.Error(err, s.door)
	return problem(statuses[w.Code], w.Code, english.OneLine(w.Sentence), w.Hint)
}

// tooManyRequests asks the client to come back.
func tooManyRequests(detail string, after time.Duration) *Problem {
	p := problem(http.StatusTooManyRequests, tooMany, detail, "try again later")
	p.headers = http.Header{"Retry-After": {strconv.Itoa(max(1, int(after.Seconds())))}}
	return p
}

// send writes a Problem where no operation does.
func (p *Problem) send(w http.ResponseWriter) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.Header().Del("Content-Length")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// door names actions for clients: those that the API has, else those of the command line.
func (s *Server) door(a words.Action, args ...string) string {
	const submit = "POST " + sessionsPath
	switch a {
	case words.IndexFolder, words.RunIndex, words.IndexModel:
		return submit
	case words.RetryFailed:
		return submit + " with force"
	case words.Language:
		return "lang"
	}
	return s.Door(a, args...)
}

// isAPI reports whether a path belongs to the API, whose errors are Problems.
func isAPI(path string) bool { return strings.HasPrefix(path, "/api/") }
