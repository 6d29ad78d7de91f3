package words

import (
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/internal/english"
)

// Worker describes what happens to a worker (app.WorkerWords).
type Worker struct{ Door Door }

// Fault describes an error.
func (w Worker) Fault(err error) jobs.Fault { return Fault(err, w.Door) }

// IsLasting reports whether a fault is that of a request, so that trying again does not help.
func (Worker) IsLasting(f jobs.Fault) bool { return f.Code == string(Usage) }

// Notice describes a notice, on one line.
func (w Worker) Notice(n index.Notice) string { return english.OneLine(Notice(n, w.Door).Sentence) }

// Path returns a path as users read it.
func (Worker) Path(path string) string { return Path(path) }
