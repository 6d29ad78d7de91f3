package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/guard"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// askedProvider is what --provider, --cpu and IMGSEARCH_PROVIDER say.
type askedProvider struct {
	name string
	cpu  bool
}

// flags adds the flags that choose a provider.
func (q *askedProvider) flags(f *pflag.FlagSet) {
	f.StringVar(&q.name, "provider", "", "compute on `auto`, cpu, coreml, cuda or webgpu (default: auto, the fastest that works)")
	f.BoolVar(&q.cpu, "cpu", false, "compute on the processor, as --provider cpu")
}

// choose returns the provider that was asked for.
func (q *askedProvider) choose() (provider.Name, error) {
	name, from := q.name, "--provider"
	if name == "" && !q.cpu {
		name, from = os.Getenv("IMGSEARCH_PROVIDER"), "IMGSEARCH_PROVIDER"
	}
	n, err := provider.Parse(name)
	if err != nil {
		return "", usageError("give auto, cpu, coreml, cuda or webgpu", "%s: %w", from, err)
	}
	if q.cpu {
		if name != "" && n != provider.CPU {
			return "", usageError("give one of them", "--cpu and --provider %s", n)
		}
		return provider.CPU, nil
	}
	return n, nil
}

// check refuses a provider that there is not, and notes the one that was asked for.
func (q *askedProvider) check(a *App) (err error) {
	a.provider, err = q.choose()
	return err
}

// stateDirs are the folders that may keep what was found out about this machine, best first: IMGSEARCH_STATE, the
// platform's, a folder beside the index.
func (a *App) stateDirs() []string {
	var dirs []string
	if dir := os.Getenv("IMGSEARCH_STATE"); dir != "" {
		dirs = append(dirs, dir)
	}
	if dir, err := stateDir(); err == nil {
		dirs = append(dirs, dir)
	}
	if path, err := a.indexPath(); err == nil {
		dirs = append(dirs, filepath.Join(path+".cache", "state"))
	}
	return dirs
}

// stateDir is XDG_STATE_HOME or ~/.local/state on Linux; elsewhere a folder among the program's data.
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
		return "", errNoHome
	}
	return filepath.Join(home, ".local", "state", "imgsearch"), nil
}

func (a *App) state() provider.Store { return provider.Store{Dirs: a.stateDirs()} }

// program is this program, which child processes run; "" where the system does not tell.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return path
}

// acceleration says what a loader may use besides the processor.
func (a *App) acceleration() embed.Acceleration {
	return embed.Acceleration{
		Asked: a.provider, State: a.state(), Session: machine.CurrentSession(), Program: program(), Warnf: a.warnf,
		Context: a.interrupts.context(),
	}
}

// runtimeOptions say where the native runtime is, and what a crash of it is reported as.
func (a *App) runtimeOptions() embed.RuntimeOptions {
	o := embed.RuntimeOptions{Options: a.libraryOptions(), Crash: a.crashReport}
	if p := program(); p != "" {
		o.Vet = embed.VetOnce(a.interrupts.context(), a.state(), p, a.logf)
	}
	return o
}

// crashReport is how a crash of native code is reported: as any other error.
func (a *App) crashReport(what error) guard.Watch {
	code, hint := classify(what)
	if !a.json {
		return guard.Watch{Message: "imgsearch: error: " + oneLine(what) + ": ", Suffix: "\nhint: " + hint + "\n", ExitCode: code}
	}
	var text strings.Builder
	const mark = "\x01"
	printErrorJSON(&text, code, fmt.Errorf("%w: %s", what, mark), hint)
	quoted, _ := json.Marshal(mark) // a string always can be
	before, after, _ := strings.Cut(text.String(), strings.Trim(string(quoted), `"`))
	return guard.Watch{Message: before, Suffix: after, ExitCode: code}
}

// closeLoaders ends the use of accelerators.
func (a *App) closeLoaders() {
	for _, l := range a.madeLoaders() {
		l.Close()
	}
}

// freeLoaders is closeLoaders of a process that goes on.
func (a *App) freeLoaders() {
	a.closeLoaders()
	for _, l := range a.madeLoaders() {
		l.Free()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = nil
}

func (a *App) madeLoaders() []*embed.Loader {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.loaders)
}

// abandonLoaders tells the next run that this one did not crash, before the process is ended at once.
func (a *App) abandonLoaders() {
	for _, l := range a.madeLoaders() {
		l.Interrupted()
	}
}
