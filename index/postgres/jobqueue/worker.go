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

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
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
	Read(ctx context.Context, s Session, root store.Root, slot int, b index.Batch, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Settle drops what is gone.
	Settle(ctx context.Context, s Session, root store.Root, f index.Found, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Texts returns the pictures whose texts are to be read then.
	Texts(ctx context.Context, s Session, root store.Root) ([][]store.PictureID, error)
	// ReadTexts reads texts.
	ReadTexts(ctx context.Context, s Session, root store.Root, slot int, ids []store.PictureID, r *Report, stop <-chan struct{}) (index.Summary, error)
	// Fault says an error to users.
	Fault(err error) jobs.Fault
}

// Options say how to work.
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
	rootsEvery = 3 * time.Second
	// endTime is how long jobs have to end in an orderly way.
	endTime = 8 * time.Second
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
			o.Log.Warn(fmt.Sprintf("trying again: %v", err))
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

// isLasting reports whether trying again does not help.
func isLasting(err error) bool {
	return slices.ContainsFunc([]error{store.ErrReadOnly, store.ErrNoIndex, store.ErrNewer, store.ErrLogin, store.ErrNoDatabase}, func(target error) bool { return errors.Is(err, target) })
}

// life is a worker from its registration until its lock is lost or it ends.
type life struct {
	*Queue
	o    Options
	me   *registration
	ctx  context.Context // ends with the life
	slot chan int        // the free slots

	mu     sync.Mutex
	active map[int64]bool // the jobs in River that it works on
}

// workOnce works until stop is closed, which is nil, or the connection is lost.
func (q *Queue) workOnce(ctx context.Context, stop <-chan struct{}, o Options, connected func()) error {
	me, err := q.register(ctx, o)
	if err != nil {
		return err
	}
	connected()
	living, die := context.WithCancel(ctx)
	l := &life{Queue: q, o: o, me: me, ctx: living, slot: make(chan int, o.AtOnce), active: make(map[int64]bool)}
	for i := range o.AtOnce {
		l.slot <- i
	}
	err = l.run(stop)
	die()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if leaveErr := q.leave(ending, me); err == nil && leaveErr != nil && !errors.Is(postgres.Explain(leaveErr), store.ErrServer) {
		return leaveErr
	}
	return err
}

// run takes jobs, and looks after the queue.
func (l *life) run(stop <-chan struct{}) error {
	var crew *crew
	defer func() {
		if crew != nil {
			crew.abandon()
		}
	}()
	var looked, repaired time.Time
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		if err := l.me.session.Check(l.ctx); err != nil {
			return err
		}
		if time.Since(looked) >= rootsEvery {
			kinds, err := l.kinds()
			if err != nil {
				return err
			}
			if crew == nil || !slices.Equal(crew.kinds, kinds) {
				if crew != nil {
					crew.stop()
				}
				if crew, err = l.hire(kinds); err != nil {
					return err
				}
			}
			looked = time.Now()
		}
		if err := l.lookAfter(time.Since(repaired) >= repairEvery); err != nil {
			return err
		}
		if time.Since(repaired) >= repairEvery {
			repaired = time.Now()
		}
		select {
		case <-tick.C:
		case <-stop:
			crew.stop()
			crew = nil
			return nil
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
	}
}

// lookAfter gives back what dead workers, and lost connections, have left.
func (l *life) lookAfter(closely bool) error {
	if err := l.sweep(l.ctx); err != nil {
		return err
	}
	if !closely {
		return nil
	}
	l.mu.Lock()
	active := keys(l.active)
	l.mu.Unlock()
	if err := l.giveBack(l.ctx, l.me.name, active); err != nil {
		return err
	}
	return l.repair(l.ctx)
}

func keys(set map[int64]bool) []int64 {
	list := make([]int64, 0, len(set))
	for k := range set {
		list = append(list, k)
	}
	return list
}

// kinds returns the kinds of jobs that this worker takes now, and records which roots it sees.
func (l *life) kinds() ([]string, error) {
	reachable, known, err := l.o.Roots(l.ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.db.Exec(l.ctx, "UPDATE workers SET roots = ARRAY(SELECT id FROM roots WHERE uid = ANY($2)) WHERE id = $1", l.me.id, ids(reachable)); err != nil {
		return nil, err
	}
	if l.o.Reserve {
		// Those that another worker does not see.
		rows, err := l.db.Query(l.ctx, "SELECT uid FROM roots r WHERE EXISTS (SELECT 1 FROM ("+livingWorkers+") w WHERE NOT w.reserve AND r.id = ANY(w.roots))")
		if err != nil {
			return nil, err
		}
		others, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, err
		}
		served := func(r store.Root) bool { return slices.Contains(others, string(r.ID)) }
		reachable, known = slices.DeleteFunc(slices.Clone(reachable), served), slices.DeleteFunc(slices.Clone(known), served)
	}
	// A root that nobody can reach is walked too, since that is what the session then says.
	rows, err := l.db.Query(l.ctx, `SELECT id, uid = ANY($1) FROM roots r WHERE uid = ANY($1) OR uid = ANY($2) AND NOT EXISTS (SELECT 1 FROM (`+livingWorkers+`) w WHERE r.id = ANY(w.roots)) ORDER BY id`, ids(reachable), ids(known))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var root int32
		var reaches bool
		if err := rows.Scan(&root, &reaches); err != nil {
			return nil, err
		}
		kinds = append(kinds, walkKind(root), settleKind(root, l.s.Host()))
		if reaches {
			kinds = append(kinds, readKind(root), textKind(root))
		}
	}
	return kinds, rows.Err()
}

func ids(roots []store.Root) []string {
	list := make([]string, len(roots))
	for i, r := range roots {
		list[i] = string(r.ID)
	}
	return list
}

// crew is a client of River that takes some kinds of jobs; the client is nil if there are none.
type crew struct {
	kinds   []string
	client  *river.Client[pgx.Tx]
	endJobs chan struct{} // closed: the jobs end in an orderly way
}

// walksAtOnce lets an urgent session begin while another one walks.
const walksAtOnce = 2

// forever is longer than any job lasts: this package itself notices when a worker dies.
const forever = 10 * 365 * 24 * time.Hour

// hire starts to take jobs.
func (l *life) hire(kinds []string) (*crew, error) {
	c := &crew{kinds: kinds, endJobs: make(chan struct{})}
	if len(kinds) == 0 { // no root yet
		return c, nil
	}
	workers := river.NewWorkers()
	for _, kind := range kinds {
		river.AddWorkerArgs(workers, jobArgs{kind: kind}, &jobWorker{life: l, endJobs: c.endJobs})
	}
	var err error
	c.client, err = river.NewClient(riverpgxv5.New(l.db), &river.Config{
		ID: l.me.name, Schema: postgres.Schema, Workers: workers, FetchOnlyKnownKinds: true, SkipUnknownJobCheck: true,
		Queues:     map[string]river.QueueConfig{walkQueue: {MaxWorkers: walksAtOnce}, readQueue: {MaxWorkers: l.o.AtOnce}},
		JobTimeout: -1, RescueStuckJobsAfter: forever, MaxAttempts: maxAttempts, RetryPolicy: backoff{},
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: pollEvery, Logger: slog.New(quiet{l.o.Log.Handler()}),
	})
	if err != nil {
		return nil, err
	}
	return c, c.client.Start(context.WithoutCancel(l.ctx))
}

// stop waits until the jobs have ended in an orderly way; those that take too long are cancelled.
func (c *crew) stop() {
	close(c.endJobs)
	if c.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	if err := c.client.Stop(ctx); err != nil {
		c.cancel()
	}
}

// abandon cancels the jobs: another worker has them now.
func (c *crew) abandon() { c.cancel() }

func (c *crew) cancel() {
	if c.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	_ = c.client.StopAndCancel(ctx) // what does not end then is fenced off by its claim
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
	w.active[job.ID] = true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.active, job.ID)
		w.mu.Unlock()
	}()
	a := &attempt{life: w.life, job: job.ID, session: job.Args.Session, batch: job.Args.Batch, endJobs: w.endJobs}
	a.claim = a.claimOf(job.Attempt, len(job.Errors))
	err := a.work(ctx, job.Kind)
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
	w.o.Log.Warn(fmt.Sprintf("session %d: trying a job again: %v", a.session, err), "job", job.Kind)
	if len(job.Errors)+1 >= maxErrors {
		return a.fail(ctx, w.o.Handler.Fault(err))
	}
	return err
}

// laterAfter is how long a job waits that could not begin.
const laterAfter = 2 * time.Second
