package app

import (
	"os"
	"slices"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// Program is this program, which child processes run; "" where the system does not tell.
func Program() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// Loading says how a model is to be loaded.
type Loading struct {
	// Provider is where it is to compute; "" is the processor.
	Provider provider.Name
	// OneShot says that each tower will run a single time.
	OneShot bool
}

// Loader returns a new loader of a model. It has loaded nothing yet; CloseLoaders closes it.
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

// Runtime says where the native runtime is, and what a crash of it is reported as.
func (a *App) Runtime() embed.RuntimeOptions {
	o := embed.RuntimeOptions{Options: a.Library(), Crash: a.Crash}
	if p := Program(); p != "" {
		o.Vet = embed.Vet(a.Stop, a.State(), p, a.Logf)
	}
	return o
}

// CloseLoaders ends the use of accelerators.
func (a *App) CloseLoaders() {
	for _, l := range a.made() {
		l.Close()
	}
}

// FreeLoaders is CloseLoaders of a process that goes on.
func (a *App) FreeLoaders() {
	a.CloseLoaders()
	for _, l := range a.made() {
		l.Free()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = nil
}

// AbandonLoaders tells the next run that this one did not crash, before the process is ended at once.
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
