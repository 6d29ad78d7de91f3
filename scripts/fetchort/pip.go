package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
)

// wheels maps a platform to the tag of its onnxruntime wheel and the library's name there.
var wheels = map[string]struct{ tag, lib string }{
	"linux/amd64":   {"manylinux_2_28_x86_64", "libonnxruntime.so.*"},
	"linux/arm64":   {"manylinux_2_28_aarch64", "libonnxruntime.so.*"},
	"darwin/arm64":  {"macosx_14_0_arm64", "libonnxruntime.*.dylib"},
	"windows/amd64": {"win_amd64", "onnxruntime.dll"},
	"windows/arm64": {"win_arm64", "onnxruntime.dll"},
}

// fetchPip downloads the wheel for any Python: the user's own version does not matter.
func (o options) fetchPip(tmp string) (library, error) {
	wheel, ok := wheels[o.goos+"/"+o.goarch]
	if !ok {
		return library{}, fmt.Errorf("onnxruntime has no wheel for %s/%s", o.goos, o.goarch)
	}
	pip, err := command([]string{"python3", "-m", "pip"}, []string{"pip3"}, []string{"pip"}, []string{"python", "-m", "pip"}, []string{"py", "-m", "pip"})
	if err != nil {
		return library{}, err
	}
	requirements, err := filepath.Abs(filepath.Join(o.scripts, "onnxruntime.txt"))
	if err != nil {
		return library{}, err
	}
	err = runIn(tmp, pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
		"--only-binary=:all:", "--platform", wheel.tag, "--python-version", "3.12", "--implementation", "cp",
		"--dest", tmp, "--requirement", requirements)
	if err != nil {
		return library{}, err
	}
	files, err := filepath.Glob(filepath.Join(tmp, "*.whl"))
	if err != nil {
		return library{}, err
	}
	if len(files) != 1 {
		return library{}, fmt.Errorf("pip downloaded %d wheels instead of one", len(files))
	}
	return unzip(files[0], wheel.lib, tmp)
}

func unzip(wheel, pattern, tmp string) (library, error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return library{}, err
	}
	defer z.Close()
	for _, f := range z.File {
		name := path.Base(f.Name)
		if ok, _ := path.Match(pattern, name); !ok || path.Dir(f.Name) != "onnxruntime/capi" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return library{}, err
		}
		defer in.Close()
		lib := library{name: name, path: filepath.Join(tmp, name)}
		out, err := os.Create(lib.path)
		if err != nil {
			return library{}, err
		}
		if _, err := io.Copy(out, in); err != nil {
			out.Close()
			return library{}, err
		}
		return lib, out.Close()
	}
	return library{}, fmt.Errorf("%s does not contain %s", wheel, pattern)
}
