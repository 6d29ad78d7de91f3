// Command check checks a release folder (dist): every binary is for its platform and within the size limit, the macOS binary has only
// system libraries and a signature, the archives are within their size limit and complete, and the checksums match.
package main

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The largest sizes in bytes.
const (
	maxBinary  = 100e6
	maxArchive = 75e6
)

func main() {
	dir := "dist"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	if err := check(dir); err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(1)
	}
}

func check(dir string) error {
	binaries, err := filepath.Glob(filepath.Join(dir, "imgsearch_*", "imgsearch*"))
	if err != nil {
		return err
	}
	if len(binaries) < 5 {
		return fmt.Errorf("found %d binaries in %s, want at least 5", len(binaries), dir)
	}
	var errs []error
	for _, path := range binaries {
		what, err := binary(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
			continue
		}
		fmt.Printf("%-60s %s\n", path, what)
	}
	return errors.Join(append(errs, archives(dir), sums(dir))...)
}

func size(path string, most float64) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
	if float64(info.Size()) > most {
		return text, fmt.Errorf("its size is %s, over the limit of %.0f MB", text, most/1e6)
	}
	return text, nil
}

// binary describes a program, and returns an error if it is not for the platform in its folder's name.
func binary(path string) (string, error) {
	text, err := size(path, maxBinary)
	if err != nil {
		return "", err
	}
	folder := filepath.Base(filepath.Dir(path))
	is := func(platform string) bool { return strings.Contains(folder, "_"+platform) }
	switch {
	case is("linux"):
		f, err := elf.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if want := map[bool]elf.Machine{true: elf.EM_X86_64, false: elf.EM_AARCH64}[is("linux_amd64")]; f.Machine != want {
			return "", fmt.Errorf("wrong platform: %v", f.Machine)
		}
		libraries, err := f.ImportedLibraries()
		return fmt.Sprintf("%s, ELF %v, needs %v", text, f.Machine, libraries), err
	case is("windows"):
		f, err := pe.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		want, name := uint16(pe.IMAGE_FILE_MACHINE_AMD64), "x86-64"
		if is("windows_arm64") {
			want, name = pe.IMAGE_FILE_MACHINE_ARM64, "arm64"
		}
		if f.Machine != want {
			return "", fmt.Errorf("wrong platform: machine %#x", f.Machine)
		}
		symbols, err := f.ImportedSymbols()
		return fmt.Sprintf("%s, PE %s, needs %v", text, name, librariesOf(symbols)), err
	case is("darwin"):
		what, err := mac(path)
		return text + ", " + what, err
	}
	return "", errors.New("unknown platform")
}

// librariesOf returns the libraries in a list of "symbol:library", each once.
func librariesOf(symbols []string) []string {
	var list []string
	for _, s := range symbols {
		if _, library, ok := strings.Cut(s, ":"); ok {
			list = append(list, library)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// loadCodeSignature is LC_CODE_SIGNATURE (mach-o/loader.h). macOS on arm64 does not start programs without one.
const loadCodeSignature = 0x1d

func mac(path string) (string, error) {
	f, err := macho.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if f.Cpu != macho.CpuArm64 || f.Type != macho.TypeExec {
		return "", fmt.Errorf("wrong platform or file type: %v, %v", f.Cpu, f.Type)
	}
	signed := false
	for _, load := range f.Loads {
		raw := load.Raw()
		signed = signed || len(raw) >= 4 && f.ByteOrder.Uint32(raw) == loadCodeSignature
	}
	if !signed {
		return "", errors.New("it has no signature, not even the linker's ad-hoc one")
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return "", err
	}
	known := []string{"/usr/lib/", "/System/Library/Frameworks/"}
	for _, library := range libraries {
		if !slices.ContainsFunc(known, func(prefix string) bool { return strings.HasPrefix(library, prefix) }) {
			return "", fmt.Errorf("it needs %s, which macOS does not have", library)
		}
	}
	return fmt.Sprintf("Mach-O arm64, signed, %d load commands, needs %v", len(f.Loads), libraries), nil
}

// inArchive lists the files that every archive must contain.
var inArchive = []string{"LICENSE", "NOTICE", "README.md", "man/man1/imgsearch.1.gz", "completions/imgsearch.bash"}

func archives(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "imgsearch_*.*"))
	if err != nil {
		return err
	}
	for _, path := range files {
		var names []string
		switch {
		case strings.HasSuffix(path, ".tar.gz"):
			names, err = namesInTar(path)
		case strings.HasSuffix(path, ".zip"):
			names, err = namesInZip(path)
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		text, err := size(path, maxArchive)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, want := range inArchive {
			if !slices.Contains(names, want) {
				return fmt.Errorf("%s: %s is missing", path, want)
			}
		}
		fmt.Printf("%-60s %s, %d files\n", path, text, len(names))
	}
	return nil
}

func namesInTar(path string) (names []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names = append(names, h.Name)
	}
}

func namesInZip(path string) (names []string, err error) {
	r, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	return names, nil
}

// sums compares the files with SHA256SUMS.
func sums(dir string) error {
	list, err := os.Open(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		return err
	}
	defer list.Close()
	n := 0
	lines := bufio.NewScanner(list)
	for lines.Scan() {
		want, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok {
			return fmt.Errorf("SHA256SUMS: bad line %q", lines.Text())
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != want {
			return fmt.Errorf("%s: the checksum does not match", name)
		}
		n++
	}
	fmt.Printf("%d checksums match\n", n)
	return lines.Err()
}
