package jobqueue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/postgres/jobqueue"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

func TestMain(m *testing.M) {
	jobqueue.Hurry()
	os.Exit(pgserver.Main(m))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// patience limits how long a test waits for what must happen.
const patience = 20 * time.Second

// fixture is a database with a root, and the queue as one machine has it.
type fixture struct {
	*testing.T

	url, dir string
	s        *postgres.Store
	q        *jobqueue.Queue
	root     store.Root
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, url: pgserver.Start(t).Database(t), dir: t.TempDir()}
	must(t, os.WriteFile(filepath.Join(f.dir, "x"), nil, 0o644))
	f.s, f.q = f.machine("one")
	var err error
	f.root, err = f.s.AddRoot(t.Context(), f.dir, true)
	must(t, err)
	return f
}

// machine opens the queue on a machine.
func (f *fixture) machine(host string) (*postgres.Store, *jobqueue.Queue) {
	f.Helper()
	s, err := postgres.Open(f.Context(), f.url, postgres.Options{Host: host})
	must(f.T, err)
	f.Cleanup(func() { s.Close() })
	q, err := jobqueue.Open(f.Context(), s)
	must(f.T, err)
	return s, q
}

// submit adds a session for a folder of the root.
func (f *fixture) submit(start string, p jobs.Priority, force bool) (jobqueue.Session, bool) {
	f.Helper()
	one, isNew, err := f.q.Submit(f.Context(), jobqueue.Request{Root: f.root.ID, Start: start, Options: []byte(`{}`), Force: force, Priority: p})
	must(f.T, err)
	return one, isNew
}

// until waits for a session to fulfil a condition.
func (f *fixture) until(id int64, is func(jobqueue.Session) bool) jobqueue.Session {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	for revision := int64(0); ; {
		s, err := f.q.After(ctx, id, revision)
		if err != nil {
			f.Fatalf("session %d stays %+v: %v", id, s, err)
		}
		if is(s) {
			return s
		}
		revision = s.Revision
	}
}

func in(state jobs.State) func(jobqueue.Session) bool {
	return func(s jobqueue.Session) bool { return s.State == state }
}

// work starts a worker on a machine, and returns a function that stops it.
func (f *fixture) work(s *postgres.Store, q *jobqueue.Queue, h jobqueue.Handler, change func(*jobqueue.Options)) (stop func()) {
	f.Helper()
	o := jobqueue.Options{Handler: h, Version: "test", Provider: "none", Everything: true, Roots: func(ctx context.Context) (reachable, known []store.Root, err error) {
		all, err := s.Roots(ctx)
		for _, r := range all {
			if !r.Elsewhere {
				reachable = append(reachable, r)
			}
		}
		return reachable, reachable, err
	}}
	if change != nil {
		change(&o)
	}
	ended := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- q.Work(context.Background(), ended, o) }()
	stop = sync.OnceFunc(func() {
		close(ended)
		select {
		case err := <-done:
			if err != nil {
				f.Error(err)
			}
		case <-time.After(patience):
			f.Error("the worker does not stop")
		}
	})
	f.Cleanup(stop)
	return stop
}

// handler does sessions of files that exist only in its mind.
type handler struct {
	s *postgres.Store
	// files is the number of files of a session, perBatch that of a batch.
	files, perBatch int
	// read is called before the files of a batch are committed, one by one; nil: nothing is called.
	read func(ctx context.Context, s jobqueue.Session, b index.Batch, stop <-chan struct{}) error
	// blind means that this machine does not see what others have found.
	blind bool
	// texts are the pictures whose texts are read.
	texts []store.PictureID

	mu    sync.Mutex
	order []string
}

func (h *handler) did(what string, of jobqueue.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.order = append(h.order, fmt.Sprintf("%s %s", what, of.Start))
}

func (h *handler) Walk(ctx context.Context, s jobqueue.Session, _ store.Root, d index.Division, _ <-chan struct{}) (index.Found, bool, error) {
	h.did("walk", s)
	var b index.Batch
	for i := range h.files {
		b.Items = append(b.Items, index.Item{Dir: s.Start, Name: fmt.Sprint(i)})
		if len(b.Items) == min(h.perBatch, d.Size()) || i == h.files-1 {
			if err := d.Emit(ctx, b); err != nil {
				return index.Found{}, false, err
			}
			b = index.Batch{}
		}
	}
	return index.Found{Counts: index.Counts{Scanned: 7, Unchanged: 7}, Gone: []index.Missing{{Start: s.Start}}}, true, nil
}

func (h *handler) Read(ctx context.Context, s jobqueue.Session, root store.Root, b index.Batch, foundHere bool, r *jobqueue.Report, stop <-chan struct{}) (sum index.Summary, unseen index.Batch, err error) {
	h.did("read", s)
	sum.Complete = true
	if h.read != nil {
		if err := h.read(ctx, s, b, stop); err != nil {
			return sum, unseen, err
		}
	}
	r.Computed("none")
	for _, item := range b.Items {
		if !foundHere && h.blind {
			unseen.Items = append(unseen.Items, item)
			continue
		}
		one := index.Counts{Scanned: 1, Added: 1}
		if err := commit(ctx, h.s, r, index.Commit{Added: one, Done: []store.Place{{Root: root.ID, Dir: item.Dir, Name: item.Name}}}); err != nil {
			return sum, unseen, err
		}
		sum.Counts = sum.Plus(one)
		select {
		case <-stop:
			sum.Complete = false
			return sum, unseen, nil
		default:
		}
	}
	return sum, unseen, nil
}

func (h *handler) Conclude(_ context.Context, s jobqueue.Session, _ store.Root, _ *jobqueue.Report) error {
	h.did("conclude", s)
	return nil
}

// commit commits an empty transaction together with what it adds to a session.
func commit(ctx context.Context, s *postgres.Store, r *jobqueue.Report, c index.Commit) error {
	tx, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := r.Committing(ctx, tx, c); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func (h *handler) Settle(ctx context.Context, s jobqueue.Session, _ store.Root, f index.Found, r *jobqueue.Report, _ <-chan struct{}) (index.Summary, error) {
	h.did("settle", s)
	sum := index.Summary{Complete: true, Counts: index.Counts{Removed: len(f.Gone)}}
	return sum, commit(ctx, h.s, r, index.Commit{Added: sum.Counts, Settles: true})
}

func (h *handler) Texts(context.Context, jobqueue.Session, store.Root) ([]index.Batch, error) {
	if len(h.texts) == 0 {
		return nil, nil
	}
	return []index.Batch{{Pictures: h.texts}}, nil
}

func (h *handler) ReadTexts(_ context.Context, s jobqueue.Session, _ store.Root, b index.Batch, r *jobqueue.Report, _ <-chan struct{}) (index.Summary, error) {
	h.did("text", s)
	r.Noticed("a notice")
	return index.Summary{Complete: true, Counts: index.Counts{TextsRead: b.Len()}}, nil
}

func (h *handler) IsLasting(f jobs.Fault) bool { return f.Message == "never" }

func (h *handler) Fault(err error) jobs.Fault {
	return jobs.Fault{Code: "failed", Message: err.Error()}
}

// The same folder is one session, as urgent and as thorough as the most of its requests.
func TestSame(t *testing.T) {
	f := newFixture(t)
	one, isNew := f.submit("a", jobs.Low, false)
	if !isNew || one.State != jobs.Queued || one.Start != "a" || one.Root != f.root.ID || one.Waiting == "" {
		t.Errorf("%+v", one)
	}
	same, isNew := f.submit("a", jobs.High, true)
	if isNew || same.ID != one.ID || same.Priority != jobs.High || !same.Force || same.Revision <= one.Revision {
		t.Errorf("%+v, %v", same, isNew)
	}
	if again, isNew := f.submit("a", jobs.Low, false); isNew || again.Priority != jobs.High || !again.Force {
		t.Errorf("a less urgent request changed it: %+v", again)
	}
	other, isNew := f.submit("b", jobs.Low, false)
	if !isNew {
		t.Error("another folder is the same session")
	}
	if _, isNew, err := f.q.Submit(t.Context(), jobqueue.Request{Root: f.root.ID, Start: "b", Options: []byte(`{"prune":true}`), Priority: jobs.Low}); err != nil || !isNew {
		t.Errorf("a request with other options: %v, %v", isNew, err)
	}
	if _, _, err := f.q.Submit(t.Context(), jobqueue.Request{Root: "nosuch", Options: []byte(`{}`)}); !errors.Is(err, store.ErrNoRoot) {
		t.Error(err)
	}
	if s, err := f.q.Cancel(t.Context(), other.ID); err != nil || s.State != jobs.Cancelled || s.EndedAt.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := f.q.Cancel(t.Context(), other.ID); !errors.Is(err, jobs.ErrEnded) {
		t.Error(err)
	}
	if _, err := f.q.Cancel(t.Context(), 999); !errors.Is(err, jobs.ErrNoSession) {
		t.Error(err)
	}
	if list, err := f.q.Sessions(t.Context(), 2); err != nil || len(list) != 2 || list[1].ID != other.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if again, isNew := f.submit("b", jobs.Low, false); !isNew || again.ID == other.ID {
		t.Errorf("after its end: %+v, %v", again, isNew)
	}
}

// A request for a folder whose session has begun is another session, which waits for it: what has changed since is seen.
func TestAgain(t *testing.T) {
	f := newFixture(t)
	reading, resume := make(chan bool, 1), make(chan bool)
	h := &handler{s: f.s, files: 1, perBatch: 1, read: func(context.Context, jobqueue.Session, index.Batch, <-chan struct{}) error {
		reading <- true
		<-resume
		return nil
	}}
	f.work(f.s, f.q, h, nil)
	one, _ := f.submit("a", jobs.Low, false)
	<-reading
	second, isNew := f.submit("a", jobs.High, false)
	if !isNew || second.ID == one.ID {
		t.Fatalf("%+v", second)
	}
	if third, isNew := f.submit("a", jobs.Normal, true); isNew || third.ID != second.ID || !third.Force {
		t.Errorf("%+v", third)
	}
	if first := f.until(one.ID, func(s jobqueue.Session) bool { return s.Priority == jobs.High }); first.Force {
		t.Errorf("%+v", first)
	}
	f.until(second.ID, func(s jobqueue.Session) bool { return s.Waiting == "an earlier session of this folder has not ended" })
	close(resume)
	f.until(one.ID, in(jobs.Done))
	<-reading
	if s := f.until(second.ID, in(jobs.Done)); s.Waiting != "" || s.Runs != 1 {
		t.Errorf("%+v", s)
	}
}

// What only the machine that has walked sees is read by that machine.
func TestSeenByOne(t *testing.T) {
	f := newFixture(t)
	other, otherQueue := f.machine("two")
	must(t, other.Mount(t.Context(), f.root.ID, f.dir))
	begin := make(chan bool)
	first := &handler{s: f.s, files: 30, perBatch: 10, read: func(context.Context, jobqueue.Session, index.Batch, <-chan struct{}) error {
		<-begin // until the other machine has tried
		return nil
	}}
	f.work(f.s, f.q, first, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	f.until(one.ID, func(s jobqueue.Session) bool { return s.Walked })
	second := &handler{s: other, blind: true}
	f.work(other, otherQueue, second, nil)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		second.mu.Lock()
		tried := len(second.order)
		second.mu.Unlock()
		if tried > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the other machine does nothing")
		}
	}
	close(begin)
	if s := f.until(one.ID, in(jobs.Done)); s.Counts.Added != 30 || s.Done != 30 || s.Files != 30 {
		t.Errorf("%+v; %v, %v", s, first.order, second.order)
	}
}

// A session whose root is removed ends.
func TestRootRemoved(t *testing.T) {
	f := newFixture(t)
	one, _ := f.submit("a", jobs.Normal, false)
	_, err := f.s.RemoveRoot(t.Context(), f.dir)
	must(t, err)
	f.work(f.s, f.q, &handler{s: f.s}, nil)
	if s := f.until(one.ID, in(jobs.Failed)); s.Error.Message != store.ErrNoRoot.Error() || s.Root != "" {
		t.Errorf("%+v", s)
	}
}

// Several processes that submit the same session at once get the same one.
func TestSameAtOnce(t *testing.T) {
	f := newFixture(t)
	var mu sync.Mutex
	ids := make(map[int64]int)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			one, _, err := f.q.Submit(context.Background(), jobqueue.Request{Root: f.root.ID, Options: []byte(`{}`), Priority: jobs.Normal})
			mu.Lock()
			defer mu.Unlock()
			if ids[one.ID]++; err != nil {
				t.Error(err)
			}
		})
	}
	if all.Wait(); len(ids) != 1 {
		t.Errorf("%v", ids)
	}
}

// What is gone is settled after everything was read, and texts are read after that.
func TestParts(t *testing.T) {
	f := newFixture(t)
	h := &handler{s: f.s, files: 50, perBatch: 20, texts: make([]store.PictureID, 3)}
	f.work(f.s, f.q, h, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	s := f.until(one.ID, in(jobs.Done))
	if c := s.Counts; c.Added != 50 || c.Scanned != 57 || c.Unchanged != 7 || c.Removed != 1 || c.TextsRead != 3 || s.Files != 50 || s.Done != 50 || s.Texts != 3 || s.Runs != 1 {
		t.Errorf("%+v", s)
	}
	if fmt.Sprint(h.order) != "[walk a read a read a read a settle a conclude a text a]" || fmt.Sprint(s.Providers, s.Notices) != "[none] [a notice]" {
		t.Errorf("%v, %+v", h.order, s)
	}
	if s.TextsAt.Before(s.StartedAt) || s.EndedAt.Before(s.TextsAt) {
		t.Errorf("begun %v, texts %v, ended %v", s.StartedAt, s.TextsAt, s.EndedAt)
	}
	run, ok, err := f.s.LastRun(t.Context(), true)
	if err != nil || !ok || index.RecordOf(run).Added != 50 {
		t.Errorf("%+v, %v", run, err)
	}
}

// The most urgent session is first.
func TestOrder(t *testing.T) {
	f := newFixture(t)
	for start, p := range map[string]jobs.Priority{"low": jobs.Low, "high": jobs.High, "normal": jobs.Normal} {
		f.submit(start, p, false)
	}
	h := &handler{s: f.s}
	f.work(f.s, f.q, h, nil)
	list, err := f.q.Sessions(t.Context(), 3)
	must(t, err)
	for _, one := range list {
		f.until(one.ID, in(jobs.Done))
	}
	if h.order[0] == "walk low" || h.order[1] == "walk low" { // two walk at once
		t.Errorf("%v", h.order)
	}
}

// A job that fails is done again; a session with one that always fails ends with its error.
func TestErrors(t *testing.T) {
	f := newFixture(t)
	var tries sync.Map
	h := &handler{s: f.s, files: 30, perBatch: 10, read: func(_ context.Context, s jobqueue.Session, b index.Batch, _ <-chan struct{}) error {
		n, _ := tries.LoadOrStore(b.Items[0].Name, new(int))
		count, _ := n.(*int)
		if *count++; s.Start == "never" || *count < 3 {
			return errors.New("the disk is away")
		}
		return nil
	}}
	f.work(f.s, f.q, h, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	if s := f.until(one.ID, in(jobs.Done)); s.Counts.Added != 30 {
		t.Errorf("%+v", s)
	}
	never, _ := f.submit("never", jobs.Normal, false)
	if s := f.until(never.ID, in(jobs.Failed)); s.Error.Message != "the disk is away" || s.EndedAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

// A session that is cancelled stops at a commit, and keeps what was committed.
func TestCancel(t *testing.T) {
	f := newFixture(t)
	reading := make(chan bool, 100)
	h := &handler{s: f.s, files: 100, perBatch: 10, read: func(_ context.Context, _ jobqueue.Session, _ index.Batch, stop <-chan struct{}) error {
		reading <- true
		<-stop
		return nil
	}}
	f.work(f.s, f.q, h, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	<-reading
	if s, err := f.q.Cancel(t.Context(), one.ID); err != nil || !s.Cancelling {
		t.Errorf("%+v, %v", s, err)
	}
	if again, isNew := f.submit("a", jobs.Normal, false); !isNew || again.ID == one.ID {
		t.Error("a request joins a session that is being cancelled")
	}
	if s := f.until(one.ID, in(jobs.Cancelled)); s.Counts.Added != 1 || s.Cancelling {
		t.Errorf("%+v", s)
	}
}

// The jobs of a worker that dies return to the queue, and count once: what it does afterwards is refused.
func TestDeath(t *testing.T) {
	f := newFixture(t)
	f.s.Close() // this machine only looks
	f.s, f.q = f.machine("one")
	dying, dyingQueue := f.machine("one")
	reading := make(chan bool, 1)
	stuck := &handler{s: dying, files: 30, perBatch: 30, read: func(context.Context, jobqueue.Session, index.Batch, <-chan struct{}) error {
		reading <- true
		select {} // as a process that no longer runs
	}}
	go dyingQueue.Work(context.Background(), nil, jobqueue.Options{Handler: stuck, Everything: true, Roots: func(ctx context.Context) ([]store.Root, []store.Root, error) {
		return []store.Root{f.root}, nil, nil
	}})
	one, _ := f.submit("a", jobs.Normal, false)
	<-reading
	// All connections of the dying worker end, for good.
	begin := time.Now()
	dying.Close()
	_, err := f.s.Pool().Exec(t.Context(), "SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.pid <> pg_backend_pid()", postgres.WorkerClass)
	must(t, err)
	h := &handler{s: f.s, files: 30, perBatch: 30}
	f.work(f.s, f.q, h, nil)
	if s := f.until(one.ID, in(jobs.Done)); s.Counts.Added != 30 || s.Done != 30 {
		t.Errorf("%+v", s)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// A worker whose connections are cut goes on, and what it has committed before counts once.
func TestCut(t *testing.T) {
	f := newFixture(t)
	var once sync.Once
	h := &handler{s: f.s, files: 60, perBatch: 20, read: func(ctx context.Context, _ jobqueue.Session, _ index.Batch, _ <-chan struct{}) error {
		once.Do(func() {
			time.AfterFunc(20*time.Millisecond, func() {
				_, _ = f.s.Pool().Exec(context.Background(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			})
		})
		time.Sleep(10 * time.Millisecond)
		return nil
	}}
	f.work(f.s, f.q, h, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	if s := f.until(one.ID, func(s jobqueue.Session) bool { return s.State.HasEnded() }); s.State != jobs.Done || s.Counts.Added != 60 || s.Done != 60 {
		t.Errorf("%+v", s)
	}
}

// What a machine has found is found again by another one if no worker of the first one is left to settle it.
func TestWalkerGone(t *testing.T) {
	f := newFixture(t)
	other, otherQueue := f.machine("two")
	must(t, other.Mount(t.Context(), f.root.ID, f.dir))
	reading := make(chan bool, 10)
	first := &handler{s: f.s, files: 20, perBatch: 20, read: func(_ context.Context, _ jobqueue.Session, _ index.Batch, stop <-chan struct{}) error {
		reading <- true
		<-stop
		return nil
	}}
	stop := f.work(f.s, f.q, first, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	<-reading
	stop()
	second := &handler{s: other, files: 0}
	f.work(other, otherQueue, second, nil)
	s := f.until(one.ID, in(jobs.Done))
	if fmt.Sprint(second.order) != "[read a walk a settle a conclude a]" || s.Runs != 2 || s.Counts.Added != 20 || s.Counts.Removed != 1 {
		t.Errorf("%v, %+v", second.order, s)
	}
}

// Jobs that somebody deletes are added again.
func TestDeleted(t *testing.T) {
	f := newFixture(t)
	one, _ := f.submit("a", jobs.Normal, false)
	_, err := f.s.Pool().Exec(t.Context(), "DELETE FROM river_job")
	must(t, err)
	f.work(f.s, f.q, &handler{s: f.s, files: 3, perBatch: 1}, nil)
	if s := f.until(one.ID, in(jobs.Done)); s.Counts.Added != 3 {
		t.Errorf("%+v", s)
	}
}

// A worker in reserve works only while no other one does.
func TestReserve(t *testing.T) {
	f := newFixture(t)
	server, serverQueue := f.machine("two")
	must(t, server.Mount(t.Context(), f.root.ID, f.dir))
	reserve := &handler{s: server}
	f.work(server, serverQueue, reserve, func(o *jobqueue.Options) { o.Reserve = true })
	one, _ := f.submit("a", jobs.Normal, false)
	f.until(one.ID, in(jobs.Done))
	if ok, err := f.q.Serves(t.Context(), []store.RootID{f.root.ID}, false); err != nil || ok {
		t.Errorf("a worker in reserve serves: %v, %v", ok, err)
	}
	h := &handler{s: f.s}
	f.work(f.s, f.q, h, nil)
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		ok, err := f.q.Serves(t.Context(), []store.RootID{f.root.ID}, true)
		must(t, err)
		if ok {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no worker")
		}
	}
	time.Sleep(4 * time.Second) // until the reserve has noticed
	for i := range 5 {
		one, _ := f.submit(fmt.Sprint(i), jobs.Normal, false)
		f.until(one.ID, in(jobs.Done))
	}
	if len(h.order) != 15 || len(reserve.order) != 3 {
		t.Errorf("%v, %v", h.order, reserve.order)
	}
	if list, err := f.q.Workers(t.Context()); err != nil || len(list) != 2 || !list[0].Reserve || list[1].Host != "one" || list[1].PID != os.Getpid() || len(list[1].Roots) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}

// A root that somebody else has locked alone is waited for.
func TestLocked(t *testing.T) {
	f := newFixture(t)
	lock, err := f.s.Lock(t.Context(), f.root.ID)
	must(t, err)
	f.work(f.s, f.q, &handler{s: f.s}, nil)
	one, _ := f.submit("a", jobs.Normal, false)
	if s := f.until(one.ID, func(s jobqueue.Session) bool { return s.Waiting == "another process is indexing" }); s.State != jobs.Queued {
		t.Errorf("%+v", s)
	}
	must(t, lock.Unlock())
	f.until(one.ID, in(jobs.Done))
}

// Several workers share a batch when there are not enough for all.
func TestDivided(t *testing.T) {
	f := newFixture(t)
	var hands []*handler
	for range 3 {
		s, q := f.machine("one")
		h := &handler{s: s, files: 150, perBatch: 150, read: func(_ context.Context, _ jobqueue.Session, b index.Batch, _ <-chan struct{}) error {
			time.Sleep(time.Duration(len(b.Items)) * 10 * time.Millisecond)
			return nil
		}}
		hands = append(hands, h)
		f.work(s, q, h, nil)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		list, err := f.q.Workers(t.Context())
		must(t, err)
		ready := 0
		for _, w := range list {
			ready += len(w.Roots)
		}
		if ready == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", list)
		}
	}
	one, _ := f.submit("a", jobs.Normal, false)
	if s := f.until(one.ID, in(jobs.Done)); s.Counts.Added != 150 || s.Done != 150 {
		t.Errorf("%+v", s)
	}
	for i, h := range hands {
		if len(h.order) < 2 {
			t.Errorf("worker %d did only %v", i, h.order)
		}
	}
}
