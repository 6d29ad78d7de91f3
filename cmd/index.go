package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/scan"
)

type indexOptions struct {
	app           *App
	paths         []string
	from          string
	fromNul       bool
	model         askedModel
	provider      askedProvider
	exclude       []string
	oneFileSystem bool
	prune         bool
	noPairs       bool
	keepPreviews  bool
	retryFailed   bool
	dryRun        bool
	ifIdle        bool
	jobs          int
	maxPixels     int64
	maxMemory     string
	limit         time.Duration
	progress      string
	watch         bool
	watched       bool // the first run of --watch is over
}

// defaultMaxPixels is above every camera of today (150 MP) and most stitched panoramas.
const defaultMaxPixels = 300_000_000

func newIndexCommand(app *App) *cobra.Command {
	o := indexOptions{app: app}
	c := &cobra.Command{
		Use:   "index [DIR|FILE...]",
		Short: "Bring the index up to date with folders of photos",
		Long: `Bring the index up to date with these folders and files; without any, with all folders indexed before.

Only what is new or changed is read. A moved, renamed or copied photo is recognised and not embedded again.
Files that are gone leave the index; where that looks like an unplugged disk, they stay and are reported.
Stopped at any moment, the next run continues there.

Left out are hidden files and folders, folders that systems keep for themselves (docs/formats.md), what
--exclude names, and what the lines of a file .imgsearchignore name (gitignore syntax), below its folder.

EXIT STATUS
  0   done
  1   failed (full disk, read-only index, ...)
  2   wrong usage, a DIR or FILE that is not there, or an index without folders and none given
  3   done, but files that were not known to be broken could not be read
  4   done where it could: a root or folder was unreachable, nothing of it was dropped
  10  no folders were given, and there is no index yet
  11  another process is indexing (0 with --if-idle)
  12  the model or the runtime library is missing or damaged
  14  the index is from a newer version of imgsearch
  130 interrupted; what was done is kept`,
		Example: `  imgsearch index ~/Pictures
  imgsearch index                                  # all folders again, from cron
  find ~/Pictures -newer mark | imgsearch index --from -`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			o.paths = args
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "read paths from `FILE`, one a line; - is the standard input")
	f.BoolVarP(&o.fromNul, "null", "0", false, "the paths of --from end with a NUL byte instead of a newline")
	modelFlags(f, &o.model)
	o.provider.flags(f)
	f.StringArrayVar(&o.exclude, "exclude", nil, "leave out what matches `PATTERN` (gitignore syntax; may be repeated)")
	f.BoolVar(&o.oneFileSystem, "one-file-system", false, "do not enter other file systems")
	f.BoolVar(&o.prune, "prune", false, "drop files that are gone even where that looks like an accident; not those of a root that is empty or missing (see roots rm)")
	f.BoolVar(&o.noPairs, "no-pairs", false, "count a raw or HEIC file and the JPEG of the same name beside it as two pictures")
	f.BoolVar(&o.keepPreviews, "keep-previews", false, "keep a small JPEG of each picture in the index: --html, --preview and another model work while the disk is away")
	f.BoolVar(&o.retryFailed, "retry-failed", false, "try files again that could not be read before")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "tell what would be done and how long it would take; change nothing")
	f.BoolVar(&o.ifIdle, "if-idle", false, "end quietly if another process is indexing")
	f.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "read and decode `N` files at once")
	f.Int64Var(&o.maxPixels, "max-pixels", defaultMaxPixels, "the largest picture that is decoded, in pixels (`N`)")
	f.StringVar(&o.maxMemory, "max-memory", "", "the memory to stay below (`1GB`; default: what the container allows, at most 60 % of what is free)")
	f.BoolVar(&o.watch, "watch", false, "stay, and bring the index up to date whenever something changes")
	f.DurationVar(&o.limit, "for", 0, "stop after this time (`5h`, 30m), in an orderly way")
	f.StringVar(&o.progress, "progress", "", "`bar`, plain, json or none (default: bar on a terminal)")
	return c
}

func (o *indexOptions) check() error {
	switch {
	case o.jobs < 1:
		return usageError("give a number of 1 or more", "--jobs %d", o.jobs)
	case o.maxPixels < 1:
		return usageError("give a number of 1 or more", "--max-pixels %d", o.maxPixels)
	case o.limit < 0:
		return usageError("give a time such as 5h or 30m", "--for %v", o.limit)
	case o.fromNul && o.from == "":
		return usageError("it belongs to --from", "--null without --from")
	}
	if err := o.checkWatch(); err != nil {
		return err
	}
	if _, err := memoryLimit(o.maxMemory); err != nil {
		return err
	}
	if err := o.model.check(o.app); err != nil {
		return err
	}
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	if err := scan.CheckPatterns(o.exclude); err != nil {
		return err
	}
	switch o.progress {
	case "", "bar", "plain", "json", "none":
		return nil
	}
	return usageError("give bar, plain, json or none", "--progress %q", o.progress)
}

func (o *indexOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	paths, err := o.resolve()
	if err != nil {
		return err
	}
	if o.from != "" && len(paths) == 0 {
		o.app.notef("no paths were given: nothing to do")
		return nil
	}
	if o.watch {
		return o.watchFolders(ctx, paths)
	}
	ix, lock, err := o.open(ctx, len(paths) > 0)
	if errors.Is(err, store.ErrBusy) && o.ifIdle {
		o.app.notef("another process is indexing: nothing to do")
		return nil
	}
	if err != nil {
		return err
	}
	defer ix.Close()
	if lock != nil {
		defer lock.Unlock() //nolint:errcheck // the process ends
	}
	if len(paths) == 0 {
		roots, err := ix.Roots(ctx)
		if err != nil {
			return err
		}
		if len(roots) == 0 {
			return errNoRoots()
		}
	}
	return o.index(ctx, ix, paths)
}

func errNoRoots() error {
	return usageError("give one: `imgsearch index DIR`", "the index has no folders yet")
}

// resolve makes the paths absolute and sees that they are there.
func (o *indexOptions) resolve() ([]string, error) {
	paths := o.paths
	if o.from != "" {
		listed, err := readPaths(o.app.streams.In, o.from, o.fromNul)
		if err != nil {
			return nil, err
		}
		paths = slices.Concat(paths, listed)
	}
	abs := make([]string, 0, len(paths))
	for i, p := range paths {
		if p == "" {
			return nil, usageError("give a folder or a file", "an empty path")
		}
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(full); err != nil {
			if i >= len(o.paths) { // a list is older than the disk
				o.app.warnf("%s: %v", escapePath(full), fserr.Cause(err))
				continue
			}
			return nil, usageError("check the path; a folder indexed before is looked after by `imgsearch index` without arguments",
				"%s: %w", escapePath(full), fserr.Cause(err))
		}
		abs = append(abs, full)
	}
	return abs, nil
}

// readPaths reads a list of paths, raw bytes, one a line.
func readPaths(stdin io.Reader, from string, nul bool) ([]string, error) {
	in := stdin
	if from != "-" {
		f, err := os.Open(from)
		if err != nil {
			return nil, usageError("give a file with one path a line, or -", "--from: %w", err)
		}
		defer f.Close()
		in = f
	}
	end := byte('\n')
	if nul {
		end = 0
	}
	var paths []string
	for r := bufio.NewReader(in); ; {
		line, err := r.ReadString(end)
		if p := strings.TrimSuffix(line, string(end)); p != "" {
			if !nul {
				p = strings.TrimSuffix(p, "\r")
			}
			paths = append(paths, p)
		}
		if errors.Is(err, io.EOF) {
			return paths, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read --from: %w", err)
		}
	}
}

// open opens the index and takes its lock. A dry run changes nothing: it reads, or makes up an empty index.
func (o *indexOptions) open(ctx context.Context, create bool) (store.Store, store.Lock, error) {
	at, err := o.app.indexAt()
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
	if !create {
		// Without folders there must be an index: nothing is made.
		ix, err := at.OpenForReading(ctx)
		if errors.Is(err, store.ErrNoIndex) {
			return nil, nil, err
		}
		if err == nil {
			ix.Close()
		}
	}
	if o.model.name != "" && errors.Is(at.Check(), store.ErrNoIndex) {
		// No index is made for a model that cannot be used.
		if _, err := o.app.openSpec(o.model.name); err != nil {
			return nil, nil, err
		}
	}
	return at.OpenLocked(ctx)
}

func (o *indexOptions) index(ctx context.Context, ix store.Store, paths []string) error {
	m, err := o.app.chooseModel(ctx, ix, o.model, true)
	if err != nil {
		return err
	}
	loader := o.app.loader(m, false)
	if err := loader.CheckAsked(); err != nil {
		return err
	}
	stored := m.stored()
	if !o.dryRun {
		if err := loader.Prepare(); err != nil {
			return err
		}
		if stored, err = o.register(ctx, ix, m); err != nil {
			return err
		}
	} else if all, err := ix.Models(ctx); err != nil {
		return err
	} else if known, ok := all.ByIdentity(m.identity); ok {
		stored = known
	}
	var room int64
	if !o.dryRun {
		if room, err = o.room(loader); err != nil {
			return err
		}
	}
	progress := newProgress(o.app, o.progress)
	events, end := progress.start()
	if !o.dryRun {
		if loader.WantsEarlyStart() {
			loader.StartVisual()
		}
		found := events.Found
		events.Found = func() {
			loader.StartVisual()
			found()
		}
	}
	at, err := o.app.indexAt()
	if err != nil {
		return err
	}
	o.app.interrupts.setOrderly()
	begin := time.Now()
	sum, err := index.Run(ctx, ix, index.Request{
		Paths: paths, Exclude: o.exclude, OneFileSystem: o.oneFileSystem, Prune: o.prune, NoPairs: o.noPairs, KeepPreviews: o.keepPreviews, RetryFailed: o.retryFailed,
		Jobs: o.jobs, MaxPixels: o.maxPixels, MaxBytes: room, For: o.limit, DryRun: o.dryRun, Journal: at.Journal(),
		Model: stored, Reader: pictures{m.spec, o.keepPreviews}, Provider: func() string { return loader.Provider().Name }, On: events,
		Load: func(ctx context.Context) (index.Embedder, error) { return loader.Visual(ctx) },
	}, o.app.interrupts.stop)
	end()
	sum.Elapsed = time.Since(begin)
	if err != nil {
		return err
	}
	if !o.watch || o.tells(sum) {
		if err := o.print(sum, m, loader.Provider()); err != nil {
			return err
		}
	}
	if !o.dryRun {
		if err := o.settleModel(ctx, ix, stored); err != nil {
			return err
		}
		if err := o.suggest(ctx, ix, sum); err != nil {
			return err
		}
	}
	if sum.Embedded > 0 && sum.Stopped == index.NotStopped {
		loader.Close() // what crashes from here on is no accelerator's fault
		o.app.prepareOnce(ctx, loader, o.maxMemory)
	}
	switch {
	case sum.Stopped == index.Interrupted:
		return quietExit(exitInterrupted)
	case sum.Unreachable > 0:
		return quietExit(exitUnreachable)
	case sum.Failed > 0:
		return quietExit(exitUnreadable)
	}
	return nil
}

// suggest says what comes next, when an index has just got its first photos.
func (o *indexOptions) suggest(ctx context.Context, ix store.Store, sum index.Summary) error {
	if sum.Added == 0 || sum.Stopped != index.NotStopped || o.app.json {
		return nil
	}
	n, err := ix.Totals(context.WithoutCancel(ctx))
	if err == nil && n.Files == sum.Added {
		o.app.notef("find them by what is in them: imgsearch search \"dog on beach\"")
	}
	return err
}

// room is what there is for files and decoded pictures in memory. The garbage collector is told too, so that garbage does
// not take what the pictures may.
func (o *indexOptions) room(loader *embed.Loader) (int64, error) {
	limit, err := memoryLimit(o.maxMemory)
	if err != nil {
		return 0, err
	}
	tower, err := loader.VisualBytes()
	if err != nil {
		return 0, err
	}
	room := decodeLimit(limit, tower)
	o.app.logf("%s of memory, %s of it for pictures", megabytes(limit), megabytes(room))
	debug.SetMemoryLimit(min(room, maxHeap) + minDecodeBytes)
	return room, nil
}

// maxHeap is as large as the heap usually gets: two workers' pictures of 50 MP, the queue, and what is garbage.
const maxHeap = 512 << 20

// register makes the index know the model. Where the index's own model is not what it was (its files, or what this
// version computes), the new one is wanted in its place.
func (o *indexOptions) register(ctx context.Context, ix store.Store, m model) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	usual := usualModel(all, true)
	stored, err := o.app.ensureModel(ctx, ix, m)
	if err != nil {
		return stored, err
	}
	if o.model == (askedModel{}) && usual.Identity != "" && usual.Identity != m.identity {
		o.app.warnf("model %s computes other vectors than before (its files, the precision's arithmetic or imgsearch changed): embedding the photos again", m.spec.Model.Name)
		return stored, ix.SetRole(ctx, m.identity, store.Wanted)
	}
	return stored, nil
}

// settleModel makes the wanted model the default once it has all vectors, and tells where searches use another model.
func (o *indexOptions) settleModel(ctx context.Context, ix store.Store, used store.Model) error {
	ctx = context.WithoutCancel(ctx)
	all, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	usual, ok := all.Of(store.Default)
	if !ok || usual.Identity == used.Identity {
		return nil
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	used, _ = all.ByIdentity(used.Identity)
	switch {
	case used.Role == store.Wanted && used.Embedded == totals.Pictures:
		o.app.notef("model %s has the vectors of all %d pictures: searches use it from now on", modelTitle(used), totals.Pictures)
		return ix.SetRole(ctx, used.Identity, store.Default)
	case used.Role == store.Wanted:
		o.app.notef("model %s has the vectors of %d of %d pictures: searches use %s until it has all", modelTitle(used), used.Embedded, totals.Pictures, modelTitle(usual))
	default:
		o.app.notef("searches use model %s; `imgsearch models use %s` changes that", modelTitle(usual), useArgs(used))
	}
	return nil
}

// modelTitle names a model of the index for people.
func modelTitle(m store.Model) string {
	if m.Precision == string(embed.FP32) {
		return m.Name
	}
	return m.Name + " in " + m.Precision
}

// useArgs are what `models use` takes to mean a model.
func useArgs(m store.Model) string {
	if m.Precision == string(embed.FP32) {
		return m.Ref
	}
	return m.Ref + " --precision " + m.Precision
}
