package cmd

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed/ortlib"
)

type doctorOptions struct {
	app      *App
	model    askedModel
	provider askedProvider
	maxAge   time.Duration
	report   string
	repair   bool
}

func newDoctorCommand(app *App) *cobra.Command {
	o := doctorOptions{app: app}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine everything that a run needs",
		Long: `Examine the program, the machine and the session, the runtime library, the model, its tokenizer and towers, the
accelerators, the decoders, the index, its folders and the free space. Each finding comes with its mend. What may crash is
tried in child processes. Your photos are not changed, nor is the index without --repair.

--repair comes first. Of a damaged index, what can be read goes into a new one; the damaged file is kept beside it. Of a sound one,
what cannot be used is dropped, and the vectors' file is made anew. The next run of index makes what is missing.

EXIT STATUS
  0 all is well, or warnings only; 1 a check failed; 2 wrong usage; with --repair also 10 no index here yet, 11 an indexer holds it,
  14 the index is from a newer version`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	modelFlags(c.Flags(), &o.model)
	o.provider.flags(c.Flags())
	c.Flags().DurationVar(&o.maxAge, "max-age", 0, "fail when the last complete run of index began longer ago than this (`36h`)")
	c.Flags().StringVar(&o.report, "report", "", "write everything that a bug report wants to `FILE`, your folders' names left out")
	c.Flags().BoolVar(&o.repair, "repair", false, "mend the index first: save what can be read, make the rest anew")
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
	// Severity is info, warning or error: the status in the words of other tools.
	Severity string `json:"severity"`
	Detail   string `json:"detail"`
	// Evidence are lines that the finding rests on.
	Evidence []string `json:"evidence,omitempty"`
	// Hint is the mend; it stands under both names.
	Hint string `json:"hint,omitempty"`
	Mend string `json:"mend,omitempty"`
}

var severities = map[checkStatus]string{checkOK: "info", checkWarn: "warning", checkFail: "error"}

// examination collects findings; what one check learns, later ones use.
type examination struct {
	app      *App
	asked    askedModel
	findings []finding
	model    *model // nil: it cannot be opened
	runtime  bool   // the native runtime is there
	library  ortlib.Library
	trials   *trials // nil: none were begun
	maxAge   time.Duration
	begin    time.Time
}

func (e *examination) add(f finding) {
	f.Severity, f.Mend = severities[f.Status], f.Hint
	e.findings = append(e.findings, f)
}

func (e *examination) ok(name, format string, args ...any) {
	e.add(finding{Name: name, Status: checkOK, Detail: fmt.Sprintf(format, args...)})
}

func (e *examination) warn(name, hint, format string, args ...any) {
	e.add(finding{Name: name, Status: checkWarn, Detail: fmt.Sprintf(format, args...), Hint: hint})
}

func (e *examination) fail(name, hint, format string, args ...any) {
	e.add(finding{Name: name, Status: checkFail, Detail: fmt.Sprintf(format, args...), Hint: hint})
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
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	if o.maxAge < 0 {
		return usageError("give a time such as 36h", "--max-age %v", o.maxAge)
	}
	if o.repair {
		if err := o.app.repair(ctx); err != nil {
			return err
		}
	}
	if o.report != "" {
		if err := mayReplace("--report", o.report, "report of imgsearch", func(head []byte) bool { return bytes.HasPrefix(head, []byte(reportTitle)) }); err != nil {
			return err
		}
	}
	e := &examination{app: o.app, asked: o.model, maxAge: o.maxAge, begin: time.Now()}
	for _, check := range []func(context.Context, *examination){
		checkProgram, checkMachine, checkSession, checkGraphics, checkRuntime, checkModel, startTrials, checkTokenizer, checkTowers,
		checkDecoders, checkIndex, checkMaxAge, checkFolders, checkSpace, checkProviders,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		check(ctx, e)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	failed := false
	for _, f := range e.findings {
		failed = failed || f.Status == checkFail
	}
	if err := o.print(e.findings, !failed); err != nil {
		return err
	}
	if o.report != "" {
		if err := o.writeReport(ctx, e); err != nil {
			return err
		}
		o.app.notef("wrote %s: look through it before you give it to anybody", escapePath(o.report))
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
		if o.app.quiet && f.Status == checkOK {
			continue
		}
		if _, err := fmt.Fprintf(out, "%-4s  %-10s %s\n", f.Status, f.Name, f.Detail); err != nil {
			return err
		}
		if f.Status != checkOK || o.app.verbose {
			for _, line := range f.Evidence {
				if _, err := fmt.Fprintf(out, "      %-10s | %s\n", "", line); err != nil {
					return err
				}
			}
		}
		if f.Hint != "" {
			if _, err := fmt.Fprintf(out, "      %-10s hint: %s\n", "", f.Hint); err != nil {
				return err
			}
		}
	}
	return nil
}
