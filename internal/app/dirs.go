package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/private"
	"github.com/imgsearch/imgsearch/models"
)

// ErrNoHome is the error if the environment does not say where the platform's folders are.
var ErrNoHome = errors.New("the platform's data folder is unknown (HOME is not set)")

// dataDir is the platform's folder for a program's data: XDG_DATA_HOME or ~/.local/share on Linux,
// ~/Library/Application Support on macOS, LocalAppData on Windows.
func dataDir() (string, error) {
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "imgsearch"), nil
		}
		return "", ErrNoHome
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) && runtime.GOOS != "darwin" {
		return filepath.Join(dir, "imgsearch"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || home == "" {
		return "", ErrNoHome
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "imgsearch"), nil
	}
	return filepath.Join(home, ".local", "share", "imgsearch"), nil
}

// stateDir is XDG_STATE_HOME or ~/.local/state on Linux, and a subfolder of the program's data folder elsewhere.
func stateDir() (string, error) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		dir, err := dataDir()
		return filepath.Join(dir, "state"), err
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "imgsearch"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || home == "" {
		return "", ErrNoHome
	}
	return filepath.Join(home, ".local", "state", "imgsearch"), nil
}

// IndexPath returns the location of the configured index, or of the platform's default one: a path, or the URL of a database without its password.
func (a *App) IndexPath() (string, error) {
	name, err := a.indexName()
	return Index{Path: name}.Location(), err
}

// indexName returns the path or the URL of the configured index.
func (a *App) indexName() (string, error) {
	path := a.IndexFile
	if path == "" {
		path = os.Getenv("IMGSEARCH_INDEX")
	}
	if (Index{Path: path}).InDatabase() {
		return path, nil
	}
	if path != "" {
		return filepath.Abs(path)
	}
	dir, err := dataDir()
	if err != nil {
		return "", fmt.Errorf("find the index: %w", err)
	}
	return filepath.Join(dir, "index.db"), nil
}

// CacheDirs returns the folders for data that can be recreated, best first: IMGSEARCH_CACHE, the platform's cache folder, and a
// folder next to the index in case the home directory has no space. Code is loaded from there, and copies of models: folders that other users
// can change are left out, and reported once.
func (a *App) CacheDirs() []string {
	dirs, refused := a.cacheDirs()
	a.mu.Lock()
	report := !a.cachesReported && a.Notify != nil
	a.cachesReported = a.cachesReported || report
	a.mu.Unlock()
	if report {
		for _, r := range refused {
			a.Notify(r)
		}
	}
	return dirs
}

// CacheRefused is the notice that a cache folder is not used, because other users can change it.
type CacheRefused struct {
	Dir string
	Err error
}

// cacheDirs returns the folders that can be used, and those before them that cannot.
func (a *App) cacheDirs() (dirs []string, refused []CacheRefused) {
	for _, dir := range a.cachePlaces() {
		switch err := private.Check(dir); {
		case !isRefused(err):
			dirs = append(dirs, dir)
		case len(dirs) == 0: // otherwise a better one is used
			refused = append(refused, CacheRefused{dir, err})
		}
	}
	return dirs, refused
}

func isRefused(err error) bool {
	return errors.Is(err, private.ErrForeign) || errors.Is(err, private.ErrShared)
}

func (a *App) cachePlaces() []string {
	var dirs []string
	if dir := os.Getenv("IMGSEARCH_CACHE"); dir != "" {
		dirs = append(dirs, dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(dir, "imgsearch"))
	}
	if name, err := a.indexName(); err == nil {
		dirs = append(dirs, Index{Path: name}.Base()+".cache")
	}
	return dirs
}

// State returns the store for what was measured and observed on this machine. Its folders, best first: IMGSEARCH_STATE, the
// platform's state folder, and one next to the index.
func (a *App) State() provider.Store {
	var dirs []string
	if dir := os.Getenv("IMGSEARCH_STATE"); dir != "" {
		dirs = append(dirs, dir)
	}
	if dir, err := stateDir(); err == nil {
		dirs = append(dirs, dir)
	}
	if name, err := a.indexName(); err == nil {
		if cache := (Index{Path: name}).Base() + ".cache"; !isRefused(private.Check(cache)) {
			dirs = append(dirs, filepath.Join(cache, "state"))
		}
	}
	return provider.Store{Dirs: dirs}
}

// Models returns the store of downloaded models: IMGSEARCH_MODELS, or a folder in the platform's data folder. Its Dir is "" if there is no
// home directory.
func (a *App) Models() models.Store {
	if dir := os.Getenv("IMGSEARCH_MODELS"); dir != "" {
		return models.Store{Dir: dir}
	}
	dir, err := dataDir()
	if err != nil {
		return models.Store{} // then only the built-in model and model folders work
	}
	return models.Store{Dir: filepath.Join(dir, "models")}
}

// Library returns where to look for the native runtime.
func (a *App) Library() ortlib.Options {
	explicit := a.LibraryFile
	if explicit == "" {
		explicit = os.Getenv("IMGSEARCH_ORT_LIB")
	}
	return ortlib.Options{Explicit: explicit, UnpackDirs: a.CacheDirs()}
}
