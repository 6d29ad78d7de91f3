package index

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// shared leaves the work to the workers of an index that several machines share, and shows their progress until it is done. ok is false if this process must do
// the work: no running worker sees the folders, or the index is in a file.
func (o *options) shared(ctx context.Context, r app.Indexing, tells func(index.Summary) bool) (ok bool, err error) {
	at, err := o.p.App.Index()
	if err != nil || !at.InDatabase() || o.dryRun || o.from != "" {
		return false, err
	}
	if at.Check() != nil { // what is wrong is reported, or made, by a run of this process
		return false, nil
	}
	s, err := o.p.App.OpenShared(ctx)
	if err != nil {
		return false, err
	}
	defer s.Close() //nolint:errcheck // nothing is lost
	if ok, err := s.Serves(ctx, r.Paths); !ok || err != nil {
		return false, err
	}
	if o.ifIdle {
		if busy, err := s.IsBusy(ctx, r.Paths); err != nil {
			return false, err
		} else if busy {
			return true, o.leaveBusy()
		}
	}
	if r.Provider != "" && r.Provider != provider.Auto {
		o.p.Warnf("--provider %s is not used: the workers have their own", r.Provider)
	}
	err = errJoined
	for errors.Is(err, errJoined) {
		err = (&following{options: o, s: s, tells: tells}).follow(ctx, r)
	}
	switch {
	case errors.Is(err, errDeserted):
		o.p.Notef("no worker is running any more; indexing without workers")
		return false, nil
	case errors.Is(err, store.ErrBusy) && o.ifIdle:
		return true, o.leaveBusy()
	}
	return true, err
}

// errDeserted means that no running worker can do the work any more.
var errDeserted = errors.New("no worker is running")

// errJoined means that a session was cancelled by the command that had submitted it, so that this one must submit it again.
var errJoined = errors.New("another command has cancelled its session")

// desertedAfter is how long workers may be away: a service manager starts them again within seconds.
const desertedAfter = time.Minute

// following is a run that workers do.
type following struct {
	*options

	s      *app.Shared
	tells  func(index.Summary) bool
	events index.Events
	seen   map[int64]jobs.Progress
	// waiting is the last reason for waiting that was printed, and alone when the last worker was last seen; zero: one is running.
	waiting string
	alone   time.Time
	// failed is why the sessions cannot be followed.
	failed error
}

func (f *following) follow(ctx context.Context, r app.Indexing) error {
	list, isNew, err := f.s.Divide(ctx, r, jobs.Normal, false)
	if err != nil {
		return err
	}
	if workers, err := f.s.Workers(ctx); err == nil {
		f.p.Logf("running workers: %+v", workers)
	}
	progress := cli.NewProgress(f.p, f.progress)
	var endProgress func()
	f.events, endProgress = progress.Start()
	f.p.Orderly()
	f.seen = make(map[int64]jobs.Progress)
	stopped := f.wait(ctx, list, r.For)
	deserted := stopped == index.NotStopped && f.isDeserted()
	if (stopped != index.NotStopped || deserted) && ctx.Err() == nil {
		err = f.cancel(ctx, list, isNew)
	}
	endProgress()
	switch {
	case errors.Join(err, f.failed, ctx.Err()) != nil:
		return errors.Join(err, f.failed, ctx.Err())
	case deserted:
		return errDeserted
	}
	if stopped == index.NotStopped {
		for i, s := range list {
			if s.State == jobs.Cancelled && !isNew[i] {
				return errJoined
			}
		}
	}
	return f.end(ctx, list, stopped)
}

// isDeserted reports whether no worker has been running for too long.
func (f *following) isDeserted() bool {
	return !f.alone.IsZero() && time.Since(f.alone) > desertedAfter
}

// wait shows the progress until all sessions have ended, or the user or the time stops it.
func (f *following) wait(ctx context.Context, list []jobs.Session, limit time.Duration) index.StopReason {
	var timeUp <-chan time.Time
	if limit > 0 {
		timeUp = time.After(limit)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if f.look(ctx, list) {
			f.events.Walked()
			return index.NotStopped
		}
		if f.failed != nil || f.isDeserted() {
			return index.NotStopped
		}
		select {
		case <-tick.C:
		case <-f.p.Stop():
			return index.Interrupted
		case <-timeUp:
			return index.TimeUp
		case <-ctx.Done():
			return index.Interrupted
		}
	}
}

// lookEvery is how often the sessions are looked at.
const lookEvery = 300 * time.Millisecond

// look reports what has changed, and whether all sessions have ended. A database that cannot be reached is asked again.
func (f *following) look(ctx context.Context, list []jobs.Session) (ended bool) {
	ended, walked, waiting := true, true, ""
	deserted := false
	for i, s := range list {
		now, err := f.s.Session(ctx, s.ID)
		if err != nil {
			f.say(fmt.Sprintf("cannot read the sessions: %s; trying again", words.Fault(err, cli.Door).Message))
			if !errors.Is(err, store.ErrServer) && ctx.Err() == nil {
				f.failed = err
			}
			return false
		}
		list[i] = now
		f.show(now)
		ended, walked = ended && now.State.HasEnded(), walked && (now.Progress.Walked || now.State.HasEnded())
		if now.Waiting != "" && !now.State.HasEnded() {
			waiting = now.Waiting
			deserted = deserted || app.IsDeserted(now)
		}
	}
	switch {
	case !deserted:
		f.alone = time.Time{}
	case f.alone.IsZero():
		f.alone = time.Now()
	}
	f.say(waiting)
	if walked {
		f.events.Walked()
	}
	return ended
}

// say prints the reason for waiting when it has changed.
func (f *following) say(waiting string) {
	if waiting != "" && waiting != f.waiting {
		f.p.Notef("waiting: %s", waiting)
	}
	f.waiting = waiting
}

// show reports the progress of a session since the last time.
func (f *following) show(s jobs.Session) {
	was, now := f.seen[s.ID], s.Progress
	repeat(f.events.Found, now.Found-was.Found)
	repeat(f.events.Read, now.Read-was.Read)
	repeat(f.events.TextFound, now.Texts-was.Texts)
	repeat(f.events.TextRead, now.TextsRead-was.TextsRead)
	for _, failure := range now.Failures[len(was.Failures):] {
		f.events.Failed(failure.Path, errors.New(failure.Reason))
	}
	for _, notice := range now.Notices[len(was.Notices):] {
		f.p.Warnf("%s", notice)
	}
	f.seen[s.ID] = now
}

func repeat(event func(), n int) {
	for range n {
		event()
	}
}

// cancel cancels the sessions that this command has added, and waits until their jobs have stopped.
func (f *following) cancel(ctx context.Context, list []jobs.Session, isNew []bool) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer done()
	for i, s := range list {
		if !isNew[i] {
			continue
		}
		_, err := f.s.Cancel(ctx, s.ID)
		if ctx.Err() != nil {
			f.p.Warnf("session %d could not be cancelled, because the database does not answer; the workers continue it", s.ID)
			return nil
		}
		if err != nil && !errors.Is(err, jobs.ErrEnded) {
			return err
		}
	}
	for i, s := range list {
		for isNew[i] && !s.State.HasEnded() {
			var err error
			s, err = f.s.After(ctx, s.ID, s.Revision)
			if ctx.Err() != nil {
				f.p.Notef("cancelled; a worker is still finishing its last photos")
				return nil
			}
			if err != nil {
				return err
			}
			list[i] = s
			f.show(s)
		}
	}
	return nil
}

// cancelTime is how long jobs have to stop.
const cancelTime = 10 * time.Second

// end prints the sum of the sessions.
func (f *following) end(ctx context.Context, list []jobs.Session, stopped index.StopReason) error {
	ids := make([]int64, len(list))
	for i, s := range list {
		ids[i] = s.ID
	}
	sum, err := f.s.Summary(ctx, ids)
	if err != nil {
		return err
	}
	sum.Stopped = stopped
	failed := slices.ContainsFunc(list, func(s jobs.Session) bool { return s.State == jobs.Failed })
	if f.tells(sum.Summary) && (!failed || sum.Scanned > 0) {
		if err := (&indexing{options: f.options}).print(sum); err != nil {
			return err
		}
	}
	for _, s := range list {
		if s.State == jobs.Failed {
			return &cli.Error{Code: words.Code(s.Error.Code), Err: errors.New(s.Error.Message), Hint: s.Error.Hint}
		}
		if s.State == jobs.Cancelled && stopped == index.NotStopped {
			return &cli.Error{Code: words.Failed, Err: errors.New("the session was cancelled"), Hint: "finished work is kept; run the command again to continue"}
		}
	}
	if err := (&indexing{options: f.options}).suggest(ctx, f.s.Store(), sum.Summary); err != nil {
		return err
	}
	return ending(sum.Summary)
}
