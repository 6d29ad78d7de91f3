package app

import (
	"os"
	"slices"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// Program returns the path of this program, which child processes run; "" if the system does not report it.
func Program() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// Loading says how to load a model.
type Loading struct {
	// Provider is the provider to run it on; "" is the processor.
	Provider provider.Name
	// OneShot says that each tower will run only once.
	OneShot bool
}

// Loader returns a new loader for a model. It has not loaded anything yet; CloseLoaders closes it.
func (a *App) Loader(m Model, o Loading) *embed.Loader {
	l := embed.NewLoader(m.Spec, embed.Options{
		Library: a.Runtime(), Precision: m.Precision, CacheDirs: a.CacheDirs(), FreeBytes: disk.Free, OneShot: o.OneShot,
		Logf: a.Logf, Notify: func(n embed.Notice) { a.Notify(n) },
		Accelerate: embed.Acceleration{
			Asked: o.Provider, State: a.State(), Session: machine.CurrentSession(), Program: Program(), Stop: a.Stop,
		},
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = append(a.loaders, l)
	return l
}

// Runtime returns where to find the native runtime, and how to report its crashes.
func (a *App) Runtime() embed.RuntimeOptions {
	o := embed.RuntimeOptions{Options: a.Library(), Crash: a.Crash}
	if p := Program(); p != "" {
		o.Vet = embed.Vet(a.Stop, a.State(), p, a.Logf)
	}
	return o
}

// CloseLoaders closes all loaders, which stops using accelerators.
func (a *App) CloseLoaders() {
	for _, l := range a.made() {
		l.Close()
	}
}

// FreeLoaders closes all loaders and frees their memory, for a process that keeps running.
func (a *App) FreeLoaders() {
	a.CloseLoaders()
	for _, l := range a.made() {
		l.Free()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = nil
}

// Release closes a loader and frees its memory.
func (a *App) Release(l *embed.Loader) {
	l.Close()
	l.Free()
	a.forget(l)
}

// forget removes a loader that was freed from those that CloseLoaders closes.
func (a *App) forget(l *embed.Loader) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = slices.DeleteFunc(a.loaders, func(other *embed.Loader) bool { return other == l })
}

// AbandonLoaders records for the next run that this one did not crash. It is called before the process exits immediately.
func (a *App) AbandonLoaders() {
	for _, l := range a.made() {
		l.Interrupted()
	}
}

func (a *App) made() []*embed.Loader {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.loaders)
}
