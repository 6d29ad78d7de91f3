// Package probe tries in a child process what may kill a process: loading the runtime library, initialising a provider,
// running a tower on it. The child is this program, executed afresh, never forked; it reads a Request and answers with
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

// CrashCode is what a child exits with whose native code raised a fatal signal; the line "crashed: SIGNAL" ends its stderr.
const CrashCode = 99

// CrashMessage begins that line.
const CrashMessage = "crashed: "

// Request is what a child is to try.
type Request struct {
	// Library is the runtime library's path.
	Library string `json:"library"`
	// Model is a model's name or folder; "": only the library is loaded.
	Model string `json:"model,omitempty"`
	// Tower is provider.Visual or provider.Textual.
	Tower string `json:"tower,omitempty"`
	// Provider and Variant are what the tower is to run on; the processor for comparison is run in any case.
	Provider provider.Name `json:"provider,omitempty"`
	Variant  string        `json:"variant,omitempty"`
	// Batch is the static batch size on the provider.
	Batch int `json:"batch,omitempty"`
	// Rounds is how often the speed is measured; 0: it is not.
	Rounds int `json:"rounds,omitempty"`
	// Cache is the folder for the provider's compiled models; "": none.
	Cache string `json:"cache,omitempty"`
}

// Speed is what running costs.
type Speed struct {
	// LoadMS is the time from the start of loading to the end of the first run, in milliseconds.
	LoadMS float64 `json:"load_ms"`
	// PerSecond is the number of pictures or texts a second; 0 where it was not measured.
	PerSecond float64 `json:"per_s"`
}

// Result is what a child found that came to its end.
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

// Line is one line of a child's answer: where it has come to, the result, or the error that ended it.
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
	// Result is nil unless it came to its end without an error.
	Result *Result
	// Stage is what it did last.
	Stage string
	// Error is its own word, or how it died; "" where there is a result.
	Error string
	// Signal is the signal that ended it, as "SIGABRT"; "": none.
	Signal string
	// TimedOut tells that it was ended because it took too long.
	TimedOut bool
	// Stderr are the last lines of its error stream.
	Stderr []string
	// Cause is what is known of all that.
	Cause provider.Cause
	// Took is how long it ran.
	Took time.Duration
}

// IsProvidersFault tells that the child had come to the provider when it ended: what came before says nothing against it.
func (o Outcome) IsProvidersFault() bool {
	return o.Stage == StageAppend || o.Stage == StageSession || o.Stage == StageRun
}

// Died tells that the child came to no end of its own.
func (o Outcome) Died() bool { return o.Signal != "" || o.TimedOut }

// Reason says in a line why there is no result.
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

// stderrLines is how many of the last lines of a child's errors are kept: what a native library says before it dies.
const stderrLines = 12

// Run tries a request in a child: program is the executable, which answers to Command. The context's end, and limit, end
// the child. An error is one of starting it.
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
	// The child ends when its input does: when this process is gone.
	stdin, err := c.StdinPipe()
	if err != nil {
		return Outcome{}, err
	}
	c.WaitDelay = time.Second // a grandchild may hold the pipes
	out := head{max: maxAnswer}
	errs := tail{max: stderrLines}
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		return Outcome{}, fmt.Errorf("start a child process: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		_, _ = stdin.Write(append(in, '\n')) // a child that is gone already has said why
		ended <- c.Wait()
	}()
	select {
	case err = <-ended:
	case <-after(ctx, unkillableWait): // in the kernel, where a driver holds it
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

// unkillableWait is how long a child that was killed may take to go.
const unkillableWait = 2 * time.Second

var errUnkillable = errors.New("it cannot be killed")

// after fires so long after a context's end.
func after(ctx context.Context, d time.Duration) <-chan struct{} {
	fired := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(d, func() { close(fired) }) })
	return fired
}

// read takes over the child's answer.
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

// conclude says how the child ended. A result counts even where it died behind it, in the runtime's own clearing up.
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
		o.Error = "it was ended by " + o.Signal
	case o.Error != "":
	case err != nil:
		o.Error = fmt.Sprintf("the child process ended without an answer (%v)", err)
	default:
		o.Error = "the child process ended without an answer"
	}
	o.Result = nil
}

// maxAnswer bounds a child's answer, and what a native library prints among it.
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

// maxLine bounds a line: what a library writes without an end is cut.
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
