package dl

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// Open opens NAME-VERSION.dll, or else NAME.dll, whose version the caller must check, in the program's folder: Windows has no other place for
// such libraries, and one in the current folder must not be opened. It is never closed.
func Open(name, version string) (library uintptr, err error) {
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	for _, file := range []string{name + "-" + version + ".dll", name + ".dll"} {
		h, openErr := windows.LoadLibraryEx(filepath.Join(filepath.Dir(program), file), 0, windows.LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR|windows.LOAD_LIBRARY_SEARCH_SYSTEM32)
		if openErr == nil {
			return uintptr(h), nil
		}
		err = openErr
	}
	return 0, err
}

func symbol(library uintptr, name string) (uintptr, error) {
	return windows.GetProcAddress(windows.Handle(library), name)
}
