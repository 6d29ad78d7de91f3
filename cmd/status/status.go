// Package status is the command that shows the state of the index. It must not know how an index is stored.
package status

import (
	"bufio"
	"context"
	"fmt"
	"slices"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p        *cli.Program
	failures bool
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "status",
		Short: "Show the index status",
		Long: `Show the indexed folders, the photos, the models and how many pictures have their vectors, the last run, and the files that could
not be read.

EXIT STATUS
  0 done; 1 failed; 2 usage error; 10 no index here yet; 14 the index is from a newer version of imgsearch`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().BoolVar(&o.failures, "failures", false, "list the files that could not be read, and why")
	return c
}

func (o *options) run(ctx context.Context) error {
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	s, err := o.p.App.Status(ctx, ix, o.failures)
	if err != nil {
		return err
	}
	if o.p.JSON {
		return cli.PrintJSON(o.p.Out, s)
	}
	if o.failures {
		for _, f := range s.FailureList {
			if _, err := fmt.Fprintf(o.p.Out, "%s: %s\n", words.Path(f.Path), words.Clean(f.Reason)); err != nil {
				return err
			}
		}
		return nil
	}
	return o.print(s)
}

// indent is the column in which the values start.
const indent = 10

func (o *options) print(s wire.Status) error {
	w := bufio.NewWriter(o.p.Out)
	row := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%-*s%s\n", indent, label, o.p.Hang(indent, fmt.Sprintf(format, args...)))
	}
	row("index", "%s (%s)", words.Path(s.Index), humanize.IBytes(uint64(s.IndexBytes)))
	for i, root := range s.Roots {
		label := "folders"
		if i > 0 {
			label = ""
		}
		away := ""
		if slices.Contains(s.UnreachableRoots, root) {
			away = "  " + o.p.Styled(cli.Doubtful, "(unreachable in the last run; its photos stay in the index)")
		}
		row(label, "%s%s", words.Path(root), away)
	}
	row("photos", "%d pictures in %s (%s)", s.Pictures, english.Count(s.Files, "file"), humanize.IBytes(uint64(s.PhotoBytes)))
	for i, m := range s.Models {
		label := "models"
		if i > 0 {
			label = ""
		} else if len(s.Models) == 1 {
			label = "model"
		}
		role := map[string]string{"wanted": "; searches use it once it has all of them (run `imgsearch index`)", "": "; not in use (choose it with `imgsearch models use NAME`)"}[m.Role]
		row(label, "%s, %s, dimension %d: %d of %d pictures embedded%s", words.Path(m.Name), m.Precision, m.Dim, m.Embedded, s.Pictures, role)
	}
	switch {
	case s.Text.OCR == store.OCROff:
		row("text", "not read (`imgsearch index --ocr auto` reads it)")
	case s.Text.Read < s.Pictures:
		row("text", "%s: %d of %d pictures read, %d with text; run `imgsearch index` to read the rest", words.Path(s.Text.Model), s.Text.Read, s.Pictures, s.Text.WithText)
	default:
		row("text", "%s: all pictures read, %d with text", words.Path(s.Text.Model), s.Text.WithText)
	}
	if l := s.Labels; l != nil {
		row("labels", "%d labels: %d of %d pictures compared, %d with a label%s", l.Labels, l.Compared, s.Pictures, l.Labelled,
			map[bool]string{false: "; searches use another model now: run `imgsearch label` again"}[l.Current])
	}
	if s.Failures > 0 {
		row("failed", "%s", o.p.Styled(cli.Doubtful, english.Count(s.Failures, "file")+" could not be read")+" (`imgsearch status --failures` lists them)")
	}
	for i, one := range s.Workers {
		label := "workers"
		if i > 0 {
			label = ""
		}
		row(label, "%s, process %d, on %s, %s%s", words.Path(one.Host), one.PID, words.Path(one.Provider), english.Count(len(one.Roots), "folder"), map[bool]string{true: "; a server, in reserve"}[one.Reserve])
	}
	for i, one := range s.Sessions {
		label := "sessions"
		if i > 0 {
			label = ""
		}
		text := fmt.Sprintf("%d, %s: %s", one.ID, words.Path(one.Folder), one.State)
		if one.Found > 0 {
			text += fmt.Sprintf(", %d of %s read", one.Read, english.Count(one.Found, "file"))
		}
		if one.Waiting != nil {
			text += "; " + o.p.Styled(cli.Doubtful, *one.Waiting)
		}
		row(label, "%s", text)
	}
	row("last run", "%s", o.lastRunText(s.LastRun, lastCounts(s)))
	return w.Flush()
}

// runStyles are the colours of the states of a run.
var runStyles = map[index.RunState]cli.Style{
	app.RunRunning: cli.Good, index.RunComplete: cli.Good, index.RunInterrupted: cli.Doubtful, index.RunTimeUp: cli.Doubtful, app.RunUnknown: cli.Doubtful,
	app.RunCrashed: cli.Bad, index.RunFailed: cli.Bad,
}

func (o *options) lastRunText(r *wire.LastRun, counts *wire.RunCounts) string {
	if r == nil {
		return "never"
	}
	state := index.RunState(r.State)
	when := r.Started.Local().Format("2006-01-02 15:04:05") + ", "
	styled := func(text string) string { return o.p.Styled(runStyles[state], text) }
	switch state {
	case app.RunRunning:
		return when + styled("running")
	case app.RunCrashed:
		return when + styled("crashed") + "; the next run resumes"
	case app.RunUnknown:
		return when + styled("unfinished") + "; still running, or crashed"
	case index.RunFailed:
		when += styled("failed") + ": " + words.Clean(r.Error)
	case index.RunInterrupted:
		when += styled("interrupted") + "; the next run resumes"
	case index.RunTimeUp:
		when += styled("reached its time limit") + "; the next run resumes"
	case index.RunComplete:
		when += styled("complete")
	}
	text := when + fmt.Sprintf(", %s embedded", english.Count(r.Embedded, "picture"))
	if r.Provider != "" {
		text += " on " + r.Provider
	}
	return text + counted(counts)
}
