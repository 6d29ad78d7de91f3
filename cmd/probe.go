package cmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/probe"
)

// newProbeCommand makes the hidden command that child processes run (package probe): it may end in any way.
func newProbeCommand(app *App) *cobra.Command {
	return &cobra.Command{
		Use:    probe.Command,
		Short:  "Try a provider (imgsearch runs this itself, in a child process)",
		Hidden: true,
		Args:   noArgs,
		RunE:   func(*cobra.Command, []string) error { return answerProbe(app) },
	}
}

func answerProbe(app *App) error {
	var r probe.Request
	in := bufio.NewReader(app.streams.In)
	request, err := in.ReadBytes('\n')
	if err == nil || errors.Is(err, io.EOF) {
		err = json.Unmarshal(request, &r)
	}
	if err != nil {
		return usageError("it is not for people", "read the request: %w", err)
	}
	// The parent holds the other end as long as it lives. Native code that hangs does not hinder this.
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(exitFailed)
	}()
	say := func(l probe.Line) error {
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		// Native code may have left a line without an end.
		_, err = fmt.Fprintf(app.streams.Out, "\n%s\n", data)
		return err
	}
	o := embed.RuntimeOptions{}
	disarm, err := guard.Arm(guard.Watch{Message: probe.CrashMessage, Suffix: "\n", ExitCode: probe.CrashCode})
	if err != nil {
		return err
	}
	defer disarm()
	found, err := embed.Examine(o, r, app.readSpec, func(stage string) {
		_ = say(probe.Line{Stage: stage}) // a parent that is gone does not matter
	})
	if err != nil {
		_ = say(probe.Line{Error: err.Error()})
		return quietExit(exitFailed)
	}
	return say(probe.Line{Result: &found})
}

// readSpec opens a model without its digests: a child does not ask who it is.
func (a *App) readSpec(nameOrDir string) (embed.Spec, error) {
	m, err := a.models().Open(nameOrDir)
	if err != nil {
		return embed.Spec{}, fmt.Errorf("open model %q: %w", nameOrDir, err)
	}
	return embed.ReadSpec(m)
}
