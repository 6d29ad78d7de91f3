package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

type doctorOptions struct {
	app   *App
	model askedModel
}

func newDoctorCommand(app *App) *cobra.Command {
	o := doctorOptions{app: app}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine everything that a run needs",
		Long: `Examine the program, the runtime library, the model, its tokenizer and towers, the decoders, the index, its folders
and the free space. Each finding comes with its mend. Nothing is changed.

EXIT STATUS
  0 all is well, or warnings only; 1 a check failed; 2 wrong usage`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	modelFlags(c.Flags(), &o.model)
	return c
}

// checkStatus is the outcome of a check.
type checkStatus string

const (
	checkOK   checkStatus = "ok"
	checkWarn checkStatus = "warn"
	checkFail checkStatus = "fail"
)

// finding is the outcome of one check, also in the machine format (docs/json.md).
type finding struct {
	Name   string      `json:"name"`
	Status checkStatus `json:"status"`
	Detail string      `json:"detail"`
	Hint   string      `json:"hint,omitempty"`
}

// examination collects findings; what one check learns, later ones use.
type examination struct {
	app      *App
	asked    askedModel
	findings []finding
	model    *model // nil: it cannot be opened
	runtime  bool   // the native runtime is there
}

func (e *examination) ok(name, format string, args ...any) {
	e.findings = append(e.findings, finding{name, checkOK, fmt.Sprintf(format, args...), ""})
}

func (e *examination) warn(name, hint, format string, args ...any) {
	e.findings = append(e.findings, finding{name, checkWarn, fmt.Sprintf(format, args...), hint})
}

func (e *examination) fail(name, hint, format string, args ...any) {
	e.findings = append(e.findings, finding{name, checkFail, fmt.Sprintf(format, args...), hint})
}

// failErr is fail with the mend that the error itself suggests.
func (e *examination) failErr(name string, err error) {
	_, hint := classify(err)
	if hint == "" {
		hint = "see the message; docs/ARCHITECTURE.md explains the parts"
	}
	e.fail(name, hint, "%s", oneLine(err))
}

func (o *doctorOptions) run(ctx context.Context) error {
	if err := o.model.check(o.app); err != nil {
		return err
	}
	e := &examination{app: o.app, asked: o.model}
	for _, check := range []func(context.Context, *examination){
		checkProgram, checkRuntime, checkModel, checkTokenizer, checkTowers, checkDecoders, checkIndex, checkFolders, checkSpace,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		check(ctx, e)
	}
	failed := false
	for _, f := range e.findings {
		failed = failed || f.Status == checkFail
	}
	if err := o.print(e.findings, !failed); err != nil {
		return err
	}
	if failed {
		return quietExit(exitFailed)
	}
	return nil
}

func (o *doctorOptions) print(findings []finding, ok bool) error {
	out := o.app.streams.Out
	if o.app.json {
		return printJSON(out, struct {
			Schema int       `json:"schema"`
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{schemaVersion, ok, findings})
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%-4s  %-10s %s\n", f.Status, f.Name, f.Detail); err != nil {
			return err
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(out, "      %-10s hint: %s\n", "", f.Hint); err != nil {
				return err
			}
		}
	}
	return nil
}
