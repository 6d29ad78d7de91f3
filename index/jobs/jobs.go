// Package jobs keeps requests to index as sessions, from queued to ended, and works on one at a time. It must not know how folders are indexed, where sessions
// are stored, or who asked for them.
package jobs

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Priority orders the sessions that wait. A session that becomes the most urgent one interrupts the session that is being worked on.
type Priority string

// The priorities.
const (
	High   Priority = "high"
	Normal Priority = "normal"
	Low    Priority = "low"
)

// Priorities are all priorities, the most urgent first.
var Priorities = []Priority{High, Normal, Low}

// Before reports whether p is more urgent than q.
func (p Priority) Before(q Priority) bool {
	return slices.Index(Priorities, p) < slices.Index(Priorities, q)
}

// State is the state of a session.
type State string

// The states. The last three are final.
const (
	Queued    State = "queued"
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// HasEnded reports whether a state is final.
func (s State) HasEnded() bool { return s == Done || s == Failed || s == Cancelled }

// Request asks for folders to be indexed.
type Request struct {
	// Dirs are the absolute paths of the folders; none: all roots of the index.
	Dirs     []string
	Priority Priority
	// Force reads unchanged files again, and those that could not be read before.
	Force bool
}

// Key is equal for requests of the same folders.
func (r Request) Key() string {
	dirs := slices.Clone(r.Dirs)
	slices.Sort(dirs)
	return strings.Join(slices.Compact(dirs), "\x00")
}

// Session is a request with its progress.
type Session struct {
	ID int64
	Request
	State     State
	CreatedAt time.Time
	// StartedAt is when work on it began for the first time, EndedAt when it ended; zero: not yet.
	StartedAt, EndedAt time.Time
	// Runs is how many times work on it has begun: a session that is interrupted begins again.
	Runs int
	// Cancelling means that the session is to be cancelled, but that work on it has not ended yet.
	Cancelling bool
	Progress   Progress
	// Error is why it failed.
	Error Fault
	// Waiting is why a queued session is not worked on although its turn has come; "" if that is not so.
	Waiting string
	// Revision goes up with each change.
	Revision int64
}

// Fault is an error as it is told to users.
type Fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Progress says how far a session is. The numbers count all its runs, but Found and Read, those of the current one.
type Progress struct {
	// Found is the number of files found that must be read, Read the number of those that are done. Walked means that Found is final.
	Found  int  `json:"found"`
	Read   int  `json:"read"`
	Walked bool `json:"walked"`
	// Scanned is the number of files compared, Unchanged the number of those that had not to be read.
	Scanned   int `json:"scanned"`
	Unchanged int `json:"unchanged"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Moved     int `json:"moved"`
	Removed   int `json:"removed"`
	Embedded  int `json:"embedded"`
	Failed    int `json:"failed"`
	// Texts is the number of pictures whose text must be read after the vectors, TextsRead the number of those that are done.
	Texts     int `json:"texts"`
	TextsRead int `json:"texts_read"`
	// Unreachable is the number of roots and folders that could not be examined.
	Unreachable int `json:"unreachable"`
	// Rate is in files a second. Remaining is the estimate of the remaining time in seconds; nil: unknown.
	Rate      float64  `json:"files_per_s"`
	Remaining *float64 `json:"remaining_s"`
	// Failures are the first files that could not be read, at most MaxFailures.
	Failures []UnreadFile `json:"failures"`
	// Notices are what the owner should know.
	Notices []string `json:"notices"`
}

// UnreadFile is a file that could not be read.
type UnreadFile struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// MaxFailures limits the failures and the notices that a session keeps.
const MaxFailures = 100

var (
	// ErrNoSession means that no session has this id.
	ErrNoSession = errors.New("no such session")
	// ErrEnded means that a session cannot be cancelled because it has ended.
	ErrEnded = errors.New("the session has ended")
	// ErrStopped is returned by Work that was stopped before it was done.
	ErrStopped = errors.New("stopped")
	// ErrTaken means that another process works on the sessions of this queue.
	ErrTaken = errors.New("another process works on the sessions of this index")
	// ErrMany means that too many sessions are waiting.
	ErrMany = errors.New("too many sessions are waiting")
)

// LaterError is returned by Work that cannot begin now; it is tried again soon. Reason is why, for users.
type LaterError struct{ Reason string }

func (e *LaterError) Error() string { return e.Reason }

// FailedError is returned by Work that has failed for good.
type FailedError struct{ Fault Fault }

func (e *FailedError) Error() string { return e.Fault.Message }

// Work does what a session asks for. It ends early with ErrStopped, in an orderly way, when stop is closed, and at once when ctx ends; it is called again for the
// same session unless that was cancelled. report stores the progress so far; it may be called often, from any goroutine.
type Work func(ctx context.Context, s Session, stop <-chan struct{}, report func(Progress)) error

// Sessions keeps sessions. Its methods may be called from any goroutine. Sessions survive the end of the process, whatever its cause.
type Sessions interface {
	// Submit adds a session. If one of the same folders has not ended, there is no new one: that session gets the higher of the two priorities, and
	// is forced if either is. A forced request for a session that is already running, unforced, is a new one.
	Submit(ctx context.Context, r Request) (s Session, isNew bool, err error)
	// Session returns a session. ErrNoSession: there is none.
	Session(ctx context.Context, id int64) (Session, error)
	// List returns up to limit sessions, the newest first.
	List(ctx context.Context, limit int) ([]Session, error)
	// Cancel cancels a session: one that waits at once, one that is worked on when work has stopped in an orderly way. ErrEnded: it has ended.
	Cancel(ctx context.Context, id int64) (Session, error)
	// After waits until a session's revision is above the given one.
	After(ctx context.Context, id, revision int64) (Session, error)
	Close() error
}

// Queue keeps sessions, and lets one process work on them, one at a time.
type Queue interface {
	Sessions

	// Work works on sessions until ctx ends, the most urgent first, then the oldest. If a more urgent one arrives, the current one is stopped and continued
	// later. When stop is closed, Work stops the current session in an orderly way and returns; the session stays in the queue.
	Work(ctx context.Context, stop <-chan struct{}, work Work) error
}
