package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// Handler does the parts of sessions. Each may be done again at any time. A closed stop asks it to end in an orderly way, with a Summary that is not complete.
type Handler interface {
	// Walk finds what is to be read.
	Walk(ctx context.Context, s Session, root store.Root, d index.Division, stop <-chan struct{}) (f index.Found, complete bool, err error)
	// Read reads a batch. slot is less than Options.AtOnce, and no other job has it at the same time.
	// foundHere means that this machine has walked; if not, files that are not here are returned as unseen.
	Read(ctx context.Context, s Session, root store.Root, slot int, b index.Batch, foundHere bool, r *Report, stop <-chan struct{}) (sum index.Summary, unseen index.Batch, err error)
	// Settle drops what is gone. It is not done again once it is committed.
	Settle(ctx context.Context, s Session, root store.Root, f index.Found, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Conclude does what follows.
	Conclude(ctx context.Context, s Session, root store.Root, r *Report) error
	// Texts returns the pictures whose texts are to be read then.
	Texts(ctx context.Context, s Session, root store.Root) ([][]store.PictureID, error)
	// ReadTexts reads texts.
	ReadTexts(ctx context.Context, s Session, root store.Root, slot int, ids []store.PictureID, r *Report, stop <-chan struct{}) (index.Summary, error)
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
	// AtOnce is the number of batches that are read at once.
	AtOnce int
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
	// beat is how often a worker looks after itself and the others: its dead neighbours' jobs return that fast.
	beat = time.Second
	// rootsEvery is how often a worker looks which roots it sees.
	rootsEvery = 2 * time.Second
	// endTime is how long jobs have to end in an orderly way, and cutTime how long what is cut short then may take. Service managers kill a process that takes
	// much longer than 10 s.
	endTime, cutTime = 6 * time.Second, time.Second
	// answerTime is how long the server has to answer whether the lock is still held.
	answerTime = 5 * time.Second
	// hungAfter is how long a job may go on after its root is out of reach.
	hungAfter = time.Minute
	// pollEvery is how often a worker without work asks for some, in case that no notification came.
	pollEvery = 500 * time.Millisecond
	// againAfter is how long a worker waits for a server that cannot be reached.
	againAfter = time.Second
)

// repairEvery is how often sessions are examined, and retryAfter how long a job waits after its first error.
var repairEvery, retryAfter = 10 * time.Second, time.Second // tests shorten them

// Work works on sessions until stop is closed, and then ends in an orderly way. It goes on after the server was restarted.
func (q *Queue) Work(ctx context.Context, stop <-chan struct{}, o Options) error {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	for away := false; ; {
		err := q.workOnce(ctx, stop, o, func() {
			if away {
				o.Log.Info("working again")
			}
			away = false
		})
		err = postgres.Explain(err)
		switch {
		case err == nil || ctx.Err() != nil:
			return ctx.Err()
		case isLasting(err):
			return err
		}
		if !away {
			o.Log.Warn("cannot work: " + o.Handler.Fault(err).Message + "; trying again")
		}
		away = true
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(againAfter):
		}
	}
}

// errHung means that a job does not end although its disk is out of reach. Only another process can go on.
var errHung = errors.New("a disk does not answer, and a job waits for it: start the worker again")

// isLasting reports whether trying again does not help.
func isLasting(err error) bool {
	return slices.ContainsFunc([]error{errHung, store.ErrReadOnly, store.ErrNoIndex, store.ErrNewer, store.ErrLogin, store.ErrNoDatabase}, func(target error) bool { return errors.Is(err, target) })
}

// life is a worker from its registration until its lock is lost or it ends.
type life struct {
	*Queue
	o    Options
	me   *registration
	ctx  context.Context // ends with the life
	slot chan int        // the free slots
	// crews are the clients of River: the last one takes jobs, the others end what they have.
	crews []*crew
	// kindsNow are the kinds of jobs that it takes, lost those that it took before, and since when it does not. unreached are the roots that no worker reaches, and
	// since when.
	kindsNow  []string
	lost      map[string]time.Time
	unreached map[int32]time.Time

	mu     sync.Mutex
	active map[int64]string // the jobs in River that it works on, with their kinds
}

// workOnce works until stop is closed, which is nil, or the connection is lost.
func (q *Queue) workOnce(ctx context.Context, stop <-chan struct{}, o Options, connected func()) error {
	me, err := q.register(ctx, o)
	if err != nil {
		return err
	}
	connected()
	living, die := context.WithCancel(ctx)
	defer die()
	l := &life{
		Queue: q, o: o, me: me, ctx: living, slot: make(chan int, o.AtOnce), active: make(map[int64]string), lost: make(map[string]time.Time), unreached: make(map[int32]time.Time),
	}
	for i := range o.AtOnce {
		l.slot <- i
	}
	err = l.run(stop)
	l.end(err == nil)
	die()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
	defer cancel()
	_ = q.leave(ending, me) // else the others notice
	return err
}

// run takes jobs, and looks after the queue.
func (l *life) run(stop <-chan struct{}) error {
	var looked, repaired time.Time
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		if err := l.check(); err != nil {
			return err
		}
		if time.Since(looked) >= rootsEvery {
			if err := l.chooseKinds(); err != nil {
				return err
			}
			looked = time.Now()
		}
		closely := time.Since(repaired) >= repairEvery
		if err := l.lookAfter(closely); err != nil {
			return err
		}
		if closely {
			repaired = time.Now()
		}
		select {
		case <-tick.C:
		case <-stop:
			return nil
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}

// check returns an error if the worker has lost its lock, or if a job does not end.
func (l *life) check() error {
	ctx, cancel := context.WithTimeout(l.ctx, answerTime)
	defer cancel()
	if err := l.me.session.Check(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range l.active {
		if since, lost := l.lost[kind]; lost && time.Since(since) > hungAfter {
			return errHung
		}
	}
	return nil
}

// chooseKinds takes the jobs of the roots that the worker reaches now.
func (l *life) chooseKinds() error {
	kinds, err := l.kinds()
	if err != nil || l.kindsNow != nil && slices.Equal(kinds, l.kindsNow) {
		return err
	}
	for _, kind := range l.kindsNow {
		l.lost[kind] = time.Now()
	}
	for _, kind := range kinds {
		delete(l.lost, kind)
	}
	l.kindsNow = append([]string{}, kinds...)
	return l.hire(kinds)
}

// lookAfter gives back what dead workers, and lost connections, have left.
func (l *life) lookAfter(closely bool) error {
	if err := l.sweep(l.ctx); err != nil {
		return err
	}
	if !closely {
		return nil
	}
	if err := l.giveBack(l.ctx, l.me.name, l.working()); err != nil {
		return err
	}
	return l.repair(l.ctx, l.o.Handler.Fault(store.ErrNoRoot))
}

// working returns the jobs that the worker works on and that it would take now.
func (l *life) working() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := []int64{}
	for id, kind := range l.active {
		if _, lost := l.lost[kind]; !lost {
			list = append(list, id)
		}
	}
	return list
}

// quiet lets only what River logs as errors through, as details: what concerns users is logged by this package.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelDebug)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// backoff tries a failed job again after 1, 2, 4, 8 seconds.
type backoff struct{}

func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(retryAfter << min(len(job.Errors), maxErrors))
}

// maxErrors is the number of errors of a job after which its session fails.
const maxErrors = 5

// jobWorker does jobs of one kind.
type jobWorker struct {
	river.WorkerDefaults[jobArgs]
	*life
	endJobs <-chan struct{}
}

// Work does a job.
func (w *jobWorker) Work(ctx context.Context, job *river.Job[jobArgs]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)() // without its lock, a worker has no jobs
	w.mu.Lock()
	w.active[job.ID] = job.Kind
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, job.ID)
		w.mu.Unlock()
	}()
	a := &attempt{life: w.life, job: job.ID, session: job.Args.Session, batch: job.Args.Batch, endJobs: w.endJobs}
	a.claim = a.claimOf(job.Attempt, len(job.Errors))
	err := a.tryWork(ctx, job.Kind)
	switch fault, isFault := errors.AsType[*jobs.FailedError](err); {
	case err == nil, errors.Is(err, errLost), errors.Is(err, jobs.ErrNoSession):
		return nil
	case errors.Is(err, jobs.ErrStopped):
		return river.JobSnooze(0)
	case isFault:
		return a.fail(ctx, fault.Fault)
	case ctx.Err() != nil, errors.Is(err, store.ErrServer):
		return river.JobSnooze(againAfter)
	case errors.Is(err, store.ErrNoRoot):
		return a.fail(ctx, w.o.Handler.Fault(err))
	}
	if later, ok := errors.AsType[*jobs.LaterError](err); ok {
		a.wait(ctx, later.Reason)
		return river.JobSnooze(laterAfter)
	}
	w.o.Log.Warn(fmt.Sprintf("session %d: a job failed: %s", a.session, w.o.Handler.Fault(err).Message), "job", job.Kind)
	if fault := w.o.Handler.Fault(err); len(job.Errors)+1 >= maxErrors || w.o.Handler.IsLasting(fault) {
		return a.fail(ctx, fault)
	}
	return err
}

// laterAfter is how long a job waits that could not begin.
const laterAfter = 2 * time.Second
