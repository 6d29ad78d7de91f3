package jobqueue

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/imgsearch/imgsearch/index/jobs"
)

// jobArgs are the arguments of a job, as River and its user interface show them.
type jobArgs struct {
	kind    string
	Session int64  `json:"session"`
	Batch   int64  `json:"batch,omitempty"`
	Root    string `json:"root"`
	Files   int    `json:"files,omitempty"`
}

// Kind is the kind of the job. It names the root, since a worker takes only the jobs of roots that it sees.
func (a jobArgs) Kind() string { return a.kind }

func walkKind(root int32) string { return fmt.Sprintf("walk-%d", root) }
func readKind(root int32) string { return fmt.Sprintf("read-%d", root) }
func textKind(root int32) string { return fmt.Sprintf("text-%d", root) }

// settleKind names the machine too: it knows on which of its disks files were.
func settleKind(root int32, host string) string {
	return fmt.Sprintf("settle-%d-%08x", root, digest(host))
}

// hostWalkKind is walkKind for a session that a machine with a worker has submitted: it walks what it sees itself.
func hostWalkKind(root int32, host string) string {
	return fmt.Sprintf("walk-%d-%08x", root, digest(host))
}

// hostReadKind is readKind for files that only this machine is known to see.
func hostReadKind(root int32, host string) string {
	return fmt.Sprintf("read-%d-%08x", root, digest(host))
}

// The values of the column batches.kind.
const (
	readBatch = "read"
	textBatch = "text"
)

// batchKind returns the kind of the job of a batch. own means that only the walker may read it.
func batchKind(root int32, walker, kind string, own bool) string {
	switch {
	case own:
		return hostReadKind(root, walker)
	case kind == textBatch:
		return textKind(root)
	}
	return readKind(root)
}

func digest(host string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(host)) // it never fails
	return h.Sum32()
}

// The queues: a worker walks and reads at the same time.
const (
	walkQueue = "walk"
	readQueue = "read"
)

func queueOf(kind string) string {
	if strings.HasPrefix(kind, "read-") || strings.HasPrefix(kind, "text-") {
		return readQueue
	}
	return walkQueue
}

// maxAttempts is more than the times that workers die in the same job; errors end it earlier (maxErrors).
const maxAttempts = 1000

// urgency is the priority in River, 1 to 3.
func urgency(p jobs.Priority) int {
	for i, one := range jobs.Priorities {
		if one == p {
			return i + 1
		}
	}
	return len(jobs.Priorities)
}

// jobPriority returns the priority of a job of a session: texts come after the files of equally urgent sessions.
func (r sessionRow) jobPriority(kind string) int {
	if strings.HasPrefix(kind, "text-") {
		return r.priority + 1
	}
	return r.priority
}
