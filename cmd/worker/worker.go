// Package worker is the command that does the jobs of an index that several machines share. It must not know what a job does.
package worker

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p         *cli.Program
	roots     []string
	provider  cli.ProviderFlags
	jobs      int
	maxMemory string
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p}
	c := &cobra.Command{
		Use:   "worker",
		Short: "Index photos for a library that several machines share",
		Long: `Read photos and compute their vectors for an index in a database that several machines share (docs/postgres.md). Start a worker on every
machine that sees the photos; ` + "`imgsearch index`" + ` and ` + "`imgsearch serve`" + ` then leave the work to the workers.

The model is loaded and tested before the first job. A job reads at most 200 files, or as many as take an estimated 2 minutes. When a worker dies,
others have its jobs within 10 seconds. A worker that is stopped commits what it has finished and gives the rest back.
A worker takes the jobs of the roots that its machine sees: ` + "`imgsearch roots add --as NAME DIR`" + ` tells it where a root of another machine is.

EXIT STATUS
  0   stopped by a signal
  1   failed
  2   usage error: the index is in a file, or a root of --roots is not in the index on this machine
  12  the model or the runtime library is missing or damaged
  14  the index is from a newer version of imgsearch`,
		Example: `  imgsearch --index postgres://imgsearch@db/photos worker
  imgsearch --index postgres://imgsearch@db/photos worker --roots Archive --provider cuda`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.StringArrayVar(&o.roots, "roots", nil, "take only the jobs of root `NAME`, or of the root at this path (may be repeated)")
	o.provider.Add(f)
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "read and decode `N` files at once")
	f.StringVar(&o.maxMemory, "max-memory", "", "use at most `SIZE` of memory, such as 1GB (default: what the container allows, at most 60 % of free memory)")
	return c
}

func (o *options) run(ctx context.Context) error {
	w := app.WorkerOptions{Roots: o.roots, Jobs: o.jobs, Version: cli.VersionText(), Log: o.p.ServiceLog(), Words: words.Worker{Door: cli.Door}}
	if o.jobs < 1 {
		return cli.Usage("use a number of 1 or more", "invalid value for --jobs: %d", o.jobs)
	}
	var err error
	if w.MaxMemory, err = cli.ParseMemory(o.maxMemory); err != nil {
		return err
	}
	if w.Provider, err = o.provider.Choose(); err != nil {
		return err
	}
	shared, err := o.p.App.OpenShared(ctx)
	if errors.Is(err, app.ErrInFile) {
		return cli.Usage("use the URL of a database, such as --index postgres://imgsearch@db/photos (docs/postgres.md)", "%w", err)
	}
	if err != nil {
		return err
	}
	defer shared.Close() //nolint:errcheck // nothing is lost
	o.p.Orderly()
	one, err := shared.NewWorker(ctx, w)
	if err != nil {
		return err
	}
	defer one.Close() //nolint:errcheck // the process ends
	o.p.OnAbandon(func() {
		// Files that are being read when the process ends at once have not crashed it.
		for _, path := range index.Journals(one.Journal()) {
			os.Remove(path)
		}
	})
	served, err := names(ctx, shared.Store(), o.roots)
	if err != nil {
		return err
	}
	o.p.Notef("ready on %s; roots: %s", one.Provider(), served)
	err = one.Run(ctx, o.p.Stop())
	if err == nil {
		o.p.Notef("stopped")
	}
	return err
}

// names returns the roots that a worker serves, as text.
func names(ctx context.Context, ix store.Store, chosen []string) (string, error) {
	if len(chosen) > 0 {
		return words.Path(strings.Join(chosen, ", ")), nil
	}
	all, err := ix.Roots(ctx)
	if err != nil {
		return "", err
	}
	var list []string
	for _, r := range all {
		if !r.Elsewhere {
			list = append(list, words.Path(r.Path))
		}
	}
	if len(list) == 0 {
		return "none yet (add one with `imgsearch index DIR` or `imgsearch roots add --as NAME DIR`)", nil
	}
	return strings.Join(list, ", "), nil
}
