package cli

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Before the first file is done, the bar shows how many files were found and are in progress, and no rate of 0.
func TestBarOfSlowFiles(t *testing.T) {
	var errs bytes.Buffer
	p := NewProgress(New(Streams{Err: &errs, ErrTTY: true}), "bar")
	events, end := p.Start()
	for range 10 {
		events.Found()
	}
	for range 1 + runtime.GOMAXPROCS(0) {
		events.Reading()
	}
	p.show()
	end()
	if out := errs.String(); !strings.Contains(out, fmt.Sprint(runtime.GOMAXPROCS(0), " in progress")) || !strings.Contains(out, "(0/10") || strings.Contains(out, "files/") {
		t.Errorf("%q", out)
	}
}

func TestSpeed(t *testing.T) {
	for _, c := range []struct {
		done int
		took time.Duration
		want string
	}{
		{0, time.Second, ""}, {250, 10 * time.Second, ", 25 files/s"}, {25, 10 * time.Second, ", 2.5 files/s"}, {1, 4 * time.Second, ", 15 files/min"},
		{1, time.Hour, ", 1 files/min"},
	} {
		p := Progress{done: c.done, begin: time.Now().Add(-c.took)}
		if got := p.speed(); got != c.want {
			t.Errorf("%d in %v: %q, want %q", c.done, c.took, got, c.want)
		}
	}
}
