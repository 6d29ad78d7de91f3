package scan

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Walk visits the folder start (relative to root, with slashes; "" for the whole root) and everything below, parents
// before children, sorted by name. A root that is a symbolic link is followed. An error concerns start itself
// or comes from visit; unreadable folders below are visited with Err set.
func Walk(ctx context.Context, root, start string, o Options, visit func(Folder) error) error {
	rootInfo, err := os.Stat(root)
	if err != nil {
		return fmt.Errorf("walk: %w", err)
	}
	if !rootInfo.IsDir() {
		return fmt.Errorf("walk %s: %w", root, ErrNotFolder)
	}
	exclude, err := parseRules(o.Exclude, Excluded)
	if err != nil {
		return err
	}
	w := &walker{root: root, options: o, exclude: exclude, visit: visit, device: device(rootInfo)}
	// The ignore files of the folders above start apply to it too.
	var rules []ruleSet
	at := ""
	for _, name := range splitRel(start) {
		if rules, err = w.withIgnoreFile(rules, at); err != nil {
			return err
		}
		at = path.Join(at, name)
	}
	return w.walk(ctx, start, rules)
}

// Reaches reports whether a walk of the whole root visits rel: no link, name rule or ignore file excludes it or a
// folder above it. isFile means that rel is a file, whose extension is checked too.
func Reaches(root, rel string, isFile bool) bool {
	w := &walker{root: root}
	var rules []ruleSet
	at := ""
	parts := splitRel(rel)
	for i, name := range parts {
		var err error
		if rules, err = w.withIgnoreFile(rules, at); err != nil {
			return false
		}
		below := path.Join(at, name)
		info, err := os.Lstat(w.abs(below))
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return false
		}
		folder := i < len(parts)-1 || !isFile
		if w.rule(at, below, name, folder, rules) != "" || !folder && byName(name) != "" {
			return false
		}
		at = below
	}
	return true
}

func splitRel(rel string) []string {
	if rel == "" {
		return nil
	}
	return strings.Split(rel, "/")
}

type walker struct {
	root    string
	options Options
	exclude ruleSet
	visit   func(Folder) error
	device  uint64 // of the root
}

func (w *walker) abs(rel string) string {
	return filepath.Join(w.root, filepath.FromSlash(rel))
}

func (w *walker) withIgnoreFile(rules []ruleSet, rel string) ([]ruleSet, error) {
	set, err := readIgnoreFile(w.abs(rel), rel)
	if err != nil || set.isEmpty() {
		return rules, err
	}
	return append(slices.Clip(rules), set), nil
}

func (w *walker) walk(ctx context.Context, rel string, rules []ruleSet) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	folder := Folder{Rel: rel}
	dir := w.abs(rel)
	info, err := os.Stat(dir)
	if err != nil {
		folder.Err = err
		return w.visit(folder)
	}
	folder.Device = device(info)
	entries, err := os.ReadDir(dir) // sorted; includes the entries read before an error
	folder.Err = err
	folder.Empty = err == nil && len(entries) == 0
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == IgnoreFile }) {
		if rules, err = w.withIgnoreFile(rules, rel); err != nil {
			// Without these rules, files that the user excluded would be indexed.
			folder.Err, folder.Empty = err, false
			return w.visit(folder)
		}
	}
	var below []string
	for _, e := range entries {
		w.sort(&folder, &below, e, rules)
	}
	markLivePhotos(&folder)
	if err := w.visit(folder); err != nil {
		return err
	}
	for _, child := range below {
		if err := w.walk(ctx, child, rules); err != nil {
			return err
		}
	}
	return nil
}

// sort adds one entry to the files, the folders below, or the skipped entries.
func (w *walker) sort(folder *Folder, below *[]string, e fs.DirEntry, rules []ruleSet) {
	name := e.Name()
	rel := path.Join(folder.Rel, name)
	skip := func(r Reason) {
		folder.Skipped = append(folder.Skipped, Skip{Name: name, Folder: e.IsDir(), Reason: r})
	}
	if r := w.rule(folder.Rel, rel, name, e.IsDir(), rules); r != "" {
		skip(r)
		return
	}
	switch mode := e.Type(); {
	case mode&fs.ModeSymlink != 0:
		skip(Symlink)
		return
	case !mode.IsDir() && !mode.IsRegular():
		skip(Special)
		return
	}
	if !e.IsDir() {
		if r := byName(name); r != "" {
			skip(r)
			switch {
			case isSidecar(name):
				folder.Sidecars = addSaying(folder.Sidecars, e)
			case isExport(name):
				folder.Exports = addSaying(folder.Exports, e)
			}
			return
		}
	}
	info, err := e.Info()
	if err != nil {
		// The entry vanished since the folder was read, or its attributes cannot be read; only the latter makes the folder incomplete.
		if folder.Err == nil && !isGone(err) {
			folder.Err = err
		}
		return
	}
	switch {
	case isHidden(info):
		skip(Hidden)
	case e.IsDir() && w.options.OneFileSystem && device(info) != w.device:
		skip(OtherFilesystem)
	case e.IsDir():
		*below = append(*below, rel)
	default:
		folder.Files = append(folder.Files, newFile(info))
	}
}

// addSaying adds a file that may say something about a picture.
func addSaying(list []File, e fs.DirEntry) []File {
	if info, err := e.Info(); err == nil {
		list = append(list, newFile(info))
	}
	return list
}

// rule applies the rules about names and patterns, without touching the disk.
func (w *walker) rule(parent, rel, name string, isFolder bool, rules []ruleSet) Reason {
	if isFolder {
		if systemFolder(name) {
			return System
		}
		if inPhotosLibrary(w.root, parent) && name != "originals" {
			return PhotosLibrary
		}
	} else if inPhotosLibrary(w.root, parent) {
		return PhotosLibrary
	}
	if strings.HasPrefix(name, ".") {
		return Hidden
	}
	return match(w.exclude, rules, rel, isFolder)
}

// inPhotosLibrary reports whether parent is itself a macOS photo library.
func inPhotosLibrary(root, parent string) bool {
	name := path.Base(parent)
	if parent == "" {
		name = filepath.Base(root)
	}
	return strings.HasSuffix(strings.ToLower(name), ".photoslibrary")
}

func newFile(info fs.FileInfo) File {
	return File{Name: info.Name(), Size: info.Size(), ModTime: info.ModTime(), Placeholder: isPlaceholder(info)}
}

// Stat examines one file that the user named explicitly: rules about names and folders do not apply. It follows a
// symbolic link. reason is why the file cannot be a picture, or "".
func Stat(file string) (f File, dev uint64, reason Reason, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return File{}, 0, "", err
	}
	f = newFile(info)
	f.Name = filepath.Base(file)
	switch {
	case !info.Mode().IsRegular():
		return f, device(info), Special, nil
	case f.Placeholder:
		return f, device(info), Placeholder, nil
	}
	return f, device(info), "", nil
}
