package jobqueue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// Handler does the parts of sessions. Each may be done again at any time. A closed stop asks it to end in an orderly way, with a Summary that is not complete.
type Handler interface {
	// Walk finds what is to be read.
	Walk(ctx context.Context, s Session, root store.Root, d index.Division, stop <-chan struct{}) (f index.Found, complete bool, err error)
	// Read reads the files of a batch; only one batch is read at a time. foundHere means that this machine has walked; if not, files that are not here are
	// returned as unseen.
	Read(ctx context.Context, s Session, root store.Root, b index.Batch, foundHere bool, r *Report, stop <-chan struct{}) (sum index.Summary, unseen index.Batch, err error)
	// Settle drops what is gone. It is not done again once it is committed.
	Settle(ctx context.Context, s Session, root store.Root, f index.Found, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Conclude does what follows.
	Conclude(ctx context.Context, s Session, root store.Root, r *Report) error
	// Texts returns the pictures whose texts are to be read then.
	Texts(ctx context.Context, s Session, root store.Root) ([]index.Batch, error)
	// ReadTexts reads the texts of the pictures of a batch; only one batch is read at a time.
	ReadTexts(ctx context.Context, s Session, root store.Root, b index.Batch, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Fault describes an error to users.
	Fault(err error) jobs.Fault
	// IsLasting reports whether trying again would not help, on any machine.
	IsLasting(f jobs.Fault) bool
}

// Options configure Work.
type Options struct {
	// Handler does the work.
	Handler Handler
	// Roots returns the roots whose jobs this worker takes: those that it can reach now, and all that it has a path to.
	Roots func(context.Context) (reachable, known []store.Root, err error)
	// Seconds is how long the vector of a picture takes, as measured.
	Seconds float64
	// Version is the program's, Provider where the tower computes.
	Version, Provider string
	// Everything says that Roots returns all roots of this machine.
	Everything bool
	// Reserve works only while no other worker that sees the same roots does.
	Reserve bool
	// Log receives what happens.
	Log *slog.Logger
}

const (
	// heartbeat is how often a worker checks its lock, and reclaims the jobs of workers that have died.
	heartbeat = time.Second
	// rootsEvery is how often a worker checks which roots it can reach.
	rootsEvery = 2 * time.Second
	// stopTimeout is how long jobs have to end in an orderly way, and cancelTimeout how long they may take to end when they are cancelled then. Service managers
	// kill a process that takes much longer than 10 s.
	stopTimeout, cancelTimeout = 6 * time.Second, time.Second
	// lockTimeout is how long the server has to answer whether the lock is still held.
	lockTimeout = 5 * time.Second
	// hungAfter is how long a job may go on after its root is out of reach.
	hungAfter = time.Minute
	// pollEvery is how often a worker without a job looks for one, in case a notification was lost.
	pollEvery = 500 * time.Millisecond
	// reconnectAfter is how long a worker waits before it connects again.
	reconnectAfter = time.Second
)

// repairEvery is how often sessions are examined, and retryAfter how long a job waits after its first error.
var repairEvery, retryAfter = 10 * time.Second, time.Second // tests shorten them

// Work works on sessions until stop is closed, and then ends in an orderly way. It goes on after the server was restarted.
func (q *Queue) Work(ctx context.Context, stop <-chan struct{}, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for failed := false; ; {
		err := q.workOnce(ctx, stop, o, func() {
			if failed {
				o.Log.Info("working again")
			}
			failed = false
		})
		err = postgres.Explain(err)
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case isLasting(err):
			return err
		}
		if !failed {
			o.Log.Warn("cannot work: " + o.Handler.Fault(err).Message + "; trying again")
		}
		failed = true
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reconnectAfter):
		}
	}
}

// errHung means that a job does not end although its root is out of reach. Only another process can go on.
var errHung = errors.New("a disk does not answer, and a job is waiting for it: restart the worker")

// isLasting reports whether trying again does not help.
func isLasting(err error) bool {
	return slices.ContainsFunc([]error{errHung, store.ErrReadOnly, store.ErrNoIndex, store.ErrNewer, store.ErrLogin, store.ErrNoDatabase}, func(target error) bool { return errors.Is(err, target) })
}
