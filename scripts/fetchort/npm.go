package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// modules maps a platform to the folder of its build in onnxruntime-node and the library's name there.
var modules = map[string]struct{ dir, lib string }{
	"linux/amd64":   {"linux/x64", "libonnxruntime.so.1"},
	"linux/arm64":   {"linux/arm64", "libonnxruntime.so.1"},
	"darwin/arm64":  {"darwin/arm64", "libonnxruntime.1.dylib"},
	"windows/amd64": {"win32/x64", "onnxruntime.dll"},
	"windows/arm64": {"win32/arm64", "onnxruntime.dll"},
}

// fetchNpm installs the locked package without its install script, which would download other files.
func (o options) fetchNpm(tmp string) (library, error) {
	module, ok := modules[o.goos+"/"+o.goarch]
	if !ok {
		return library{}, fmt.Errorf("onnxruntime-node has no build for %s/%s", o.goos, o.goarch)
	}
	npm, err := command([]string{"npm"}, []string{"npm.cmd"})
	if err != nil {
		return library{}, err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(o.scripts, "npm", name))
		if err != nil {
			return library{}, err
		}
		if err := os.WriteFile(filepath.Join(tmp, name), data, 0o644); err != nil {
			return library{}, err
		}
	}
	if err := runIn(tmp, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"); err != nil {
		return library{}, err
	}
	path := filepath.Join(tmp, "node_modules", "onnxruntime-node", "bin", "napi-v6", filepath.FromSlash(module.dir), module.lib)
	if _, err := os.Stat(path); err != nil {
		return library{}, err
	}
	return library{name: module.lib, path: path}, nil
}
