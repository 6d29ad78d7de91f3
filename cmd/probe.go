package cmd

import (
	"encoding/json"
	"fmt"

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
		RunE: func(*cobra.Command, []string) error {
			return answerProbe(app)
		},
	}
}

func answerProbe(app *App) error {
	var r probe.Request
	if err := json.NewDecoder(app.streams.In).Decode(&r); err != nil {
		return usageError("it is not for people", "read the request: %w", err)
	}
	lines := json.NewEncoder(app.streams.Out)
	o := embed.RuntimeOptions{}
	disarm, err := guard.Arm(guard.Watch{Message: probe.CrashMessage, Suffix: "\n", ExitCode: probe.CrashCode})
	if err != nil {
		return err
	}
	defer disarm()
	found, err := embed.Examine(o, r, app.readSpec, func(stage string) {
		_ = lines.Encode(probe.Line{Stage: stage}) // a parent that is gone does not matter
	})
	if err != nil {
		_ = lines.Encode(probe.Line{Error: err.Error()})
		return quietExit(exitFailed)
	}
	return lines.Encode(probe.Line{Result: &found})
}

// readSpec opens a model without its digests: a child does not ask who it is.
func (a *App) readSpec(nameOrDir string) (embed.Spec, error) {
	m, err := a.models().Open(nameOrDir)
	if err != nil {
		return embed.Spec{}, fmt.Errorf("open model %q: %w", nameOrDir, err)
	}
	return embed.ReadSpec(m)
}
