package wire

import (
	"time"

	"github.com/imgsearch/imgsearch/index"
)

// Status is the machine format of status (docs/json.md).
type Status struct {
	Schema      int           `json:"schema"`
	Index       string        `json:"index"`
	IndexSchema int           `json:"index_schema"`
	IndexBytes  int64         `json:"index_bytes"`
	Roots       []string      `json:"roots"`
	Files       int           `json:"files"`
	Pictures    int           `json:"pictures"`
	PhotoBytes  int64         `json:"photo_bytes"`
	Failures    int           `json:"failures"`
	Model       *ModelStatus  `json:"model"`
	Models      []ModelStatus `json:"models"`
	Text        TextStatus    `json:"text"`
	// Labels is null if there are no labels.
	Labels  *LabelStatus `json:"labels"`
	LastRun *LastRun     `json:"last_run"`
	// UnreachableRoots are the roots that the last complete run over them could not reach.
	UnreachableRoots []string `json:"unreachable_roots"`
	// Runs are the last runs that have ended, newest first.
	Runs        []EndedRun   `json:"runs"`
	FailureList []FailedFile `json:"failure_list,omitempty"`
	// Workers are those of an index in a database that run, and Sessions what they have to do.
	Workers  []WorkerStatus  `json:"workers,omitempty"`
	Sessions []SessionStatus `json:"sessions,omitempty"`
}

// WorkerStatus is a worker of an index that several machines share.
type WorkerStatus struct {
	Host     string `json:"host"`
	PID      int    `json:"pid"`
	Version  string `json:"version"`
	Provider string `json:"provider"`
	// Roots are the paths of the roots that it can reach.
	Roots []string `json:"roots"`
	// Reserve means that it works only while no other worker does, as a server.
	Reserve   bool   `json:"reserve"`
	StartedAt string `json:"started_at"`
}

// SessionStatus is a session of such an index that has not ended.
type SessionStatus struct {
	ID     int64  `json:"id"`
	Folder string `json:"folder"`
	State  string `json:"state"`
	// Found is the number of files found so far that must be read, Read that of those that are.
	Found int `json:"found"`
	Read  int `json:"read"`
	// Waiting is why nobody works on it; null if that is not so.
	Waiting *string `json:"waiting"`
}

// ModelStatus is a model, and how many pictures have its vectors.
type ModelStatus struct {
	Name      string `json:"name"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
	Dim       int    `json:"dim"`
	Embedded  int    `json:"embedded"`
	// Role is "default" for the model that searches use, "wanted" for the one that they will use when it is complete, else "".
	Role string `json:"role"`
}

// TextStatus says how much of the text in the pictures has been read.
type TextStatus struct {
	// OCR is auto, on or off: the setting of `index --ocr`.
	OCR   string `json:"ocr"`
	Model string `json:"model"`
	// Read is the number of pictures that the model has read, WithText the number of those that have text.
	Read     int `json:"read"`
	WithText int `json:"with_text"`
}

// LabelStatus says how far the index is labelled.
type LabelStatus struct {
	Labels int `json:"labels"`
	// Compared is the number of pictures that were compared with the labels, Labelled the number of those that have one.
	Compared int `json:"compared"`
	Labelled int `json:"labelled"`
	// Current is false if the labels are those of another model than searches use.
	Current bool `json:"current"`
}

// LastRun is the last run, which may still be running.
type LastRun struct {
	Started time.Time `json:"-"`

	StartedAt string  `json:"started_at"`
	EndedAt   *string `json:"ended_at"`
	Complete  bool    `json:"complete"`
	// State is complete, interrupted, time_up, failed, running, crashed, or unknown if the index's lock does not show which of the last two.
	State string `json:"state"`
	// Error is why a failed run failed.
	Error    string `json:"error,omitempty"`
	Provider string `json:"provider"`
	Embedded int    `json:"embedded"`
}

// FailedFile is a file that could not be read.
type FailedFile struct {
	Path     string `json:"path"`
	PathB64  []byte `json:"path_b64,omitempty"`
	Stage    string `json:"stage"`
	Reason   string `json:"reason"`
	FailedAt string `json:"failed_at"`
}

// EndedRun is a run that has ended.
type EndedRun struct {
	StartedAt string `json:"started_at"`
	EndedAt   string `json:"ended_at"`
	State     string `json:"state"`
	// Error is why a failed run failed.
	Error    string `json:"error,omitempty"`
	Provider string `json:"provider"`
	Embedded int    `json:"embedded"`
	// Counts is nil for a run of a version that did not store them.
	Counts *RunCounts `json:"counts,omitempty"`
}

// RunCounts are the counts of a run, and its duration.
type RunCounts struct {
	index.Counts

	ElapsedMS int64 `json:"elapsed_ms"`
}
