package cmd

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// errNoHome is an environment in which the platform's folders cannot be told.
var errNoHome = errors.New("the platform's data folder is unknown (HOME is not set)")

// dataDir is the platform's folder for a program's data: XDG_DATA_HOME or ~/.local/share on Linux,
// ~/Library/Application Support on macOS, LocalAppData on Windows.
func dataDir() (string, error) {
	if runtime.GOOS == "windows" {
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "imgsearch"), nil
		}
		return "", errNoHome
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) && runtime.GOOS != "darwin" {
		return filepath.Join(dir, "imgsearch"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil || home == "" {
		return "", errNoHome
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "imgsearch"), nil
	}
	return filepath.Join(home, ".local", "share", "imgsearch"), nil
}

// indexPath is the index that the user chose, or the platform's.
func (a *App) indexPath() (string, error) {
	path := a.index
	if path == "" {
		path = os.Getenv("IMGSEARCH_INDEX")
	}
	if path == "" {
		dir, err := dataDir()
		if err != nil {
			return "", usageError("give the index with --index FILE or IMGSEARCH_INDEX", "find the index: %w", err)
		}
		return filepath.Join(dir, "index.db"), nil
	}
	return filepath.Abs(path)
}

// cacheDirs are the folders that may keep what can be made again, best first: IMGSEARCH_CACHE, the platform's, and a
// folder beside the index where the home has no room for it.
func (a *App) cacheDirs() []string {
	var dirs []string
	if dir := os.Getenv("IMGSEARCH_CACHE"); dir != "" {
		dirs = append(dirs, dir)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(dir, "imgsearch"))
	}
	if path, err := a.indexPath(); err == nil {
		dirs = append(dirs, path+".cache")
	}
	return dirs
}
