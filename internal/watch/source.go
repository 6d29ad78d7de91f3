package watch

import "github.com/fsnotify/fsnotify"

// source is a source of file system events. close closes both channels.
type source struct {
	events <-chan fsnotify.Event
	errors <-chan error
	add    func(dir string) error
	remove func(dir string) error
	close  func() error
	// trees says that watching a folder includes everything below it, even folders that are excluded.
	trees bool
}
