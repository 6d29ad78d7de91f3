// Package jobstest tests implementations of jobs.Queue.
package jobstest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/jobs"
)

// patience limits how long a test waits for what must happen.
const patience = 20 * time.Second

// Run tests the queues that open returns: of the same sessions each time, as a process that was started again would.
func Run(t *testing.T, open func(t *testing.T) func() jobs.Queue) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open func() jobs.Queue)
	}{
		{"the same folders are one session", testSame},
		{"the most urgent session is first, then the oldest", testOrder},
		{"a more urgent session interrupts, and the other one continues", testInterrupt},
		{"a session that waits is cancelled at once", testCancelWaiting},
		{"a session that runs is cancelled when its work has stopped", testCancelRunning},
		{"sessions survive the process", testSurvive},
		{"stopping leaves the session in the queue", testStop},
		{"work that cannot begin waits", testLater},
		{"a failure is kept", testFailure},
		{"a watcher sees each revision", testAfter},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func submit(t *testing.T, q jobs.Queue, r jobs.Request) jobs.Session {
	t.Helper()
	s, _, err := q.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// working works on a queue until the test or the returned function ends it.
func working(t *testing.T, q jobs.Queue, work jobs.Work) (stop func()) {
	ended := make(chan struct{})
	done := make(chan error, 1)
	go func() { done <- q.Work(context.Background(), ended, work) }()
	stop = sync.OnceFunc(func() {
		close(ended)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Error("work does not stop")
		}
	})
	t.Cleanup(stop)
	return stop
}

// closing returns a function that closes a queue.
func closing(t *testing.T, q jobs.Queue) func() {
	return func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// until waits for a session to fulfil a condition.
func until(t *testing.T, q jobs.Queue, id int64, is func(jobs.Session) bool) jobs.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for revision := int64(0); ; {
		s, err := q.After(ctx, id, revision)
		if err != nil {
			t.Fatalf("session %d stays %+v: %v", id, s, err)
		}
		if is(s) {
			return s
		}
		revision = s.Revision
	}
}

func in(state jobs.State) func(jobs.Session) bool {
	return func(s jobs.Session) bool { return s.State == state }
}

// untilStopped is work that lasts until it is stopped.
func untilStopped(_ context.Context, _ jobs.Session, stop <-chan struct{}, _ func(jobs.Progress)) error {
	<-stop
	return jobs.ErrStopped
}

func testSame(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	one := submit(t, q, jobs.Request{Dirs: []string{"/b", "/a"}, Priority: jobs.Low})
	same, isNew, err := q.Submit(t.Context(), jobs.Request{Dirs: []string{"/a", "/b"}, Priority: jobs.High, Force: true})
	if err != nil || isNew || same.ID != one.ID || same.Priority != jobs.High || !same.Force {
		t.Errorf("%+v, %v, %v", same, isNew, err)
	}
	if same = submit(t, q, jobs.Request{Dirs: []string{"/a", "/b"}, Priority: jobs.Low}); same.Priority != jobs.High || !same.Force {
		t.Errorf("a less urgent request changed it: %+v", same)
	}
	if other := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Low}); other.ID == one.ID {
		t.Error("other folders are the same session")
	}
	working(t, q, func(context.Context, jobs.Session, <-chan struct{}, func(jobs.Progress)) error { return nil })
	until(t, q, one.ID, in(jobs.Done))
	if again, isNew, err := q.Submit(t.Context(), jobs.Request{Dirs: []string{"/a", "/b"}, Priority: jobs.Low}); err != nil || !isNew || again.ID == one.ID {
		t.Errorf("after its end: %+v, %v, %v", again, isNew, err)
	}
}

func testOrder(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	var ids []int64
	for _, r := range []jobs.Request{
		{Dirs: []string{"/1"}, Priority: jobs.Low}, {Dirs: []string{"/2"}, Priority: jobs.Normal}, {Dirs: []string{"/3"}, Priority: jobs.High},
		{Dirs: []string{"/4"}, Priority: jobs.Normal},
	} {
		ids = append(ids, submit(t, q, r).ID)
	}
	var mu sync.Mutex
	var order []int64
	working(t, q, func(_ context.Context, s jobs.Session, _ <-chan struct{}, _ func(jobs.Progress)) error {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s.ID)
		return nil
	})
	until(t, q, ids[0], in(jobs.Done))
	if want := []int64{ids[2], ids[1], ids[3], ids[0]}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	list, err := q.List(t.Context(), 2)
	if err != nil || len(list) != 2 || list[0].ID != ids[3] || list[1].ID != ids[2] {
		t.Errorf("the newest two are %+v, %v", list, err)
	}
}

func testInterrupt(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	low := submit(t, q, jobs.Request{Dirs: []string{"/low"}, Priority: jobs.Low})
	working(t, q, func(ctx context.Context, s jobs.Session, stop <-chan struct{}, report func(jobs.Progress)) error {
		if s.ID == low.ID && s.Runs == 1 {
			report(jobs.Progress{Added: 7})
			return untilStopped(ctx, s, stop, report)
		}
		return nil
	})
	until(t, q, low.ID, in(jobs.Running))
	submit(t, q, jobs.Request{Dirs: []string{"/low2"}, Priority: jobs.Low})
	high := submit(t, q, jobs.Request{Dirs: []string{"/high"}, Priority: jobs.High})
	ended := until(t, q, high.ID, in(jobs.Done))
	s := until(t, q, low.ID, in(jobs.Done))
	if s.Runs != 2 || s.Progress.Added != 7 || s.EndedAt.Before(ended.EndedAt) {
		t.Errorf("%+v", s)
	}
}

func testCancelWaiting(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	s := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Normal})
	if s, err := q.Cancel(t.Context(), s.ID); err != nil || s.State != jobs.Cancelled || s.EndedAt.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := q.Cancel(t.Context(), s.ID); !errors.Is(err, jobs.ErrEnded) {
		t.Errorf("again: %v", err)
	}
	if _, err := q.Cancel(t.Context(), s.ID+1); !errors.Is(err, jobs.ErrNoSession) {
		t.Errorf("another: %v", err)
	}
}

func testCancelRunning(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	s := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Normal})
	working(t, q, untilStopped)
	until(t, q, s.ID, in(jobs.Running))
	if s, err := q.Cancel(t.Context(), s.ID); err != nil || !s.Cancelling {
		t.Errorf("%+v, %v", s, err)
	}
	if again := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Normal}); again.ID == s.ID {
		t.Error("a request joins a session that is being cancelled")
	}
	if s := until(t, q, s.ID, in(jobs.Cancelled)); s.Cancelling || s.EndedAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

func testSurvive(t *testing.T, open func() jobs.Queue) {
	q := open()
	s := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.High, Force: true})
	stop := working(t, q, untilStopped)
	until(t, q, s.ID, in(jobs.Running))
	stop()
	closing(t, q)()
	q = open()
	t.Cleanup(closing(t, q))
	again, err := q.Session(t.Context(), s.ID)
	if err != nil || again.State != jobs.Queued || !slices.Equal(again.Dirs, s.Dirs) || again.Priority != jobs.High || !again.Force || again.Runs != 1 {
		t.Errorf("%+v, %v", again, err)
	}
}

func testStop(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	s := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Normal})
	stop := working(t, q, untilStopped)
	until(t, q, s.ID, in(jobs.Running))
	stop()
	if s, err := q.Session(t.Context(), s.ID); err != nil || s.State != jobs.Queued {
		t.Errorf("%+v, %v", s, err)
	}
}

func testLater(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	s := submit(t, q, jobs.Request{Dirs: []string{"/a"}, Priority: jobs.Normal})
	tries := 0
	working(t, q, func(_ context.Context, _ jobs.Session, _ <-chan struct{}, report func(jobs.Progress)) error {
		if tries++; tries < 3 {
			return &jobs.LaterError{Reason: "another process is indexing"}
		}
		report(jobs.Progress{})
		return nil
	})
	if s := until(t, q, s.ID, func(s jobs.Session) bool { return s.Waiting != "" }); s.State != jobs.Queued || s.Waiting != "another process is indexing" {
		t.Errorf("%+v", s)
	}
	if s := until(t, q, s.ID, in(jobs.Done)); s.Waiting != "" || s.Runs != 1 {
		t.Errorf("%+v", s)
	}
}

func testFailure(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	want := jobs.Fault{Code: "model", Message: "the model is damaged", Hint: "download it again"}
	s := submit(t, q, jobs.Request{Priority: jobs.Normal})
	working(t, q, func(context.Context, jobs.Session, <-chan struct{}, func(jobs.Progress)) error {
		return &jobs.FailedError{Fault: want}
	})
	if s := until(t, q, s.ID, in(jobs.Failed)); s.Error != want || s.EndedAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

func testAfter(t *testing.T, open func() jobs.Queue) {
	q := open()
	t.Cleanup(closing(t, q))
	s := submit(t, q, jobs.Request{Priority: jobs.Normal})
	next := make(chan struct{})
	working(t, q, func(_ context.Context, _ jobs.Session, _ <-chan struct{}, report func(jobs.Progress)) error {
		for i := range 3 {
			<-next
			report(jobs.Progress{Added: i + 1})
		}
		<-next
		return nil
	})
	revision := until(t, q, s.ID, in(jobs.Running)).Revision
	for i := range 3 {
		next <- struct{}{}
		s, err := q.After(t.Context(), s.ID, revision)
		if err != nil || s.Progress.Added != i+1 || s.Revision <= revision {
			t.Fatalf("%d: %+v, %v", i, s, err)
		}
		revision = s.Revision
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := q.After(ctx, s.ID, revision); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a change: %v", err)
	}
	next <- struct{}{}
	if s, err := q.After(t.Context(), s.ID, revision); err != nil || s.State != jobs.Done {
		t.Errorf("%+v, %v", s, err)
	}
}
