// Package doctor is the command that prints the findings of internal/doctor, writes reports and repairs the index. It must not know how the
// checks work.
package doctor

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/doctor"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p        *cli.Program
	model    app.ModelChoice
	provider cli.ProviderFlags
	maxAge   time.Duration
	report   string
	repair   bool
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation and suggest fixes",
		Long: `Check the program, the machine and the session, the runtime library, the model, its tokenizer and towers, the
accelerators, the decoders, the index, its folders and the free space, and suggest a fix for each problem. Checks that may crash
run in child processes. doctor never changes your photos, and changes the index only with --repair.

--repair runs before the checks. It copies the readable part of a damaged index into a new one and keeps the damaged file next to it. In a
sound index it drops unusable entries and rebuilds the vector file. The next run of index adds what is missing.

EXIT STATUS
  0 no problems, or warnings only; 1 a check failed; 2 usage error; with --repair also: 10 no index here yet;
  11 another process is indexing; 14 the index is from a newer version of imgsearch`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	cli.ModelFlags(c.Flags(), &o.model)
	o.provider.Add(c.Flags())
	c.Flags().DurationVar(&o.maxAge, "max-age", 0, "fail if the last complete run of index started more than `DURATION` ago, such as 36h")
	c.Flags().StringVar(&o.report, "report", "", "write details for a bug report to `FILE`, without the names of your folders")
	c.Flags().BoolVar(&o.repair, "repair", false, "repair the index first: keep what is readable, rebuild the rest")
	return c
}

// findingJSON is a finding in the machine format (docs/json.md).
type findingJSON struct {
	Name string `json:"name"`
	// Status is ok, warn or fail; it follows from the severity.
	Status   string          `json:"status"`
	Severity doctor.Severity `json:"severity"`
	Detail   string          `json:"detail"`
	Evidence []string        `json:"evidence,omitempty"`
	// Hint is the suggested fix. Fix repeats it under the field's earlier name.
	Hint string `json:"hint,omitempty"`
	Fix  string `json:"mend,omitempty"`
}

// statuses and styles map severities to the text and style of the output.
var (
	statuses = map[doctor.Severity]string{doctor.Info: "ok", doctor.Warning: "warn", doctor.Error: "fail"}
	styles   = map[doctor.Severity]cli.Style{doctor.Info: cli.Good, doctor.Warning: cli.Doubtful, doctor.Error: cli.Bad}
)

// check validates the command line and returns what to examine.
func (o *options) check() (r doctor.Request, err error) {
	r = doctor.Request{App: o.p.App, Version: cli.VersionText(), Model: o.model, MaxAge: o.maxAge}
	if err := o.p.CheckModel(o.model); err != nil {
		return r, err
	}
	if r.Provider, err = o.provider.Choose(); err != nil {
		return r, err
	}
	if o.maxAge < 0 {
		return r, cli.Usage("use a duration such as 36h", "invalid value for --max-age: %v", o.maxAge)
	}
	return r, nil
}

func (o *options) run(ctx context.Context) error {
	request, err := o.check()
	if err != nil {
		return err
	}
	if o.repair {
		if err := repair(ctx, o.p); err != nil {
			return err
		}
	}
	if o.report != "" {
		if err := cli.MayReplace("--report", o.report, "imgsearch report", func(head []byte) bool { return bytes.HasPrefix(head, []byte(reportTitle)) }); err != nil {
			return err
		}
	}
	findings, err := doctor.Examine(ctx, request)
	if err != nil {
		return err
	}
	failed := slices.ContainsFunc(findings, func(f doctor.Finding) bool { return f.Severity == doctor.Error })
	if err := o.print(findings, !failed); err != nil {
		return err
	}
	if o.report != "" {
		if err := o.writeReport(ctx, findings); err != nil {
			return err
		}
		o.p.Notef("wrote %s; review it before you share it", words.Path(o.report))
	}
	if failed {
		return cli.Quiet(words.Failed)
	}
	return nil
}

// indent is the column in which a finding's text begins, after the verdict and the name.
const indent = 17

func (o *options) print(findings []doctor.Finding, ok bool) error {
	if o.p.JSON {
		list := make([]findingJSON, len(findings))
		for i, f := range findings {
			hint := words.Hint(f, cli.Door)
			list[i] = findingJSON{f.Name, statuses[f.Severity], f.Severity, f.Detail, f.Evidence, hint, hint}
		}
		return cli.PrintJSON(o.p.Out, struct {
			Schema int           `json:"schema"`
			OK     bool          `json:"ok"`
			Checks []findingJSON `json:"checks"`
		}{wire.Schema, ok, list})
	}
	for _, f := range findings {
		if o.p.Quiet && f.Severity == doctor.Info {
			continue
		}
		detail, more, _ := strings.Cut(f.Detail, "\n")
		verdict := o.p.Styled(styles[f.Severity], fmt.Sprintf("%-4s", statuses[f.Severity]))
		if _, err := fmt.Fprintf(o.p.Out, "%s  %-10s %s\n", verdict, f.Name, o.p.Hang(indent, words.Clean(detail))); err != nil {
			return err
		}
		for line := range strings.Lines(more) {
			if _, err := fmt.Fprintf(o.p.Out, "%*s%s\n", indent, "", o.p.Hang(indent, words.Clean(strings.TrimSpace(line)))); err != nil {
				return err
			}
		}
		if f.Severity != doctor.Info || o.p.Verbose {
			for _, line := range f.Evidence {
				if _, err := fmt.Fprintf(o.p.Out, "%*s| %s\n", indent, "", words.Clean(line)); err != nil {
					return err
				}
			}
		}
		if hint := words.Hint(f, cli.Door); hint != "" {
			if _, err := fmt.Fprintf(o.p.Out, "%*s%s\n", indent, "", o.p.Hang(indent, words.Clean("hint: "+hint))); err != nil {
				return err
			}
		}
	}
	return nil
}
