package index

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// walk goes over all targets, compares what it finds with the index, and sends what must be read. It returns the
// suspects, which must be read last, one at a time.
func (r *run) walk(ctx context.Context, targets []target, out chan<- task) (suspects []task, err error) {
	c := &comparer{run: r, out: out, named: newNamedFiles(targets)}
	for _, t := range targets {
		if r.stopped() {
			break
		}
		switch {
		case t.file != "":
			err = c.singleFile(ctx, t)
		case t.root.Walked:
			err = c.walkTarget(ctx, t)
		default:
			err = c.knownFiles(ctx, t)
		}
		if err != nil && !r.stopped() {
			return nil, err
		}
	}
	return c.aside, nil
}

// comparer compares one walk with the index. It belongs to the walk's goroutine.
type comparer struct {
	*run

	out   chan<- task
	aside []task // suspects
	root  store.Root
	// named is what is known about the explicitly named files
	named *namedFiles
	// the sidecars of the folder that was asked for last
	sidecarDir string
	sidecars   scan.Sidecars
	exports    scan.Exports
	// what the walk of this root has seen
	gone rootGone
}

func (c *comparer) walkTarget(ctx context.Context, t target) error {
	if err := c.begin(ctx, t); err != nil {
		return err
	}
	err := c.walkAhead(ctx, t)
	if c.stopped() {
		return nil
	}
	if err != nil {
		if bad, ok := errors.AsType[*scan.PatternError](err); ok {
			return bad
		}
		if isRootError(err) {
			c.gone.unreachable = err
			c.run.gone = append(c.run.gone, c.gone)
			return nil
		}
		return err
	}
	c.run.gone = append(c.run.gone, c.gone)
	return nil
}

// foldersAhead is how many folders the walk may be ahead of the comparison. Reading folders and querying the index take about
// equally long: measured over 100,000 unchanged files, on two cores, 0.54 s in parallel and 0.80 s
// one after the other.
const foldersAhead = 8

// walkAhead walks a root in one goroutine and compares in another.
func (c *comparer) walkAhead(ctx context.Context, t target) error {
	options := scan.Options{Exclude: c.req.Exclude, OneFileSystem: c.req.OneFileSystem}
	folders := make(chan scan.Folder, foldersAhead)
	ctx, cancel := c.stop.context(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(folders)
		return scan.Walk(ctx, t.root.Path, t.start, options, func(f scan.Folder) error {
			select {
			case folders <- f:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	g.Go(func() error {
		for f := range folders {
			if err := c.folder(ctx, f); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// begin starts to compare a root.
func (c *comparer) begin(ctx context.Context, t target) error {
	c.root = t.root
	c.gone = newRootGone(t)
	if t.file != "" {
		return nil // one file does not show what is gone
	}
	var err error
	c.gone.devices, err = c.store.Devices(ctx, t.root.ID)
	return err
}

// isRootError reports whether err means that a root itself could not be examined, and is not an error of the index.
func isRootError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)
	return ok || errors.Is(err, scan.ErrNotFolder)
}

// folder compares a folder of the walk with the index.
func (c *comparer) folder(ctx context.Context, f scan.Folder) error {
	state, err := c.store.Folder(ctx, store.Folder{Root: c.root.ID, Dir: f.Rel}, c.req.Model.Identity)
	if err != nil {
		return err
	}
	files, failures := state.Files, state.Failures
	c.gone.visited[f.Rel] = true
	if f.Rel == "" && f.Empty {
		c.gone.unreachable = ErrEmptyRoot
	}
	if f.Err != nil {
		c.gone.broken[f.Rel] = f.Err
	}
	c.noteSkipped(f, files)
	sidecars, exports := scan.NewSidecars(f.Sidecars), scan.NewExports(f.Exports)
	pairs := c.pairs(f, failures)
	waiting := make(map[string][]found) // the members of pairs that were found so far, by the JPEG's name
	for _, file := range f.Files {
		one := found{
			dir: f.Rel, device: f.Device, file: file, failure: failures[file.Name],
			considered: pairs.considered(file.Name), frozen: f.Err != nil || pairs.isFrozen(file.Name),
		}
		if one.known = files[file.Name]; one.known != nil {
			delete(files, file.Name)
		}
		delete(failures, file.Name)
		one.findSidecar(sidecars, f.Err != nil)
		one.findExport(exports, f.Err != nil)
		if jpeg, ok := pairs.byName[file.Name]; ok {
			members := append(waiting[jpeg], one)
			if waiting[jpeg] = members; len(members) < 1+len(pairs.behind[jpeg]) {
				continue
			}
			if err := c.pair(ctx, jpeg, members); err != nil {
				return err
			}
			continue
		}
		if err := c.single(ctx, one); err != nil {
			return err
		}
	}
	for _, known := range files {
		c.gone.files = append(c.gone.files, goneFile{known.File, f.Device, f.Empty})
	}
	if f.Err == nil {
		for _, failure := range failures {
			c.gone.failures = append(c.gone.failures, failure.Place)
		}
	}
	return nil
}

// noteSkipped counts what the walk skipped. Indexed files that a rule now excludes are dropped from the index.
func (c *comparer) noteSkipped(f scan.Folder, files map[string]*store.FileState) {
	for _, s := range f.Skipped {
		c.counts.skip(string(s.Reason))
		switch {
		case s.Folder && s.Reason.ByRule():
			c.gone.excludedBelow = append(c.gone.excludedBelow, path.Join(f.Rel, s.Name))
		case s.Folder && s.Reason == scan.OtherFilesystem:
			c.gone.untouched = append(c.gone.untouched, path.Join(f.Rel, s.Name))
		case !s.Folder && (s.Reason.ByRule() || s.Reason.ByName()):
			if known, ok := files[s.Name]; ok {
				c.gone.excluded = append(c.gone.excluded, known.Place)
				delete(files, s.Name)
			}
		}
	}
}

// need is what has to be done for a file.
type need int

const (
	nothing   need = iota // nothing, and look has counted it
	unchanged             // nothing, and the caller counts it
	refresh               // its metadata and its sidecar must be read
	all                   // it must be read
)

// single compares one file with what the index has at its place.
func (c *comparer) single(ctx context.Context, f found) error {
	n := c.look(f)
	switch n {
	case nothing:
		return nil
	case unchanged:
		c.countUnchanged(1)
		return nil
	case refresh, all:
	}
	t := f.task(c.root)
	t.refresh = n == refresh
	return c.emit(ctx, t)
}

func (c *comparer) countUnchanged(files int) {
	c.counts.add(func(n *Summary) { n.Scanned += files; n.Unchanged += files })
}

// look returns what has to be done for a file, and records that the file exists.
func (c *comparer) look(f found) need {
	place, stat := f.place(c.root), f.stat()
	if f.file.Placeholder {
		if f.known == nil {
			c.counts.skip(string(scan.Placeholder))
			return nothing
		}
		return unchanged // evicted to the cloud; its vector stays
	}
	if f.known != nil && f.known.Same(stat) {
		c.gone.sees(f.known.File, f.device)
		switch {
		case !f.known.Embedded || c.req.KeepPreviews && !f.known.Preview || !f.frozen && !slices.Equal(f.known.Twins, f.considered):
		case c.req.Reread != nil && c.req.Reread(place):
		case c.suspects[place]: // it may not have caused the crash, or may no longer: reading it clears it
		case f.known.MetaVersion < c.req.Reader.MetaVersion() || !sameSidecar(f.known.Sidecar, f.sidecar) || !sameSidecar(f.known.Export, f.export.Sidecar) || c.req.UseMTime && f.known.Undated:
			return refresh
		default:
			return unchanged
		}
	}
	if c.failedBefore(f) {
		if f.failure.Stage == store.StageSniff {
			c.counts.skip(f.failure.Reason)
		} else {
			c.counts.add(func(n *Summary) { n.Scanned++; n.FailedKnown++ })
		}
		return nothing
	}
	return all
}

// failedBefore reports whether a file failed before and must not be tried again.
func (c *comparer) failedBefore(f found) bool {
	return f.failure.Stage != "" && f.failure.Same(f.stat()) && f.failure.Decoder == c.req.Reader.Version() && !c.req.RetryFailed
}

// sameSidecar compares strictly: a sidecar that is saved twice within two seconds may keep its size, and reading one again costs little.
func sameSidecar(a, b store.Sidecar) bool { return a == b }

// emit sends a task to the readers, or sets a suspect aside for the end.
func (c *comparer) emit(ctx context.Context, t task) error {
	c.found(1 + len(t.twins))
	if c.suspects[t.place] {
		c.aside = append(c.aside, t)
		return nil
	}
	select {
	case c.out <- t:
		return nil
	case <-c.stop.done:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}
