// Package ortlib finds ONNX Runtime's shared library: a given one, the copy inside this binary, or an
// installed one. It looks at files only: it must not know how they are
// loaded, which is package embed's job.
package ortlib

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNotFound means that no runtime library was found.
var ErrNotFound = errors.New("the ONNX Runtime library is missing")

// ErrUnusable reports a library that cannot be loaded: damaged, for another processor, or not ONNX Runtime.
var ErrUnusable = errors.New("the ONNX Runtime library cannot be used")

// ErrNoPlace reports that the bundled library cannot be unpacked anywhere on this machine.
var ErrNoPlace = errors.New("the ONNX Runtime library inside the program cannot be unpacked")

// Library is a runtime library that was found.
type Library struct {
	// Path is the absolute path of the shared library.
	Path string
	// Origin says where it came from, in words for people: "as given", "bundled", "beside the program", "system".
	Origin string
}

const originBundled = "bundled"

// IsBundled reports whether the library is the copy from inside this program.
func (l Library) IsBundled() bool { return l.Origin == originBundled }

// Options say where to look besides the fixed places.
type Options struct {
	// Explicit is the path that the user gave. If it cannot be used, Find fails.
	Explicit string
	// UnpackDirs are the folders that may hold the bundled copy, best first.
	UnpackDirs []string
}

// Find returns the first library in this order: Explicit, the copy inside the binary (build tag bundle; unpacked
// once), next to the executable and in ../lib/imgsearch, the system's usual places. It checks that the file is complete
// and built for this processor.
func Find(o Options) (Library, error) {
	if o.Explicit != "" {
		path, err := filepath.Abs(o.Explicit)
		if err != nil {
			return Library{}, fmt.Errorf("find the runtime library: %w", err)
		}
		if err := check(path); err != nil {
			return Library{}, err
		}
		return Library{path, "as given"}, nil
	}
	if bundled() {
		path, err := unpack(o.UnpackDirs)
		if err != nil {
			return Library{}, err
		}
		return Library{path, originBundled}, nil
	}
	for _, place := range places() {
		for _, pattern := range fileNames() {
			paths, _ := filepath.Glob(filepath.Join(place.dir, pattern)) // the patterns are constants
			for _, path := range paths {
				if err := check(path); err == nil {
					return Library{path, place.origin}, nil
				}
			}
		}
	}
	return Library{}, ErrNotFound
}

type place struct{ dir, origin string }

func places() []place {
	var list []place
	if exe, err := os.Executable(); err == nil {
		if target, err := filepath.EvalSymlinks(exe); err == nil {
			exe = target
		}
		dir := filepath.Dir(exe)
		list = append(list, place{dir, "beside the program"}, place{filepath.Join(dir, "..", "lib", "imgsearch"), "beside the program"})
	}
	for _, dir := range systemDirs() {
		list = append(list, place{dir, "system"})
	}
	return list
}

func systemDirs() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{filepath.Join(os.Getenv("ProgramFiles"), "onnxruntime", "lib")}
	case "darwin":
		return []string{"/opt/homebrew/lib", "/usr/local/lib"}
	}
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	return append(dirs, "/usr/local/lib", "/usr/lib/"+triplet, "/usr/lib64", "/usr/lib")
}

// fileNames returns the library's usual names, the unversioned one first.
func fileNames() []string {
	switch runtime.GOOS {
	case "windows":
		return []string{"onnxruntime.dll"}
	case "darwin":
		return []string{"libonnxruntime.dylib", "libonnxruntime.*.dylib"}
	}
	return []string{"libonnxruntime.so", "libonnxruntime.so.*"}
}

// check rejects a file that the system's loader would crash on or could not load: missing, truncated, or built for
// another machine.
func check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s does not exist", ErrNotFound, path)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a file", ErrUnusable, path)
	}
	if err := checkBinary(path, info.Size()); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnusable, path, err)
	}
	return nil
}
