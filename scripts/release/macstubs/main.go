// Command macstubs writes the macOS stubs that zig's linker needs but does not include: text stubs (.tbd) for the frameworks
// and the library that Go's own packages import by name, with the symbols that they import. They contain only names; the program
// finds the functions on the Mac.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: macstubs DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "macstubs:", err)
		os.Exit(1)
	}
}

// imported matches a dynamic import in Go's source: //go:cgo_import_dynamic local name "library".
var imported = regexp.MustCompile(`^//go:cgo_import_dynamic \S+ (\S+) "(/[^"]+)"`)

func write(dir string) error {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
	symbols := make(map[string][]string) // by library
	for _, pattern := range []string{"crypto/x509/internal/macos/*.go", "internal/syscall/unix/*darwin*.go"} {
		files, err := filepath.Glob(filepath.Join(src, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := read(file, symbols); err != nil {
				return err
			}
		}
	}
	if len(symbols) == 0 {
		return fmt.Errorf("no dynamic imports found in %s", src)
	}
	for library, names := range symbols {
		if err := stub(dir, library, names); err != nil {
			return err
		}
	}
	return nil
}

func read(file string, symbols map[string][]string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		m := imported.FindStringSubmatch(lines.Text())
		if m == nil || strings.HasPrefix(m[2], "/usr/lib/libSystem") { // zig includes it
			continue
		}
		if name := "_" + m[1]; !slices.Contains(symbols[m[2]], name) {
			symbols[m[2]] = append(symbols[m[2]], name)
		}
	}
	return lines.Err()
}

// stub writes the stub of one library where -F or -L finds it.
func stub(dir, library string, names []string) error {
	name := strings.TrimSuffix(filepath.Base(library), ".dylib")
	path := filepath.Join(dir, name+".tbd")
	if strings.Contains(library, ".framework/") {
		path = filepath.Join(dir, name+".framework", name+".tbd")
	} else if base, _, versioned := strings.Cut(name, "."); versioned {
		path = filepath.Join(dir, base+".tbd") // libresolv.9 is linked with -lresolv
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	slices.Sort(names)
	text := fmt.Sprintf(`--- !tapi-tbd
tbd-version:     4
targets:         [ arm64-macos ]
install-name:    '%s'
current-version: 1
exports:
  - targets:     [ arm64-macos ]
    symbols:     [ %s ]
...
`, library, strings.Join(names, ", "))
	return os.WriteFile(path, []byte(text), 0o644)
}
