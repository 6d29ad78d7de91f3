package index

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// namedAhead is how many explicitly named files are looked up at once.
const namedAhead = 500

// namedFiles are the explicitly named files. They are looked up in the index many at a time.
type namedFiles struct {
	places []store.Place // in the order of the targets
	known  map[store.Place]store.Known
	asked  int
}

func newNamedFiles(targets []target) *namedFiles {
	n := &namedFiles{}
	for _, t := range targets {
		if t.file != "" {
			n.places = append(n.places, store.Place{Root: t.root.ID, Dir: t.start, Name: t.file})
		}
	}
	return n
}

// of returns what the index knew about a named file when it was looked up; callers ask for the places in order.
func (n *namedFiles) of(ctx context.Context, s store.Store, model string, at store.Place) (store.Known, error) {
	for n.asked < len(n.places) {
		if k, ok := n.known[at]; ok {
			return k, nil
		}
		chunk := n.places[n.asked:min(n.asked+namedAhead, len(n.places))]
		found, err := s.Known(ctx, model, chunk)
		if err != nil {
			return store.Known{}, err
		}
		n.known = make(map[store.Place]store.Known, len(chunk))
		for _, p := range chunk {
			n.known[p] = found[p]
		}
		n.asked += len(chunk)
	}
	if k, ok := n.known[at]; ok {
		return k, nil
	}
	found, err := s.Known(ctx, model, []store.Place{at}) // out of order
	return found[at], err
}

// singleFile compares an explicitly named file; rules about names do not apply to it.
func (c *comparer) singleFile(ctx context.Context, t target) error {
	if err := c.begin(ctx, t); err != nil {
		return err
	}
	place := store.Place{Root: t.root.ID, Dir: t.start, Name: t.file}
	file, device, reason, err := scan.Stat(c.path(place))
	switch {
	case err != nil:
		c.counts.add(func(n *Summary) { n.Scanned++; n.Failed++ })
		c.req.On.Failed(c.path(place), err)
		return nil
	case reason != "":
		c.counts.skip(string(reason))
		return nil
	}
	known, err := c.named.of(ctx, c.store, c.req.Model.Identity, place)
	if err != nil {
		return err
	}
	one := found{dir: t.start, device: device, file: file, frozen: true}
	if known.File != nil {
		one.known = known.File.State()
	}
	if known.Failure != nil {
		one.failure = *known.Failure
	}
	sidecars, exports := c.saidIn(filepath.Dir(c.path(place)))
	one.findSidecar(sidecars, false)
	one.findExport(exports, false)
	return c.single(ctx, one)
}

// saidIn returns a folder's sidecars and the JSON files of an export. It caches those of the last folder, since a list of files is usually grouped by
// folder.
func (c *comparer) saidIn(dir string) (scan.Sidecars, scan.Exports) {
	if c.sidecarDir != dir || c.sidecars == nil {
		c.sidecarDir, c.sidecars, c.exports = dir, scan.SidecarsIn(dir), scan.ExportsIn(dir)
	}
	return c.sidecars, c.exports
}

// knownFiles compares the files of a root that is not walked: those that were named explicitly before.
func (c *comparer) knownFiles(ctx context.Context, t target) error {
	if err := c.begin(ctx, t); err != nil {
		return err
	}
	folders, err := c.store.Folders(ctx, store.Folder{Root: t.root.ID})
	if err != nil {
		return err
	}
	dirs, err := c.store.FailureFolders(ctx, store.Folder{Root: t.root.ID})
	if err != nil {
		return err
	}
	for _, folder := range folders {
		dirs = append(dirs, folder.Dir)
	}
	slices.Sort(dirs)
	for _, dir := range slices.Compact(dirs) {
		f, err := c.knownFolder(ctx, dir)
		if err != nil {
			return err
		}
		if err := c.folder(ctx, f); err != nil {
			return err
		}
	}
	c.run.gone = append(c.run.gone, c.gone)
	return nil
}

// knownFolder returns a folder as a walk would, but with known files only.
func (c *comparer) knownFolder(ctx context.Context, dir string) (scan.Folder, error) {
	f := scan.Folder{Rel: dir}
	abs := store.Folder{Dir: dir}.Path(c.root.Path)
	entries, err := os.ReadDir(abs)
	f.Err = err
	f.Empty = err == nil && len(entries) == 0
	state, err := c.store.Folder(ctx, store.Folder{Root: c.root.ID, Dir: dir}, c.req.Model.Identity)
	if err != nil {
		return f, err
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(state.Files)), maps.Keys(state.Failures))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		file, _, reason, err := scan.Stat(filepath.Join(abs, name))
		if err == nil && (reason == "" || reason == scan.Placeholder) {
			f.Files = append(f.Files, file)
		}
	}
	f.Sidecars = slices.Collect(maps.Values(scan.SidecarsIn(abs)))
	f.Exports = slices.Collect(maps.Values(scan.ExportsIn(abs)))
	_, f.Device, _, err = scan.Stat(abs)
	if f.Err == nil {
		f.Err = err
	}
	return f, nil
}
