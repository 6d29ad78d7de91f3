package cmd

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/store"
)

type statusOptions struct {
	app      *App
	failures bool
}

func newStatusCommand(app *App) *cobra.Command {
	o := statusOptions{app: app}
	c := &cobra.Command{
		Use:   "status",
		Short: "Tell what is indexed",
		Long: `Tell what is indexed, with which model, when last, and what could not be read.

EXIT STATUS
  0 done; 1 failed; 2 wrong usage; 10 no index here yet; 14 the index is from a newer version of imgsearch`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	c.Flags().BoolVar(&o.failures, "failures", false, "list the files that could not be read, and why")
	return c
}

// statusJSON is the machine format of status (docs/json.md).
type statusJSON struct {
	Schema      int             `json:"schema"`
	Index       string          `json:"index"`
	IndexSchema int             `json:"index_schema"`
	IndexBytes  int64           `json:"index_bytes"`
	Roots       []string        `json:"roots"`
	Files       int             `json:"files"`
	Pictures    int             `json:"pictures"`
	PhotoBytes  int64           `json:"photo_bytes"`
	Failures    int             `json:"failures"`
	Model       *statusModel    `json:"model"`
	Models      []statusModel   `json:"models"`
	LastRun     *statusRun      `json:"last_run"`
	FailureList []statusFailure `json:"failure_list,omitempty"`
}

type statusModel struct {
	Name      string `json:"name"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
	Dim       int    `json:"dim"`
	Embedded  int    `json:"embedded"`
	// Role is "default" for the model that answers, "wanted" for the one that is to, else "".
	Role string `json:"role"`
}

type statusRun struct {
	StartedAt string  `json:"started_at"`
	EndedAt   *string `json:"ended_at"`
	Complete  bool    `json:"complete"`
	Provider  string  `json:"provider"`
	Embedded  int     `json:"embedded"`
}

type statusFailure struct {
	Path     string `json:"path"`
	PathB64  []byte `json:"path_b64,omitempty"`
	Stage    string `json:"stage"`
	Reason   string `json:"reason"`
	FailedAt string `json:"failed_at"`
}

func (o *statusOptions) run(ctx context.Context) error {
	ix, err := o.app.openReadOnly(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	s, err := o.collect(ctx, ix)
	if err != nil {
		return err
	}
	if o.app.json {
		return printJSON(o.app.streams.Out, s)
	}
	if o.failures {
		for _, f := range s.FailureList {
			if _, err := fmt.Fprintf(o.app.streams.Out, "%s: %s\n", escapePath(f.Path), f.Reason); err != nil {
				return err
			}
		}
		return nil
	}
	return o.print(s)
}

func (o *statusOptions) collect(ctx context.Context, ix store.Store) (s statusJSON, err error) {
	s = statusJSON{Schema: schemaVersion, Index: ix.Location(), Roots: []string{}}
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
	if run, ok, err := ix.LastRun(ctx, false); err != nil {
		return s, err
	} else if ok {
		s.LastRun = runStatus(run)
	}
	if !o.failures {
		return s, nil
	}
	failures, err := ix.Failures(ctx)
	for _, f := range failures {
		path := filepath.Join(byID[f.Root], filepath.FromSlash(f.Dir), f.Name)
		s.FailureList = append(s.FailureList, statusFailure{path, notUTF8(path), string(f.Stage), oneLineText(f.Reason), stamp(f.FailedAt)})
	}
	return s, err
}

// addModels tells each identity's coverage, the default one's first.
func (s *statusJSON) addModels(ctx context.Context, ix store.Store) error {
	known, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	s.Models = []statusModel{}
	for _, m := range known {
		one := statusModel{m.Name, m.Identity, m.Precision, m.Dim, m.Embedded, string(m.Role)}
		if m.Role == store.Default {
			s.Model = &one
			s.Models = slices.Insert(s.Models, 0, one)
			continue
		}
		s.Models = append(s.Models, one)
	}
	return nil
}

func runStatus(run store.Run) *statusRun {
	r := &statusRun{StartedAt: stamp(run.StartedAt), Complete: run.Complete, Provider: run.Provider, Embedded: run.Embedded}
	if !run.EndedAt.IsZero() {
		ended := stamp(run.EndedAt)
		r.EndedAt = &ended
	}
	return r
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (o *statusOptions) print(s statusJSON) error {
	w := tabwriter.NewWriter(o.app.streams.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "index\t%s (%s)\n", escapePath(s.Index), humanize.IBytes(uint64(s.IndexBytes)))
	for i, root := range s.Roots {
		label := "folders"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(w, "%s\t%s\n", label, escapePath(root))
	}
	fmt.Fprintf(w, "photos\t%d pictures in %s (%s)\n", s.Pictures, count(s.Files, "file"), humanize.IBytes(uint64(s.PhotoBytes)))
	for i, m := range s.Models {
		label := "models"
		if i > 0 {
			label = ""
		} else if len(s.Models) == 1 {
			label = "model"
		}
		role := map[string]string{"wanted": "; searches use it when it has all (`imgsearch index`)", "": "; kept beside (`imgsearch models use` chooses it)"}[m.Role]
		fmt.Fprintf(w, "%s\t%s, %s, dimension %d: %d of %d pictures embedded%s\n", label, m.Name, m.Precision, m.Dim, m.Embedded, s.Pictures, role)
	}
	if s.Failures > 0 {
		fmt.Fprintf(w, "failed\t%s could not be read (`imgsearch status --failures` lists them)\n", count(s.Failures, "file"))
	}
	fmt.Fprintf(w, "last run\t%s\n", lastRunText(s.LastRun))
	return w.Flush()
}

func lastRunText(r *statusRun) string {
	if r == nil {
		return "never"
	}
	text := r.StartedAt
	switch {
	case r.EndedAt == nil:
		return text + ", not ended: it is running, or died"
	case r.Complete:
		text += ", complete"
	default:
		text += ", incomplete: the next run continues"
	}
	return fmt.Sprintf("%s, %s embedded on %s", text, count(r.Embedded, "picture"), r.Provider)
}
