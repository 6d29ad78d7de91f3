package embed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
)

// CompiledDir returns the cache folder for what a provider compiles from a tower; "" if it keeps nothing.
func (l *setup) CompiledDir(file string, d provider.Definition, variant string, batch int) string {
	if d.CacheOption == "" || len(l.options.CacheDirs) == 0 {
		return ""
	}
	library, err := l.library()
	if err != nil {
		return ""
	}
	return CompiledDir(l.options.CacheDirs[0], d.Name, library, l.spec.towerKey(file), variant, batch)
}

// CompiledDir returns the folder for what a provider compiles: one per runtime library, tower, setting and batch size, so that
// nothing is ever mistaken for something else.
func CompiledDir(cacheDir string, n provider.Name, l ortlib.Library, tower, variant string, batch int) string {
	return filepath.Join(compiledRoot(cacheDir, n, l), tower, fmt.Sprintf("%s-%d", strings.ToLower(variant), batch))
}

// compiledRoot identifies the library by its size and modification time: the bundled one is unpacked under its digest, with its own time.
func compiledRoot(cacheDir string, n provider.Name, l ortlib.Library) string {
	version := "unknown"
	if info, err := os.Stat(l.Path); err == nil {
		version = fmt.Sprintf("%x-%x", info.Size(), info.ModTime().Unix())
	}
	return filepath.Join(cacheDir, string(n), version)
}

// DropStaleCompiled removes what was compiled with other runtime libraries, which will not be used again.
func DropStaleCompiled(cacheDirs []string, l ortlib.Library) error {
	var errs []error
	for _, dir := range cacheDirs {
		for _, d := range provider.Accelerators(runtime.GOOS, runtime.GOARCH) {
			if d.CacheOption != "" {
				errs = append(errs, dropStale(dir, d.Name, l))
			}
		}
	}
	return errors.Join(errs...)
}

func dropStale(cacheDir string, n provider.Name, l ortlib.Library) error {
	var errs []error
	now := compiledRoot(cacheDir, n, l)
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(now), "*"))
	for _, path := range others {
		if path != now {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

// DropCompiledBut removes what was compiled from a tower for measuring, except for the candidate that is used.
func (l *Loader) DropCompiledBut(file string, used provider.Measured) {
	keep := []provider.Measured{used}
	for _, v := range l.options.Accelerate.State.Verdicts() { // those of other kinds of sessions
		if v.Slot.Tower == towerOf(file) && v.Slot.Model == l.spec.towerKey(file) {
			keep = append(keep, v.Best())
		}
	}
	for _, d := range l.Accelerators() {
		kept := make(map[string]bool)
		for _, m := range keep {
			if m.Provider == d.Name {
				kept[l.CompiledDir(file, d, m.Variant, m.Batch)] = true
			}
		}
		at := l.CompiledDir(file, d, d.Variants[0].Name, 1)
		if at == "" {
			continue
		}
		compiled, _ := filepath.Glob(filepath.Join(filepath.Dir(at), "*"))
		for _, path := range compiled {
			if !kept[path] {
				_ = os.RemoveAll(path) // the next warmup tries again
			}
		}
	}
}
