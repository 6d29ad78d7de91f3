package ortlib

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

var errTruncated = errors.New("the file is truncated")

// checkBinary reads the file's headers as the system's loader will.
func checkBinary(path string, size int64) error {
	switch runtime.GOOS {
	case "windows":
		return checkPE(path, size)
	case "darwin":
		return checkMachO(path, size)
	}
	return checkELF(path, size)
}

// notLibrary says what is wrong with a file whose headers cannot be read: one that begins like a library is
// truncated.
func notLibrary(path, magic string, err error) error {
	head := make([]byte, len(magic))
	if f, openErr := os.Open(path); openErr == nil {
		defer f.Close()
		_, _ = io.ReadFull(f, head)
	}
	if string(head) == magic && errors.Is(err, io.EOF) {
		return errTruncated
	}
	return fmt.Errorf("not a shared library: %w", err)
}

func checkELF(path string, size int64) error {
	f, err := elf.Open(path)
	if err != nil {
		return notLibrary(path, elf.ELFMAG, err)
	}
	defer f.Close()
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if f.Machine != machine || f.Type != elf.ET_DYN {
		return fmt.Errorf("built for %v (%v), not for this machine", f.Machine, f.Type)
	}
	for _, p := range f.Progs {
		// The loader maps segments without checking the file's size; touching a page beyond its end raises SIGBUS.
		if int64(p.Off)+int64(p.Filesz) > size {
			return errTruncated
		}
	}
	return nil
}

func checkMachO(path string, size int64) error {
	if fat, err := macho.OpenFat(path); err == nil {
		defer fat.Close()
		for _, arch := range fat.Arches {
			if int64(arch.Offset)+int64(arch.Size) > size {
				return errTruncated
			}
		}
		return nil
	}
	f, err := macho.Open(path)
	if err != nil {
		return notLibrary(path, "\xcf\xfa\xed\xfe", err)
	}
	defer f.Close()
	cpu := map[string]macho.Cpu{"amd64": macho.CpuAmd64, "arm64": macho.CpuArm64}[runtime.GOARCH]
	if f.Cpu != cpu {
		return fmt.Errorf("built for %v, not for this machine", f.Cpu)
	}
	for _, load := range f.Loads {
		if s, ok := load.(*macho.Segment); ok && int64(s.Offset)+int64(s.Filesz) > size {
			return errTruncated
		}
	}
	return nil
}

func checkPE(path string, size int64) error {
	f, err := pe.Open(path)
	if err != nil {
		return notLibrary(path, "MZ", err)
	}
	defer f.Close()
	machine := map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64}[runtime.GOARCH]
	if f.Machine != machine {
		return fmt.Errorf("built for machine %#x, not for this one", f.Machine)
	}
	for _, s := range f.Sections {
		if int64(s.Offset)+int64(s.Size) > size {
			return errTruncated
		}
	}
	return nil
}
