package index_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

func (e *engine) lastRecord() index.Record {
	e.t.Helper()
	run, ok, err := e.store.LastRun(context.Background(), false)
	if err != nil || !ok || run.EndedAt.IsZero() {
		e.t.Fatalf("the last run: %+v, %v, %v", run, ok, err)
	}
	return index.RecordOf(run)
}

// TestRecord: the index records each way in which a run can end.
func TestRecord(t *testing.T) {
	e := newEngine(t)
	for i := range 40 {
		e.write(fmt.Sprintf("%d.jpg", i), fmt.Sprint(i))
	}
	e.tower.err = errors.New("out of order")
	if _, err := e.run(nil); err == nil {
		t.Fatal("a broken tower was not noticed")
	}
	if r := e.lastRecord(); r.State != index.RunFailed || !strings.Contains(r.Error, "out of order") || r.Version != 1 {
		t.Errorf("failed: %+v", r)
	}
	e.tower.err = nil
	stopped := make(chan struct{})
	close(stopped)
	if _, err := index.Run(context.Background(), e.store, e.request(), stopped); err != nil {
		t.Fatal(err)
	}
	if r := e.lastRecord(); r.State != index.RunInterrupted || r.Error != "" {
		t.Errorf("stopped: %+v", r)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	e.reader.onRead = func([]byte) { cancel() }
	if _, err := index.Run(cancelled, e.store, e.request(), nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v", err)
	}
	if r := e.lastRecord(); r.State != index.RunInterrupted || r.Error != "" {
		t.Errorf("cancelled: %+v", r)
	}
	e.reader.onRead = nil
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	if r := e.lastRecord(); r.State != index.RunComplete || r.Scanned != 40 || r.Added+r.Unchanged != 40 {
		t.Errorf("complete: %+v", r)
	}
	// The records of earlier versions have no version.
	for complete, want := range map[bool]index.RunState{true: index.RunComplete, false: index.RunInterrupted} {
		if r := index.RecordOf(store.Run{Complete: complete, Summary: `{"Complete":true,"Scanned":7}`}); r.State != want {
			t.Errorf("an earlier version's, complete %v: %+v", complete, r)
		}
	}
}

// TestDryRunObeysLimits: an estimate reads files as a run does, with the limits and the memory of the run, and without an error.
func TestDryRunObeysLimits(t *testing.T) {
	e := newEngine(t)
	for i := range 60 {
		e.write(fmt.Sprintf("%d.jpg", i), fmt.Sprint("picture ", i/2)) // each twice
	}
	dry := func(r *index.Request) { r.DryRun, r.MaxBytes = true, 4<<20 }
	sum, err := e.run(dry)
	if err != nil || sum.Pending != 60 || sum.Estimate <= 0 || sum.Failed != 0 {
		t.Fatalf("%+v, %v", sum, err)
	}
	for content, n := range e.reader.decoded {
		if n != 1 {
			t.Errorf("%q was decoded %d times", content, n)
		}
	}
	if len(e.reader.decoded) == 0 {
		t.Error("nothing was decoded")
	}
	if totals, err := e.store.Totals(context.Background()); err != nil || totals.Files != 0 {
		t.Errorf("the index has %+v, %v", totals, err)
	}
	if _, ok, err := e.store.LastRun(context.Background(), false); ok || err != nil {
		t.Errorf("a dry run is on record (%v)", err)
	}
	clear(e.reader.decoded)
	e.reader.decodeBytes = 8 << 20
	if sum, err := e.run(dry); err != nil || sum.Pending != 60 || len(e.reader.decoded) > 0 {
		t.Errorf("pictures that do not fit: %+v, %v, %d decoded", sum, err, len(e.reader.decoded))
	}
}
