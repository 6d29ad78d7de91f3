// Package probe tries in a child process what may crash a process: loading the runtime library, initialising a provider,
// running a tower on it. The child is this program, executed again, never forked; it reads a Request and answers with
// lines of JSON. However it ends, the parent gets a diagnosis. The package must not know what the child does.
package probe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed/provider"
)

// Command is the hidden subcommand that a child runs.
const Command = "probe-provider"

// CrashCode is the exit code of a child whose native code raised a fatal signal; its stderr then ends with the line "crashed: SIGNAL".
const CrashCode = 99

// CrashMessage begins that line.
const CrashMessage = "crashed: "

// Request says what a child should try.
type Request struct {
	// Library is the runtime library's path.
	Library string `json:"library"`
	// Model is a model's name or folder; "": only the library is loaded.
	Model string `json:"model,omitempty"`
	// Tower is provider.Visual or provider.Textual.
	Tower string `json:"tower,omitempty"`
	// Provider and Variant say what the tower should run on; it always runs on the processor too, for comparison.
	Provider provider.Name `json:"provider,omitempty"`
	Variant  string        `json:"variant,omitempty"`
	// Batch is the static batch size on the provider.
	Batch int `json:"batch,omitempty"`
	// Rounds is how often the speed is measured; 0: it is not.
	Rounds int `json:"rounds,omitempty"`
	// Cache is the folder for the provider's compiled models; "": none.
	Cache string `json:"cache,omitempty"`
}

// Speed is how fast a tower runs.
type Speed struct {
	// LoadMS is the time from the start of loading to the end of the first run, in milliseconds.
	LoadMS float64 `json:"load_ms"`
	// PerSecond is the number of pictures or texts a second; 0 where it was not measured.
	PerSecond float64 `json:"per_s"`
}

// Result is what a child that finished has found.
type Result struct {
	// Runtime is the library's version.
	Runtime string `json:"runtime"`
	// CPU and Provider are the speeds; Provider is zero without one.
	CPU      Speed `json:"cpu"`
	Provider Speed `json:"provider"`
	// Batch is the batch size that the provider ran at.
	Batch int `json:"batch"`
	// Cosine is the least similarity between the provider's vectors and the processor's.
	Cosine float64 `json:"cosine"`
	// Canary is the processor's vector of the first trial picture.
	Canary []float32 `json:"canary,omitempty"`
}

// Line is one line of a child's answer: the stage that it has reached, the result, or the error that ended it.
type Line struct {
	Stage  string  `json:"stage,omitempty"`
	Result *Result `json:"result,omitempty"`
	Error  string  `json:"error,omitempty"`
}

// The stages of a child.
const (
	StageStart   = "starting"
	StageLibrary = "loading the runtime library"
	StageModel   = "reading the model"
	StageCPU     = "running the model on the processor"
	StageAppend  = "choosing the provider"
	StageSession = "initialising the provider with the model"
	StageRun     = "running the model on the provider"
)

// Outcome is how a child ended.
type Outcome struct {
	// Result is nil unless the child finished without an error.
	Result *Result
	// Stage is the last stage that it reached.
	Stage string
	// Error is the error that it reported, or how it died; "" if there is a result.
	Error string
	// Signal is the signal that ended it, such as "SIGABRT"; "": none.
	Signal string
	// TimedOut reports whether it was killed because it took too long.
	TimedOut bool
	// Stderr are the last lines of its error stream.
	Stderr []string
	// Cause is the known cause, if any.
	Cause provider.Cause
	// Took is how long it ran.
	Took time.Duration
}

// IsProvidersFault reports whether the child had reached the provider when it ended: earlier failures do not count against the provider.
func (o Outcome) IsProvidersFault() bool {
	return o.Stage == StageAppend || o.Stage == StageSession || o.Stage == StageRun
}

// Died reports whether the child did not end by itself.
func (o Outcome) Died() bool { return o.Signal != "" || o.TimedOut }

// Reason says in one line why there is no result.
func (o Outcome) Reason() string {
	if o.Result != nil {
		return ""
	}
	text := o.Error
	if o.Stage != "" {
		text += " while " + o.Stage
	}
	if o.Cause.Text != "" {
		text += ": " + o.Cause.Text
	} else if last := o.lastLine(); o.Died() && last != "" {
		text += ": " + last
	}
	return text
}

func (o Outcome) lastLine() string {
	if len(o.Stderr) == 0 {
		return ""
	}
	return o.Stderr[len(o.Stderr)-1]
}

// stderrLines is how many of the last lines of a child's stderr are kept: what a native library prints before it dies.
const stderrLines = 12

// Run tries a request in a child: program is the executable, which must support Command. The child is killed when the context
// ends, or after limit. An error means that the child could not be started.
func Run(ctx context.Context, program string, r Request, limit time.Duration) (Outcome, error) {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	in, err := json.Marshal(r)
	if err != nil {
		return Outcome{}, err
	}
	c := exec.CommandContext(ctx, program, Command)
	c.Args[0] = "imgsearch"
	// The child ends when its input is closed, and so when this process is gone.
	stdin, err := c.StdinPipe()
	if err != nil {
		return Outcome{}, err
	}
	c.WaitDelay = time.Second // a grandchild may keep the pipes open
	out := head{max: maxAnswer}
	errs := tail{max: stderrLines}
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		return Outcome{}, fmt.Errorf("start a child process: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _ = stdin.Write(append(in, '\n')) // a child that is already gone has reported why
		ended <- c.Wait()
	}()
	select {
	case err = <-ended:
	case <-after(ctx, unkillableWait): // stuck in the kernel, in a driver
		err = errUnkillable
	}
	o := Outcome{Stage: StageStart, Took: time.Since(begin), Stderr: errs.lines()}
	o.read(out.reader())
	var state *os.ProcessState
	if !errors.Is(err, errUnkillable) {
		state = c.ProcessState
	}
	o.conclude(ctx, err, state, limit)
	if o.Result == nil {
		o.Cause = provider.Explain(strings.Join(append([]string{o.Error, o.Signal}, o.Stderr...), "\n"))
	}
	return o, nil
}

// unkillableWait is how long a child that was killed may take to exit.
const unkillableWait = 2 * time.Second

var errUnkillable = errors.New("it cannot be killed")

// after returns a channel that is closed when d has passed since the end of a context.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	fired := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(fired) }) })
	return fired
}

// read parses the child's answer.
func (o *Outcome) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l Line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // a native library wrote to the output
		}
		if l.Stage != "" {
			o.Stage = l.Stage
		}
		if l.Error != "" {
			o.Error = l.Error
		}
		if l.Result != nil {
			o.Result = l.Result
		}
	}
}

// conclude records how the child ended. A result counts even if the child died after it, while the runtime cleaned up.
func (o *Outcome) conclude(ctx context.Context, err error, state *os.ProcessState, limit time.Duration) {
	switch {
	case o.Result != nil && o.Error == "":
		return
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		o.TimedOut = true
		o.Error = fmt.Sprintf("no answer within %v", limit.Round(time.Second))
	case ctx.Err() != nil:
		o.Error = ctx.Err().Error()
	case state == nil:
		o.Error = err.Error()
	case state.ExitCode() == CrashCode && strings.HasPrefix(o.lastLine(), CrashMessage):
		o.Signal = strings.TrimPrefix(o.lastLine(), CrashMessage)
		o.Stderr = o.Stderr[:len(o.Stderr)-1]
		o.Error = "it crashed (" + o.Signal + ")"
	case signalOf(state) != "":
		o.Signal = signalOf(state)
		o.Error = "it was killed by " + o.Signal
	case o.Error != "":
	case err != nil:
		o.Error = fmt.Sprintf("the child process ended without an answer (%v)", err)
	default:
		o.Error = "the child process ended without an answer"
	}
	o.Result = nil
}

// maxAnswer bounds a child's answer, including what a native library prints in between.
const maxAnswer = 4 << 20

// head keeps the first bytes that are written to it.
type head struct {
	max int
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf.Write(p[:min(len(p), h.max-h.buf.Len())])
	return len(p), nil
}

func (h *head) reader() io.Reader {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.NewReader(h.buf.Bytes())
}

// tail keeps the last lines that are written to it.
type tail struct {
	max  int
	mu   sync.Mutex
	buf  []byte
	kept []string
}

// maxLine bounds a line: longer ones are cut.
const maxLine = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	for {
		i := bytes.IndexByte(t.buf, '\n')
		if i < 0 {
			break
		}
		t.keep(t.buf[:i])
		t.buf = t.buf[i+1:]
	}
	if len(t.buf) > maxLine {
		t.keep(t.buf)
		t.buf = nil
	}
	return len(p), nil
}

func (t *tail) keep(line []byte) {
	text := strings.TrimSpace(string(line[:min(len(line), maxLine)]))
	if text == "" {
		return
	}
	t.kept = append(t.kept, text)
	if len(t.kept) > t.max {
		t.kept = t.kept[1:]
	}
}

func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.buf) > 0 {
		t.keep(t.buf)
		t.buf = nil
	}
	return t.kept
}
