package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// settle drops what is certainly gone, keeps and reports what may be an unplugged disk, and forgets old orphans.
func (r *run) settle(ctx context.Context) error {
	b, err := r.store.Begin(ctx)
	if err != nil {
		return err
	}
	defer b.Rollback()
	for _, g := range r.gone {
		s := settler{run: r, ctx: ctx, b: b, g: g}
		if err := s.root(); err != nil {
			return err
		}
	}
	dropped, err := b.DropOrphans(ctx, time.Now().AddDate(0, 0, -orphanDays))
	if err != nil {
		return err
	}
	if dropped > 0 {
		// A new picture may get the number of one that is gone, which the vector files still have.
		if err := b.ForgetFlatFiles(ctx); err != nil {
			return err
		}
	}
	return b.Commit()
}

// settler settles one root.
type settler struct {
	*run
	ctx context.Context
	b   *sqlite.Batch
	g   rootGone
}

func (s *settler) root() error {
	if s.g.unreachable != nil {
		return s.rootUnreachable()
	}
	for _, place := range s.g.returned {
		if err := s.b.Returned(s.ctx, place); err != nil {
			return err
		}
	}
	for _, place := range s.g.failures {
		if err := s.b.DeleteFailure(s.ctx, place); err != nil {
			return err
		}
	}
	if err := s.renumber(); err != nil {
		return err
	}
	if err := s.excluded(); err != nil {
		return err
	}
	total, err := s.b.CountFiles(s.ctx, s.g.root.ID)
	if err != nil {
		return err
	}
	suspicious, err := s.missingFolders()
	if err != nil {
		return err
	}
	var certain []sqlite.Place
	for _, f := range s.g.files {
		if reason := s.keepReason(f); reason != "" {
			suspicious[f.Dir] = append(suspicious[f.Dir], keptFile{f.Place, reason})
		} else {
			certain = append(certain, f.Place)
		}
	}
	// Files that were moved have left their old places by now.
	if certain, err = s.stillThere(certain); err != nil {
		return err
	}
	// More than a fifth of a root at once looks like an accident.
	if len(certain)*5 > total && !s.req.Prune {
		s.req.On.Warned(fmt.Sprintf("%d of the %d files of %s are gone; they stay in the index until `imgsearch index --prune`",
			len(certain), total, describe(s.g.root, "")))
		s.counts.add(func(n *tally) { n.unreachable++ })
		if err := s.keep(certain); err != nil {
			return err
		}
		certain = nil
	}
	for _, at := range certain {
		if err := s.drop(at); err != nil {
			return err
		}
	}
	if err := s.forgetFailures(suspicious); err != nil {
		return err
	}
	return s.report(suspicious)
}

// forgetFailures forgets what was remembered of files in folders that are left out now, or gone. A folder that may
// exist unseen keeps its failures, like its files.
func (s *settler) forgetFailures(kept map[string][]keptFile) error {
	dirs, err := s.b.FailureFolders(s.ctx, s.g.root.ID, s.g.start)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		unseen := isBelow(dir, s.g.untouched) || len(kept[dir]) > 0
		if _, err := s.brokenAbove(dir); err != nil {
			unseen = true
		}
		if s.g.visited[dir] || unseen && !isBelow(dir, s.g.excludedBelow) {
			continue
		}
		if err := s.b.DeleteFailures(s.ctx, s.g.root.ID, dir); err != nil {
			return err
		}
	}
	return nil
}

// stillThere keeps the places at which the index has a file.
func (s *settler) stillThere(places []sqlite.Place) ([]sqlite.Place, error) {
	var there []sqlite.Place
	for _, at := range places {
		_, ok, err := s.b.FileAt(s.ctx, at)
		if err != nil {
			return nil, err
		}
		if ok {
			there = append(there, at)
		}
	}
	return there, nil
}

// renumber writes down what the system calls the disks now.
func (s *settler) renumber() error {
	for change, places := range s.g.renumbered {
		if s.g.sameDisk(change.from, change.to) {
			if err := s.b.Redevice(s.ctx, s.g.root.ID, change.from, change.to); err != nil {
				return err
			}
			continue
		}
		for _, at := range places {
			if err := s.b.SetDevice(s.ctx, at, change.to); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *settler) rootUnreachable() error {
	n, err := s.b.CountFiles(s.ctx, s.g.root.ID)
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

func (s *settler) drop(at sqlite.Place) error {
	ok, err := s.b.DeleteFile(s.ctx, at)
	if ok {
		s.counts.add(func(n *tally) { n.removed++ })
	}
	return err
}

func (s *settler) keep(places []sqlite.Place) error {
	for _, at := range places {
		if err := s.b.KeepGone(s.ctx, at, s.runID); err != nil {
			return err
		}
	}
	s.counts.add(func(n *tally) { n.kept += len(places) })
	return nil
}

// excluded drops what rules leave out now.
func (s *settler) excluded() error {
	places := s.g.excluded
	for _, dir := range s.g.excludedBelow {
		below, err := s.b.FolderPlaces(s.ctx, s.g.root.ID, dir, true)
		if err != nil {
			return err
		}
		places = append(places, below...)
	}
	for _, at := range places {
		if err := s.drop(at); err != nil {
			return err
		}
	}
	return nil
}

// keptFile is a file that stays although it was not found, and why.
type keptFile struct {
	sqlite.Place
	reason string
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
func (s *settler) missingFolders() (map[string][]keptFile, error) {
	kept := make(map[string][]keptFile)
	folders, err := s.b.Folders(s.ctx, s.g.root.ID, s.g.start)
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		if s.g.visited[folder.Dir] || isBelow(folder.Dir, s.g.excludedBelow) || isBelow(folder.Dir, s.g.untouched) {
			continue
		}
		places, err := s.b.FolderPlaces(s.ctx, s.g.root.ID, folder.Dir, false)
		if err != nil {
			return nil, err
		}
		for _, at := range places {
			f, ok, err := s.b.FileAt(s.ctx, at)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			reason := folderMissing
			if above, err := s.brokenAbove(folder.Dir); err != nil {
				reason = "cannot be examined (" + describe(s.g.root, above) + ": " + fserr.Cause(err).Error() + ")"
			} else if s.req.Prune && s.onItsDisk(f) {
				if err := s.drop(at); err != nil {
					return nil, err
				}
				continue
			}
			kept[folder.Dir] = append(kept[folder.Dir], keptFile{at, reason})
		}
	}
	return kept, nil
}

// onItsDisk tells whether the nearest folder that exists above a file is on the disk that held the file.
func (s *settler) onItsDisk(f sqlite.File) bool {
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

// report keeps files and tells of each folder once. Folders that could not be read and hold no known file are told of
// too: something may be in them.
func (s *settler) report(kept map[string][]keptFile) error {
	dirs := make([]string, 0, len(kept))
	for dir := range kept {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		places := make([]sqlite.Place, 0, len(kept[dir]))
		for _, f := range kept[dir] {
			places = append(places, f.Place)
		}
		places, err := s.stillThere(places)
		if err != nil {
			return err
		}
		if len(places) == 0 {
			continue // all of them were found elsewhere
		}
		if err := s.keep(places); err != nil {
			return err
		}
		s.counts.add(func(n *tally) { n.unreachable++ })
		s.req.On.Warned(fmt.Sprintf("%s %s; its %d files stay in the index%s", describe(s.g.root, dir), kept[dir][0].reason, len(places), mend(kept[dir][0].reason)))
	}
	for dir, err := range s.g.broken {
		if len(kept[dir]) == 0 && !errors.Is(err, fs.ErrNotExist) {
			s.counts.add(func(n *tally) { n.unreachable++ })
			s.req.On.Warned(fmt.Sprintf("%s cannot be read completely: %v", describe(s.g.root, dir), fserr.Cause(err)))
		}
	}
	return nil
}

func mend(reason string) string {
	if reason == folderMissing || reason == folderEmpty {
		return " (`imgsearch index --prune` drops them)"
	}
	return ""
}
