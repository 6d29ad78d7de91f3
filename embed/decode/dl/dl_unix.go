//go:build !windows

package dl

import (
	"path/filepath"
	"runtime"

	"github.com/ebitengine/purego"
)

// Open opens a library by its name and version: libNAME.so.VERSION by the loader's rules, on macOS libNAME.VERSION.dylib where Homebrew and MacPorts
// install it, since macOS would also look in the current folder. It is never closed.
func Open(name, version string) (library uintptr, err error) {
	file, folders := "lib"+name+".so."+version, []string{""}
	if runtime.GOOS == "darwin" {
		file, folders = "lib"+name+"."+version+".dylib", []string{"/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"}
	}
	for _, dir := range folders {
		if library, err = purego.Dlopen(filepath.Join(dir, file), purego.RTLD_NOW|purego.RTLD_LOCAL); err == nil {
			return library, nil
		}
	}
	return 0, err
}

func symbol(library uintptr, name string) (uintptr, error) { return purego.Dlsym(library, name) }
