// Package status is the command that shows the state of the index. It must not know how an index is stored.
package status

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
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

// Status is the machine format of status (docs/json.md).
type Status struct {
	Schema      int           `json:"schema"`
	Index       string        `json:"index"`
	IndexSchema int           `json:"index_schema"`
	IndexBytes  int64         `json:"index_bytes"`
	Roots       []string      `json:"roots"`
	Files       int           `json:"files"`
	Pictures    int           `json:"pictures"`
	PhotoBytes  int64         `json:"photo_bytes"`
	Failures    int           `json:"failures"`
	Model       *modelStatus  `json:"model"`
	Models      []modelStatus `json:"models"`
	Text        textStatus    `json:"text"`
	// Labels is null if there are no labels.
	Labels  *labelStatus `json:"labels"`
	LastRun *runStatus   `json:"last_run"`
	// UnreachableRoots are the roots that the last complete run over them could not reach.
	UnreachableRoots []string `json:"unreachable_roots"`
	// Runs are the last runs that have ended, newest first.
	Runs        []endedRun `json:"runs"`
	FailureList []failure  `json:"failure_list,omitempty"`
}

type modelStatus struct {
	Name      string `json:"name"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
	Dim       int    `json:"dim"`
	Embedded  int    `json:"embedded"`
	// Role is "default" for the model that searches use, "wanted" for the one that they will use when it is complete, else "".
	Role string `json:"role"`
}

// textStatus says how much of the text in the pictures has been read.
type textStatus struct {
	// OCR is auto, on or off: the setting of `index --ocr`.
	OCR   string `json:"ocr"`
	Model string `json:"model"`
	// Read is the number of pictures that the model has read, WithText the number of those that have text.
	Read     int `json:"read"`
	WithText int `json:"with_text"`
}

// labelStatus says how far the index is labelled.
type labelStatus struct {
	Labels int `json:"labels"`
	// Compared is the number of pictures that were compared with the labels, Labelled the number of those that have one.
	Compared int `json:"compared"`
	Labelled int `json:"labelled"`
	// Current is false if the labels are those of another model than searches use.
	Current bool `json:"current"`
}

type runStatus struct {
	started time.Time

	StartedAt string  `json:"started_at"`
	EndedAt   *string `json:"ended_at"`
	Complete  bool    `json:"complete"`
	// State is complete, interrupted, time_up, failed, running, crashed, or unknown if the index's lock does not show which of the last two.
	State string `json:"state"`
	// Error is why a failed run failed.
	Error    string `json:"error,omitempty"`
	Provider string `json:"provider"`
	Embedded int    `json:"embedded"`
}

// The states of a run without a recorded end.
const (
	running = "running" // the index's lock is held
	crashed = "crashed"
	unknown = "unknown"
)

type failure struct {
	Path     string `json:"path"`
	PathB64  []byte `json:"path_b64,omitempty"`
	Stage    string `json:"stage"`
	Reason   string `json:"reason"`
	FailedAt string `json:"failed_at"`
}

func (o *options) run(ctx context.Context) error {
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	s, err := Collect(ctx, o.p.App, ix, o.failures)
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

// Collect returns the status of an index, including the list of failures if withFailures is set.
func Collect(ctx context.Context, a *app.App, ix store.Store, withFailures bool) (s Status, err error) {
	s = Status{Schema: cli.Schema, Index: ix.Location(), Roots: []string{}}
	if sized, ok := ix.(store.Sized); ok {
		s.IndexBytes = sized.Bytes()
	}
	if checker, ok := ix.(store.Checker); ok {
		if s.IndexSchema, err = checker.Schema(ctx); err != nil {
			return s, err
		}
	}
	roots, err := ix.Roots(ctx)
	if err != nil {
		return s, err
	}
	byID := make(map[store.RootID]string)
	for _, r := range roots {
		s.Roots = append(s.Roots, r.Path)
		byID[r.ID] = r.Path
	}
	n, err := ix.Totals(ctx)
	if err != nil {
		return s, err
	}
	s.Files, s.Pictures, s.PhotoBytes, s.Failures = n.Files, n.Pictures, n.Bytes, n.Failures
	if err := s.addModels(ctx, ix); err != nil {
		return s, err
	}
	if err := s.addText(ctx, a, ix); err != nil {
		return s, err
	}
	labels, err := ix.LabelState(ctx)
	if err != nil {
		return s, err
	}
	if labels.Model != "" {
		s.Labels = &labelStatus{labels.Labels, labels.Compared, labels.Labelled, s.Model != nil && s.Model.Identity == labels.Model}
	}
	if err := s.addRuns(ctx, ix); err != nil {
		return s, err
	}
	if s.LastRun, err = lastRun(ctx, a, ix); err != nil {
		return s, err
	}
	if !withFailures {
		return s, nil
	}
	failures, err := ix.Failures(ctx)
	for _, f := range failures {
		path := f.Path(byID[f.Root])
		s.FailureList = append(s.FailureList, failure{path, cli.NotUTF8(path), string(f.Stage), words.OneLine(f.Reason), cli.Stamp(f.FailedAt)})
	}
	return s, err
}

// addModels adds the models and how many pictures each has vectors of, the default model first.
func (s *Status) addModels(ctx context.Context, ix store.Store) error {
	known, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	s.Models = []modelStatus{}
	for _, m := range known {
		one := modelStatus{m.Name, m.Identity, m.Precision, m.Dim, m.Embedded, string(m.Role)}
		if m.Role == store.Default {
			s.Model = &one
			s.Models = slices.Insert(s.Models, 0, one)
			continue
		}
		s.Models = append(s.Models, one)
	}
	return nil
}

// addText adds the coverage of the texts. A text model that is not installed has its name only.
func (s *Status) addText(ctx context.Context, a *app.App, ix store.Store) (err error) {
	if s.Text.OCR, err = ix.Setting(ctx, store.SettingOCR); err != nil {
		return err
	}
	s.Text.OCR = cmp.Or(s.Text.OCR, store.OCRAuto)
	if s.Text.Model, err = ix.Setting(ctx, store.SettingTextModel); err != nil {
		return err
	}
	m, err := a.TextModel(s.Text.Model)
	if err != nil {
		a.Logf("%v", err)
		return nil
	}
	s.Text.Model = m.Name
	c, err := ix.TextCoverage(ctx, m.Identity)
	s.Text.Read, s.Text.WithText = c.Read, c.WithText
	return err
}

// lastRun returns how the last run ended, or that it is running; nil if there was none.
func lastRun(ctx context.Context, a *app.App, ix store.Store) (*runStatus, error) {
	run, ok, err := ix.LastRun(ctx, false)
	if err != nil || !ok {
		return nil, err
	}
	state := running
	if run.EndedAt.IsZero() {
		if state, err = stateByLock(a); err != nil {
			return nil, err
		}
		if state == crashed { // or it has just ended
			if run, _, err = ix.LastRun(ctx, false); err != nil {
				return nil, err
			}
		}
	}
	r := &runStatus{started: run.StartedAt, StartedAt: cli.Stamp(run.StartedAt), Complete: run.Complete, State: state, Provider: run.Provider, Embedded: run.Embedded}
	if !run.EndedAt.IsZero() {
		ended := cli.Stamp(run.EndedAt)
		record := index.RecordOf(run)
		r.EndedAt, r.State, r.Error = &ended, string(record.State), words.OneLine(record.Error)
	}
	return r, nil
}

// stateByLock returns the state of a run without an end. It is unknown if the lock cannot be read, because it is another user's.
func stateByLock(a *app.App) (string, error) {
	at, err := a.Index()
	if err != nil {
		return "", err
	}
	locked, err := at.IsLocked()
	switch {
	case err != nil:
		a.Logf("%v", err)
		return unknown, nil
	case locked:
		return running, nil
	}
	return crashed, nil
}

// indent is the column in which the values start.
const indent = 10

func (o *options) print(s Status) error {
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
	row("last run", "%s", o.lastRunText(s.LastRun, s.lastCounts()))
	return w.Flush()
}

// runStyles are the colours of the states of a run.
var runStyles = map[index.RunState]cli.Style{
	running: cli.Good, index.RunComplete: cli.Good, index.RunInterrupted: cli.Doubtful, index.RunTimeUp: cli.Doubtful, unknown: cli.Doubtful,
	crashed: cli.Bad, index.RunFailed: cli.Bad,
}

func (o *options) lastRunText(r *runStatus, counts *runCounts) string {
	if r == nil {
		return "never"
	}
	state := index.RunState(r.State)
	when := r.started.Local().Format("2006-01-02 15:04:05") + ", "
	styled := func(text string) string { return o.p.Styled(runStyles[state], text) }
	switch state {
	case running:
		return when + styled("running")
	case crashed:
		return when + styled("crashed") + "; the next run resumes"
	case unknown:
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
