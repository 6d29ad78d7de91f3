package watch

import "github.com/fsnotify/fsnotify"

// source is where the system's events come from. close ends both channels.
type source struct {
	events <-chan fsnotify.Event
	errors <-chan error
	add    func(dir string) error
	remove func(dir string) error
	close  func() error
	// trees tells that all below a folder is watched with it, whether it counts or not.
	trees bool
}
