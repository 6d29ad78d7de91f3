//go:build !windows

package watch

import "github.com/fsnotify/fsnotify"

// longName returns the path: only Windows has short names.
func longName(path string) string { return path }

func newSource() (*source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &source{events: w.Events, errors: w.Errors, add: w.Add, remove: w.Remove, close: w.Close}, nil
}
