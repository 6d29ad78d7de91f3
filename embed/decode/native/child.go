package native

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a child process: %w", err)
	}
	return &child{cmd: cmd, in: in, out: bufio.NewReaderSize(out, maxLine)}, nil
}

// ask sends a request and reads the reply. errDied means that the child cannot be used any longer.
func (c *child) ask(j Job) (a reply, err error) {
	limit := time.AfterFunc(j.timeLimit(), func() { _ = c.cmd.Process.Kill() })
	defer limit.Stop()
	if err := send(c.in, request{Job: j, Size: int64(len(j.Data))}, j.Data); err != nil {
		return a, fmt.Errorf("%w: %w", errDied, err)
	}
	line, err := c.out.ReadSlice('\n')
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	if err != nil {
		return a, fmt.Errorf("%w: %w", errDied, err)
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
		return a, fmt.Errorf("%w: %w", errDied, err)
	}
	a.Pix = make([]byte, a.Size)
	if _, err := io.ReadFull(c.out, a.Pix); err != nil {
		return a, fmt.Errorf("%w: %w", errDied, err)
	}
	return a, nil
}

// end ends the child and waits for it, so that it leaves no zombie.
func (c *child) end() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill() // it has nothing to finish
	_ = c.cmd.Wait()
}
