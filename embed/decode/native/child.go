package native

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// child is a running child process, as its parent sees it.
type child struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	timer *time.Timer // ends it when it has waited for too long
}

// start runs a program as a child. It ends when its input is closed, and so when this process is gone.
func start(program string, args []string) (*child, error) {
	cmd := exec.CommandContext(context.Background(), program, args...) // it serves many calls
	cmd.Args[0] = "imgsearch"
	// glibc reserves 64 MiB of address space for the allocations of each thread, which would count towards the limit.
	cmd.Env = append(os.Environ(), "MALLOC_ARENA_MAX=2")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChild, err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChild, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoChild, err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReaderSize(out, maxLine)}, nil
}

// ask sends a request and reads the reply. errDied means that the child cannot be used any longer.
func (c *child) ask(j Job) (a reply, err error) {
	ended := make(chan struct{})
	defer close(ended)
	go c.killAfter(j.timeLimit(), ended)
	if err := send(c.in, request{Job: j, Size: int64(len(j.Data))}, j.Data); err != nil {
		return a, errDied
	}
	line, err := c.out.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		return a, errDied
	}
	switch {
	case a.Missing:
		return a, fmt.Errorf("%w: %s", ErrMissing, a.Error)
	case a.Error != "":
		return a, errors.New(a.Error)
	case len(j.Data) == 0:
		return a, nil
	}
	if err := a.check(a.Size, j.MaxPixels); err != nil {
		return a, errDied
	}
	a.Pix = make([]byte, a.Size)
	if _, err := io.ReadFull(c.out, a.Pix); err != nil {
		return a, errDied
	}
	return a, nil
}

// killAfter kills the child unless ended is closed in time. Time in which this process was stopped too does not count.
func (c *child) killAfter(limit time.Duration, ended <-chan struct{}) {
	step := min(limit, time.Second)
	tick := time.NewTicker(step)
	defer tick.Stop()
	for passed := time.Duration(0); passed < limit; passed += step {
		select {
		case <-ended:
			return
		case <-tick.C:
		}
	}
	_ = c.cmd.Process.Kill()
}

// end ends the child and waits for it, so that it leaves no zombie.
func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill() // it has nothing to finish
	_ = c.cmd.Wait()
}
