// Package probe is the hidden command that child processes run, to try code that may crash. It must not know why it is tried.
package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/internal/words"
)

// New returns the hidden command that child processes run (package probe). It may end in any way.
func New(p *cli.Program) *cobra.Command {
	return &cobra.Command{
		Use:    probe.Command,
		Short:  "Try a provider (imgsearch runs this itself, in a child process)",
		Hidden: true,
		Args:   cli.NoArgs,
		RunE:   func(*cobra.Command, []string) error { return answer(p) },
	}
}

func answer(p *cli.Program) error {
	var r probe.Request
	in := bufio.NewReader(p.In)
	request, err := in.ReadBytes('\n')
	if err == nil || errors.Is(err, io.EOF) {
		err = json.Unmarshal(request, &r)
	}
	if err != nil {
		return cli.Usage("imgsearch runs this command itself", "read the request: %w", err)
	}
	// The parent keeps the other end open while it lives. Hanging native code does not block this goroutine.
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(cli.ExitFailed)
	}()
	say := func(l probe.Line) error {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		// Native code may have printed an unfinished line.
		_, err = fmt.Fprintf(p.Out, "\n%s\n", data)
		return err
	}
	o := embed.RuntimeOptions{}
	disarm, err := guard.Arm(guard.Watch{Message: probe.CrashMessage, Suffix: "\n", ExitCode: probe.CrashCode})
	if err != nil {
		return err
	}
	defer disarm()
	found, err := embed.Examine(o, r, p.App.ReadSpec, func(stage string) {
		_ = say(probe.Line{Stage: stage}) // it is fine if the parent is gone
	})
	if err != nil {
		_ = say(probe.Line{Error: err.Error()})
		return cli.Quiet(words.Failed)
	}
	return say(probe.Line{Result: &found})
}
