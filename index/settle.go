package index

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// orphanDays is how long the vectors of a picture without a file are kept: the picture may come back from another disk.
const orphanDays = 90

// settle drops files that are certainly gone, keeps and reports files that may be on an unplugged disk, and drops old orphans.
func (r *run) settle(ctx context.Context) error {
	tx, err := r.store.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	before := r.counts.get().Counts
	for _, g := range r.gone {
		s := settler{run: r, tx: tx, g: g}
		r.counts.add(func(n *Summary) { n.Roots = append(n.Roots, g.root.ID) })
		if err := s.root(ctx); err != nil {
			return err
		}
	}
	if _, err := tx.DropOrphans(ctx, time.Now().AddDate(0, 0, -orphanDays)); err != nil {
		return err
	}
	if r.req.Committing != nil {
		if err := r.req.Committing(ctx, tx, Commit{Added: r.counts.get().Minus(before), Settles: true}); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// settler settles one root.
type settler struct {
	*run

	tx store.Tx
	g  rootGone
}

func (s *settler) root(ctx context.Context) error {
	if s.g.unreachable != nil {
		return s.rootUnreachable(ctx)
	}
	if err := s.tx.DeleteFailures(ctx, s.g.failures); err != nil {
		return err
	}
	if err := s.renumber(ctx); err != nil {
		return err
	}
	if err := s.excluded(ctx); err != nil {
		return err
	}
	total, err := s.tx.CountFiles(ctx, s.g.root.ID)
	if err != nil {
		return err
	}
	kept, err := s.missingFolders(ctx)
	if err != nil {
		return err
	}
	if s.req.Prune {
		if err := s.prune(ctx, kept); err != nil {
			return err
		}
	}
	var certain []store.Place
	for _, f := range s.g.files {
		if why := s.keepReason(f); why != 0 {
			k := kept[f.Dir]
			k.places, k.why = append(k.places, f.Place), why
			kept[f.Dir] = k
		} else {
			certain = append(certain, f.Place)
		}
	}
	// Files that were moved have left their old places by now.
	if certain, err = s.tx.Existing(ctx, certain); err != nil {
		return err
	}
	// Losing more than a fifth of a root at once looks like an accident.
	if len(certain)*5 > total && !s.req.Prune {
		s.req.On.Noticed(ManyGone{s.g.root.Path, len(certain), total})
		s.counts.add(func(n *Summary) { n.Unreachable++; n.Kept += len(certain) })
		certain = nil
	}
	if err := s.drop(ctx, certain); err != nil {
		return err
	}
	if err := s.forgetFailures(ctx, kept); err != nil {
		return err
	}
	return s.report(ctx, kept)
}

// forgetFailures drops the remembered failures of files in folders that are now excluded or gone. A folder that may
// still exist unseen keeps its failures, like its files.
func (s *settler) forgetFailures(ctx context.Context, kept map[string]keptFolder) error {
	dirs, err := s.tx.FailureFolders(ctx, store.Folder{Root: s.g.root.ID, Dir: s.g.start})
	if err != nil {
		return err
	}
	var gone []store.Folder
	for _, dir := range dirs {
		_, unseen := s.unreadAbove(dir)
		unseen = unseen || isBelow(dir, s.g.untouched) || kept[dir].why != 0
		if s.g.visited[dir] || unseen && !isBelow(dir, s.g.excludedBelow) {
			continue
		}
		gone = append(gone, store.Folder{Root: s.g.root.ID, Dir: dir})
	}
	return s.tx.DeleteFailuresIn(ctx, gone)
}

// renumber records the device numbers that the disks have now.
func (s *settler) renumber(ctx context.Context) error {
	for change, places := range s.g.renumbered {
		var err error
		if s.g.sameDisk(change.from, change.to) {
			err = s.tx.Redevice(ctx, s.g.root.ID, change.from, change.to)
		} else {
			err = s.tx.SetDevice(ctx, s.g.root.ID, places, change.to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *settler) rootUnreachable(ctx context.Context) error {
	n, err := s.tx.CountFiles(ctx, s.g.root.ID)
	if err != nil {
		return err
	}
	if n == 0 && errors.Is(s.g.unreachable, ErrEmptyRoot) {
		return nil
	}
	s.counts.add(func(t *Summary) {
		t.Kept += n
		t.Unreachable++
		t.UnreachableRoots = append(t.UnreachableRoots, s.g.root.ID)
	})
	s.req.On.Noticed(RootUnreachable{s.g.root.Path, s.g.unreachable, n})
	return nil
}

// ErrEmptyRoot means that a root is now empty, as a mount point without its disk is.
var ErrEmptyRoot = errors.New("it is empty")

func (s *settler) drop(ctx context.Context, places []store.Place) error {
	n, err := s.tx.DeleteFiles(ctx, places)
	s.counts.add(func(t *Summary) { t.Removed += n })
	return err
}

// excluded drops the files that rules now exclude.
func (s *settler) excluded(ctx context.Context) error {
	if err := s.drop(ctx, s.g.excluded); err != nil {
		return err
	}
	below := make([]store.Folder, len(s.g.excludedBelow))
	for i, dir := range s.g.excludedBelow {
		below[i] = store.Folder{Root: s.g.root.ID, Dir: dir}
	}
	n, err := s.tx.DeleteBelow(ctx, below)
	s.counts.add(func(t *Summary) { t.Removed += n })
	return err
}

// keptFolder is a folder whose files stay in the index although they were not found, and why.
type keptFolder struct {
	why KeepReason
	// above is the folder that could not be read, for FolderUnseen.
	above string
	// files is the number of files in a missing folder; places are the files of a folder that exists.
	files  int
	places []store.Place
}

// keepReason returns why a file that is not in its folder may still exist; 0 if it is certainly gone.
func (s *settler) keepReason(f goneFile) KeepReason {
	err, unread := s.g.broken[f.Dir]
	switch {
	case unread && errors.Is(err, fs.ErrNotExist):
		return FolderMissing
	case unread:
		return FolderUnread
	case !s.g.sameDisk(f.Device, f.device):
		return FolderElsewhere
	case f.empty && !s.req.Prune:
		return FolderEmpty
	}
	return 0
}

// missingFolders returns the indexed folders that the walk did not reach, and why their files stay.
func (s *settler) missingFolders(ctx context.Context) (map[string]keptFolder, error) {
	folders, err := s.tx.Folders(ctx, store.Folder{Root: s.g.root.ID, Dir: s.g.start})
	if err != nil {
		return nil, err
	}
	kept := make(map[string]keptFolder)
	for _, folder := range folders {
		if s.g.visited[folder.Dir] || isBelow(folder.Dir, s.g.excludedBelow) || isBelow(folder.Dir, s.g.untouched) {
			continue
		}
		k := keptFolder{why: FolderMissing, files: folder.Files}
		if above, unseen := s.unreadAbove(folder.Dir); unseen {
			k.why, k.above = FolderUnseen, above
		}
		kept[folder.Dir] = k
	}
	return kept, nil
}

// prune drops the files of missing folders whose disk is connected, and removes them from kept.
func (s *settler) prune(ctx context.Context, kept map[string]keptFolder) error {
	var dirs []string
	for dir, k := range kept {
		if k.why == FolderMissing {
			dirs = append(dirs, dir)
		}
	}
	files, err := s.tx.FilesIn(ctx, s.g.root.ID, dirs)
	if err != nil {
		return err
	}
	var gone []store.Place
	for _, f := range files {
		if !s.onItsDisk(f) {
			continue
		}
		gone = append(gone, f.Place)
		k := kept[f.Dir]
		if k.files--; k.files == 0 {
			delete(kept, f.Dir)
		} else {
			kept[f.Dir] = k
		}
	}
	return s.drop(ctx, gone)
}

// onItsDisk reports whether the nearest existing folder above a file is on the disk that held the file.
func (s *settler) onItsDisk(f store.File) bool {
	device, ok := s.deviceAbove(f.Place)
	// The row may already have its new device number.
	return ok && (device == f.Device || s.g.sameDisk(f.Device, device))
}

// unreadAbove returns a folder above dir that could not be read, so that dir may exist unseen.
func (s *settler) unreadAbove(dir string) (above string, ok bool) {
	for above := dir; above != "." && above != ""; {
		above = path.Dir(above)
		if above == "." {
			above = ""
		}
		if err, broken := s.g.broken[above]; broken && !errors.Is(err, fs.ErrNotExist) {
			return above, true
		}
	}
	return "", false
}

func isBelow(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// report sends one notice for each folder whose files stay. It also reports unreadable folders without known files: new files
// may be in them.
func (s *settler) report(ctx context.Context, kept map[string]keptFolder) error {
	for _, dir := range slices.Sorted(maps.Keys(kept)) {
		k := kept[dir]
		there, err := s.tx.Existing(ctx, k.places)
		if err != nil {
			return err
		}
		n := k.files + len(there)
		if n == 0 {
			continue // all of them were found elsewhere
		}
		s.counts.add(func(t *Summary) { t.Unreachable++; t.Kept += n })
		notice := FilesKept{Folder: s.folderPath(dir), Why: k.why, Files: n}
		switch k.why {
		case FolderUnread:
			notice.Err = fserr.Cause(s.g.broken[dir])
		case FolderUnseen:
			notice.Above, notice.Err = s.folderPath(k.above), fserr.Cause(s.g.broken[k.above])
		case FolderMissing, FolderEmpty, FolderElsewhere:
		}
		s.req.On.Noticed(notice)
	}
	for dir, err := range s.g.broken {
		if kept[dir].why == 0 && !errors.Is(err, fs.ErrNotExist) {
			s.counts.add(func(n *Summary) { n.Unreachable++ })
			s.req.On.Noticed(FolderUnreadable{s.folderPath(dir), fserr.Cause(err)})
		}
	}
	return nil
}

func (s *settler) folderPath(dir string) string { return store.Folder{Dir: dir}.Path(s.g.root.Path) }
