package jobqueue

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/jobs/jobstest"
	"github.com/imgsearch/imgsearch/index/store"
)

func TestQueue(t *testing.T) {
	defer func(d time.Duration) { retryAfter = d }(retryAfter)
	retryAfter = 10 * time.Millisecond
	jobstest.Run(t, func(t *testing.T) func() jobs.Queue {
		path := filepath.Join(t.TempDir(), "i.jobs.db")
		return func() jobs.Queue {
			q, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
	})
}

// TestTaken checks that a queue has one process at a time.
func TestTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.jobs.db")
	q, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, jobs.ErrTaken) {
		t.Errorf("a second one: %v", err)
	}
	q.Close()
	if q, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	q.Close()
}

// TestDamaged checks that a file that is no queue is refused and stays as it is.
func TestDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.jobs.db")
	if err := os.WriteFile(path, []byte("these are not sessions, but the words of somebody else"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	if _, err := Open(t.Context(), path); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("%v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the file was changed")
	}
}

// TestEndedAreFew checks that only the newest ended sessions are kept, and that waiting ones are limited.
func TestEndedAreFew(t *testing.T) {
	q, err := Open(t.Context(), filepath.Join(t.TempDir(), "i.jobs.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.db.ExecContext(t.Context(), "PRAGMA synchronous=OFF"); err != nil {
		t.Fatal(err)
	}
	for range maxEnded + 20 {
		s, _, err := q.Submit(t.Context(), jobs.Request{Priority: jobs.Low})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := q.Cancel(context.Background(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
	list, err := q.List(t.Context(), 10*maxEnded)
	if err != nil || len(list) < maxEnded || len(list) > maxEnded+2 {
		t.Errorf("%d sessions are kept, %v", len(list), err)
	}
}
