package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// settle drops what is certainly gone, keeps and reports what may be an unplugged disk, and forgets old orphans.
func (r *run) settle(ctx context.Context) error {
	tx, err := r.store.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, g := range r.gone {
		s := settler{run: r, ctx: ctx, tx: tx, g: g}
		if err := s.root(); err != nil {
			return err
		}
	}
	if _, err := tx.DropOrphans(ctx, time.Now().AddDate(0, 0, -orphanDays)); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// settler settles one root.
type settler struct {
	*run
	ctx context.Context
	tx  store.Tx
	g   rootGone
}

func (s *settler) root() error {
	if s.g.unreachable != nil {
		return s.rootUnreachable()
	}
	if err := s.tx.DeleteFailures(s.ctx, s.g.failures); err != nil {
		return err
	}
	if err := s.renumber(); err != nil {
		return err
	}
	if err := s.excluded(); err != nil {
		return err
	}
	total, err := s.tx.CountFiles(s.ctx, s.g.root.ID)
	if err != nil {
		return err
	}
	suspicious, err := s.missingFolders()
	if err != nil {
		return err
	}
	var certain []store.Place
	for _, f := range s.g.files {
		if reason := s.keepReason(f); reason != "" {
			kept := suspicious[f.Dir]
			kept.places, kept.reason = append(kept.places, f.Place), reason
			suspicious[f.Dir] = kept
		} else {
			certain = append(certain, f.Place)
		}
	}
	// Files that were moved have left their old places by now.
	if certain, err = s.tx.Existing(s.ctx, certain); err != nil {
		return err
	}
	// More than a fifth of a root at once looks like an accident.
	if len(certain)*5 > total && !s.req.Prune {
		s.req.On.Warned(fmt.Sprintf("%d of the %d files of %s are gone; they stay in the index until `imgsearch index --prune`",
			len(certain), total, describe(s.g.root, "")))
		s.counts.add(func(n *tally) { n.unreachable++; n.kept += len(certain) })
		certain = nil
	}
	if err := s.drop(certain); err != nil {
		return err
	}
	if err := s.forgetFailures(suspicious); err != nil {
		return err
	}
	return s.report(suspicious)
}

// forgetFailures forgets what was remembered of files in folders that are left out now, or gone. A folder that may
// exist unseen keeps its failures, like its files.
func (s *settler) forgetFailures(kept map[string]keptFolder) error {
	dirs, err := s.tx.FailureFolders(s.ctx, store.Folder{Root: s.g.root.ID, Dir: s.g.start})
	if err != nil {
		return err
	}
	var gone []store.Folder
	for _, dir := range dirs {
		unseen := isBelow(dir, s.g.untouched) || kept[dir].reason != ""
		if _, err := s.brokenAbove(dir); err != nil {
			unseen = true
		}
		if s.g.visited[dir] || unseen && !isBelow(dir, s.g.excludedBelow) {
			continue
		}
		gone = append(gone, store.Folder{Root: s.g.root.ID, Dir: dir})
	}
	return s.tx.DeleteFailuresIn(s.ctx, gone)
}

// renumber writes down what the system calls the disks now.
func (s *settler) renumber() error {
	for change, places := range s.g.renumbered {
		var err error
		if s.g.sameDisk(change.from, change.to) {
			err = s.tx.Redevice(s.ctx, s.g.root.ID, change.from, change.to)
		} else {
			err = s.tx.SetDevice(s.ctx, s.g.root.ID, places, change.to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *settler) rootUnreachable() error {
	n, err := s.tx.CountFiles(s.ctx, s.g.root.ID)
	if err != nil {
		return err
	}
	if n == 0 && errors.Is(s.g.unreachable, errEmptyRoot) {
		return nil
	}
	s.counts.add(func(t *tally) { t.kept += n; t.unreachable++ })
	s.req.On.Warned(fmt.Sprintf("%s cannot be reached (%s); its %d files stay in the index (`imgsearch roots move` tells where it is now, `roots rm` forgets it)",
		describe(s.g.root, ""), rootTrouble(s.g.unreachable), n))
	return nil
}

// errEmptyRoot is a root that holds nothing any more: a mount point without its disk looks so.
var errEmptyRoot = errors.New("it is empty: is its disk connected?")

func rootTrouble(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "it is not there: is its disk connected?"
	}
	return fserr.Cause(err).Error()
}

func (s *settler) drop(places []store.Place) error {
	n, err := s.tx.DeleteFiles(s.ctx, places)
	s.counts.add(func(t *tally) { t.removed += n })
	return err
}

// excluded drops what rules leave out now.
func (s *settler) excluded() error {
	if err := s.drop(s.g.excluded); err != nil {
		return err
	}
	below := make([]store.Folder, len(s.g.excludedBelow))
	for i, dir := range s.g.excludedBelow {
		below[i] = store.Folder{Root: s.g.root.ID, Dir: dir}
	}
	n, err := s.tx.DeleteBelow(s.ctx, below)
	s.counts.add(func(t *tally) { t.removed += n })
	return err
}

// keptFolder is a folder of which files stay although they were not found, and why.
type keptFolder struct {
	reason string
	// files is how many they are in a folder that is missing; places are those in one that is there.
	files  int
	places []store.Place
}

// Reasons why a folder's files stay.
const (
	folderMissing  = "is missing"
	folderEmpty    = "is empty"
	folderElsewise = "is on another disk than before"
)

// keepReason tells why a file that its folder does not hold may still exist; "" if it is certainly gone.
func (s *settler) keepReason(f goneFile) string {
	if err, ok := s.g.broken[f.Dir]; ok {
		if errors.Is(err, fs.ErrNotExist) {
			return folderMissing
		}
		return "cannot be read completely: " + fserr.Cause(err).Error()
	}
	if !s.g.sameDisk(f.Device, f.device) {
		return folderElsewise
	}
	if f.empty && !s.req.Prune {
		return folderEmpty
	}
	return ""
}

// missingFolders finds the folders of the index that the walk did not come to, and why their files stay. With
// --prune, the files of a folder that is gone from a disk that is there are dropped.
func (s *settler) missingFolders() (map[string]keptFolder, error) {
	kept := make(map[string]keptFolder)
	folders, err := s.tx.Folders(s.ctx, store.Folder{Root: s.g.root.ID, Dir: s.g.start})
	if err != nil {
		return nil, err
	}
	var prunable []string
	for _, folder := range folders {
		if s.g.visited[folder.Dir] || isBelow(folder.Dir, s.g.excludedBelow) || isBelow(folder.Dir, s.g.untouched) {
			continue
		}
		reason := folderMissing
		if above, err := s.brokenAbove(folder.Dir); err != nil {
			reason = "cannot be examined (" + describe(s.g.root, above) + ": " + fserr.Cause(err).Error() + ")"
		} else if s.req.Prune {
			prunable = append(prunable, folder.Dir)
		}
		kept[folder.Dir] = keptFolder{reason: reason, files: folder.Files}
	}
	return kept, s.prune(prunable, kept)
}

// prune drops the files of missing folders that were on a disk that is there.
func (s *settler) prune(dirs []string, kept map[string]keptFolder) error {
	files, err := s.tx.FilesIn(s.ctx, s.g.root.ID, dirs)
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
	return s.drop(gone)
}

// onItsDisk tells whether the nearest folder that exists above a file is on the disk that held the file.
func (s *settler) onItsDisk(f store.File) bool {
	device, ok := s.deviceAbove(f.Place)
	// The row may have its new number by now.
	return ok && (device == f.Device || s.g.sameDisk(f.Device, device))
}

// brokenAbove finds a folder above dir that could not be read, so that dir may exist unseen.
func (s *settler) brokenAbove(dir string) (string, error) {
	for above := dir; above != "." && above != ""; {
		above = path.Dir(above)
		if above == "." {
			above = ""
		}
		if err, ok := s.g.broken[above]; ok && !errors.Is(err, fs.ErrNotExist) {
			return above, err
		}
	}
	return "", nil
}

func isBelow(dir string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return dir == f || strings.HasPrefix(dir, f+"/") })
}

// report tells of each folder whose files stay once. Folders that could not be read and hold no known file are told of
// too: something may be in them.
func (s *settler) report(kept map[string]keptFolder) error {
	for _, dir := range slices.Sorted(maps.Keys(kept)) {
		k := kept[dir]
		there, err := s.tx.Existing(s.ctx, k.places)
		if err != nil {
			return err
		}
		n := k.files + len(there)
		if n == 0 {
			continue // all of them were found elsewhere
		}
		s.counts.add(func(t *tally) { t.unreachable++; t.kept += n })
		s.req.On.Warned(fmt.Sprintf("%s %s; its %d files stay in the index%s", describe(s.g.root, dir), k.reason, n, pruneHint(k.reason)))
	}
	for dir, err := range s.g.broken {
		if kept[dir].reason == "" && !errors.Is(err, fs.ErrNotExist) {
			s.counts.add(func(n *tally) { n.unreachable++ })
			s.req.On.Warned(fmt.Sprintf("%s cannot be read completely: %v", describe(s.g.root, dir), fserr.Cause(err)))
		}
	}
	return nil
}

// pruneHint names the command that drops files which stay for a reason.
func pruneHint(reason string) string {
	if reason == folderMissing || reason == folderEmpty {
		return " (`imgsearch index --prune` drops them)"
	}
	return ""
}
