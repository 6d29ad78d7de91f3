// Package index is the command that brings an index up to date with folders of photos. It must not know how photos are read or how an
// index is stored.
package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/words"
)

type options struct {
	p           *cli.Program
	paths       []string
	from        string
	fromNul     bool
	model       app.ModelChoice
	provider    cli.ProviderFlags
	indexing    cli.IndexingFlags
	prune       bool
	ocr         string
	retryFailed bool
	dryRun      bool
	ifIdle      bool
	limit       time.Duration
	progress    string
	watch       bool
	abandon     *sync.Once
}

// New returns the command.
func New(p *cli.Program) *cobra.Command {
	o := options{p: p, abandon: new(sync.Once)}
	c := &cobra.Command{
		Use:   "index [DIR|FILE...]",
		Short: "Index folders of photos, or update the index",
		Long: `Index the given folders and files, or update all indexed folders if none are given.

Only new and changed files are read. From each picture the model computes a vector that describes what it shows (it
"embeds" the picture). A moved, renamed or copied photo is recognised and not embedded again.
Then index reads the text in the photos (OCR), so that ` + "`imgsearch search`" + ` finds words on signs, receipts and screenshots. If the
time of --for runs out, the next run continues.
Missing files are removed from the index. If it looks as if a disk was unplugged, they are kept and reported.
If the index is in a database, and workers run that see the folders, they do the work, with their own --jobs, --max-memory and --provider (see
` + "`imgsearch worker`" + `): index shows everybody's progress and waits until it is done.
You can stop it at any time; the next run resumes.

index skips hidden files and folders, system folders (docs/formats.md), and files and folders that match --exclude
or a line of an .imgsearchignore file (gitignore syntax), which applies to its folder and everything below.

EXIT STATUS
  0   done
  1   failed (full disk, read-only index, ...)
  2   usage error, a DIR or FILE does not exist, or none is given and the index has no folders
  3   done, but some files could not be read (files already known to be broken do not count)
  4   done, except for a root or folder that was unreachable; its photos stay in the index
  10  no folders were given, and there is no index yet
  11  another process is indexing (0 with --if-idle)
  12  the model or the runtime library is missing or damaged
  14  the index is from a newer version of imgsearch
  130 interrupted; finished work is kept`,
		Example: `  imgsearch index ~/Pictures
  imgsearch index                                  # update all indexed folders, for example from cron
  find ~/Pictures -newer mark | imgsearch index --from -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.paths = args
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "read paths from `FILE`, one per line; - is standard input")
	f.BoolVarP(&o.fromNul, "null", "0", false, "paths in --from end with a NUL byte instead of a newline (also --null-input)")
	cli.Alias(f, "null", "null-input")
	cli.ModelFlags(f, &o.model)
	o.provider.Add(f)
	o.indexing.Add(f)
	f.BoolVar(&o.prune, "prune", false, "remove missing files from the index even if a disk may have been unplugged; files of an empty or missing root are kept (see roots rm)")
	f.StringVar(&o.ocr, "ocr", "", "read the text in photos: `MODE` auto, after all vectors; on, together with them; off, not at all, and delete the texts read so far (the index keeps the setting, which is auto at first)")
	f.BoolVar(&o.retryFailed, "retry-failed", false, "retry files that could not be read before")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "show what would be done and how long it would take, without changing anything")
	f.BoolVar(&o.ifIdle, "if-idle", false, "exit with status 0 if another process is indexing")
	f.BoolVar(&o.watch, "watch", false, "keep running, and update the index whenever something changes")
	f.DurationVar(&o.limit, "for", 0, "stop cleanly after `DURATION`, such as 5h or 30m")
	f.StringVar(&o.progress, "progress", "", "`KIND` of progress display: bar, plain, json or none (default: bar on a terminal)")
	return c
}

// check validates the command line and returns the request for a run, without its paths.
func (o *options) check() (r app.Indexing, err error) {
	switch {
	case o.limit < 0:
		return r, cli.Usage("use a duration such as 5h or 30m", "invalid value for --for: %v", o.limit)
	case o.fromNul && o.from == "":
		return r, cli.Usage("add --from, or omit --null", "--null needs --from")
	case o.progress != "" && !slices.Contains(cli.ProgressKinds, o.progress):
		return r, cli.Usage("use bar, plain, json or none", "invalid value for --progress: %q", o.progress)
	}
	for _, check := range []func() error{o.checkOCR, o.checkWatch} {
		if err := check(); err != nil {
			return r, err
		}
	}
	if r, err = o.indexing.Choose(); err != nil {
		return r, err
	}
	if err := o.p.CheckModel(o.model); err != nil {
		return r, err
	}
	r.Prune, r.RetryFailed, r.DryRun, r.OCR, r.For, r.Model = o.prune, o.retryFailed, o.dryRun, o.ocr, o.limit, o.model
	r.Provider, err = o.provider.Choose()
	return r, err
}

func (o *options) run(ctx context.Context) error {
	r, err := o.check()
	if err != nil {
		return err
	}
	paths, err := o.resolve()
	if err != nil {
		return err
	}
	r.Paths = paths
	if o.from != "" && len(paths) == 0 {
		o.p.Notef("nothing to do: --from lists no existing paths")
		return nil
	}
	if o.watch {
		return o.watchFolders(ctx, r)
	}
	if done, err := o.shared(ctx, r, always); done || err != nil {
		return err
	}
	ix, lock, err := o.open(ctx, len(paths) > 0)
	if errors.Is(err, store.ErrBusy) && o.ifIdle {
		return o.leaveBusy()
	}
	if err != nil {
		return err
	}
	if lock != nil {
		defer lock.Unlock() //nolint:errcheck // the process ends
	}
	defer ix.Close() // before the lock is released: it moves the log into the index
	if len(paths) == 0 {
		roots, err := ix.Roots(ctx)
		if err != nil {
			return err
		}
		if len(roots) == 0 {
			return errNoRoots()
		}
	}
	err = (&indexing{options: o, Indexing: r, tells: always}).run(ctx, ix)
	if errors.Is(err, store.ErrBusy) && o.ifIdle { // another machine indexes one of the roots
		return o.leaveBusy()
	}
	return err
}

func (o *options) leaveBusy() error {
	o.p.Notef("nothing to do: another process is indexing")
	return nil
}

func errNoRoots() error {
	return cli.Usage("add one with `imgsearch index DIR`", "the index has no folders yet")
}

// resolve makes the paths absolute and checks that they exist.
func (o *options) resolve() ([]string, error) {
	paths := o.paths
	if o.from != "" {
		listed, err := o.p.ReadPaths(o.from, o.fromNul)
		if err != nil {
			return nil, err
		}
		paths = slices.Concat(paths, listed)
	}
	abs := make([]string, 0, len(paths))
	for i, p := range paths {
		if p == "" {
			return nil, cli.Usage("pass the path of a folder or a file", "a path is empty")
		}
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(full); err != nil {
			if i >= len(o.paths) { // files may have gone since the list was made
				o.p.Warnf("%s: %v", words.Path(full), fserr.Cause(err))
				continue
			}
			return nil, cli.Usage("check the path; to update all indexed folders, run `imgsearch index` without arguments",
				"%s: %w", words.Path(full), fserr.Cause(err))
		}
		abs = append(abs, full)
	}
	return abs, nil
}

// open opens the index and takes its lock. A dry run changes nothing: it opens the index for reading, or an empty one in memory.
func (o *options) open(ctx context.Context, create bool) (store.Store, store.Lock, error) {
	at, err := o.p.App.Index()
	if err != nil {
		return nil, nil, err
	}
	if o.dryRun {
		ix, err := at.OpenForReading(ctx)
		if errors.Is(err, store.ErrNoIndex) && create {
			ix, err = app.InMemory(ctx)
		}
		return ix, nil, err
	}
	found := at.Check()
	if !create && errors.Is(found, store.ErrNoIndex) {
		return nil, nil, fmt.Errorf("open index %q: %w", at.Location(), found) // without folders, do not create an index
	}
	if lost, ok := errors.AsType[*store.LostError](found); ok {
		rescue := words.Path(lost.Rescue)
		o.p.Warnf("found %s, left over from an earlier index; this run creates a new index. To use the earlier one instead, run `imgsearch restore %s`", rescue, rescue)
	}
	if o.model.Name != "" && errors.Is(found, store.ErrNoIndex) {
		// Do not create an index for a model that cannot be used.
		if _, err := o.p.App.OpenSpec(o.model.Name); err != nil {
			return nil, nil, err
		}
	}
	ix, lock, err := at.OpenToIndex(ctx)
	if err == nil {
		o.abandon.Do(func() {
			// Files that are being read when the process ends at once have not crashed it.
			o.p.OnAbandon(func() {
				for _, path := range index.Journals(at.Journal()) {
					os.Remove(path)
				}
			})
		})
	}
	return ix, lock, err
}
