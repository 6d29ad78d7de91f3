// Command fetchort downloads ONNX Runtime's shared library for one platform with pip or, failing that, npm, and checks it
// against the hashes in onnxruntime.txt or package-lock.json. It writes the library as it is (for unbundled builds and tests)
// and compressed with a manifest (for the build tag bundle).
package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

func main() {
	o := options{}
	flag.StringVar(&o.goos, "os", runtime.GOOS, "target operating system, as GOOS")
	flag.StringVar(&o.goarch, "arch", runtime.GOARCH, "target processor, as GOARCH")
	flag.StringVar(&o.from, "from", "", "use only pip or only npm (default: pip, else npm)")
	flag.StringVar(&o.scripts, "scripts", "scripts/fetchort", "the folder with onnxruntime.txt and npm/")
	flag.StringVar(&o.bundle, "bundle", "embed/ortlib/bundled", "the folder for library.gz and its manifest")
	flag.StringVar(&o.plain, "plain", "lib/imgsearch", "the folder for the library itself; empty: do not write it")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "fetchort:", err)
		os.Exit(1)
	}
}

type options struct {
	goos, goarch, from, scripts, bundle, plain string
}

// library is the runtime library from a package.
type library struct {
	name string // its file name, which does not change
	path string
}

func (o options) run() error {
	stamp, err := o.stamp()
	if err != nil {
		return err
	}
	stampFile := filepath.Join(o.bundle, "stamp")
	if have, err := os.ReadFile(stampFile); err == nil && string(have) == stamp && o.plainIsThere() {
		return nil // already up to date
	}
	tmp, err := os.MkdirTemp("", "fetchort-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	lib, err := o.fetch(tmp)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(o.bundle); err != nil {
		return err
	}
	if err := pack(lib, o.bundle); err != nil {
		return err
	}
	if o.wantsPlain() {
		if err := os.RemoveAll(o.plain); err != nil {
			return err
		}
		if err := copyFile(lib.path, filepath.Join(o.plain, lib.name)); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "fetchort: %s for %s/%s\n", lib.name, o.goos, o.goarch)
	return os.WriteFile(stampFile, []byte(stamp), 0o644)
}

// wantsPlain reports whether to write the library itself too: only for this machine's platform.
func (o options) wantsPlain() bool {
	return o.plain != "" && o.goos == runtime.GOOS && o.goarch == runtime.GOARCH
}

func (o options) plainIsThere() bool {
	if !o.wantsPlain() {
		return true
	}
	files, err := os.ReadDir(o.plain)
	return err == nil && len(files) > 0
}

// stamp identifies the library to download: if it differs from the last run's, the library is downloaded again.
func (o options) stamp() (string, error) {
	h := sha256.New()
	for _, name := range []string{"onnxruntime.txt", "npm/package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(o.scripts, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		h.Write(data)
	}
	return fmt.Sprintf("%s/%s %s %x\n", o.goos, o.goarch, o.from, h.Sum(nil)), nil
}

func (o options) fetch(tmp string) (library, error) {
	var errs []error
	if o.from != "npm" {
		lib, err := o.fetchPip(tmp)
		if err == nil {
			return lib, nil
		}
		errs = append(errs, fmt.Errorf("with pip: %w", err))
	}
	if o.from != "pip" {
		lib, err := o.fetchNpm(tmp)
		if err == nil {
			return lib, nil
		}
		errs = append(errs, fmt.Errorf("with npm: %w", err))
	}
	return library{}, fmt.Errorf("download ONNX Runtime: %w\n"+
		"hint: install pip (Debian: apt install python3-pip) or npm (Debian: apt install npm), or build without the library:\n"+
		"      go build -o bin/imgsearch ./cmd/imgsearch, then pass one with --ort-lib", errors.Join(errs...))
}

// command returns the first of several commands that runs with --version.
func command(candidates ...[]string) ([]string, error) {
	for _, c := range candidates {
		if exec.Command(c[0], append(c[1:], "--version")...).Run() == nil {
			return c, nil
		}
	}
	return nil, errors.New("not installed")
}

func runIn(dir string, argv []string, args ...string) error {
	c := exec.Command(argv[0], append(argv[1:], args...)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

// pack writes library.gz and manifest ("SHA256 SIZE NAME").
func pack(lib library, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	in, err := os.Open(lib.path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "library.gz"))
	if err != nil {
		return err
	}
	defer out.Close()
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(z, h), in)
	if err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	manifest := fmt.Sprintf("%s %d %s\n", hex.EncodeToString(h.Sum(nil)), n, lib.name)
	return os.WriteFile(filepath.Join(dir, "manifest"), []byte(manifest), 0o644)
}

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
