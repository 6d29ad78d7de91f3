// Command petime makes builds of a Windows program reproducible: zig's linker writes the time into it, and a debug identifier
// that depends on the time, and has no option to omit them (PE format, COFF file header and debug directory).
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: petime FILE UNIX_SECONDS")
		os.Exit(2)
	}
	if err := fix(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintf(os.Stderr, "petime: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

const (
	headerAt       = 0x3c // the position of the PE header's offset
	stampInHeader  = 8    // the COFF header's TimeDateStamp, from the PE signature
	debugEntry     = 28   // the size of an IMAGE_DEBUG_DIRECTORY
	stampInEntry   = 4
	pointerInEntry = 24 // PointerToRawData
	sizeInEntry    = 16
)

func fix(path, seconds string) error {
	stamp, err := strconv.ParseUint(seconds, 10, 32)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	f, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer f.Close()
	header, ok := f.OptionalHeader.(*pe.OptionalHeader64)
	if !ok {
		return errors.New("not a 64-bit program")
	}
	le := binary.LittleEndian
	put := func(at uint32) { le.PutUint32(data[at:], uint32(stamp)) }
	put(le.Uint32(data[headerAt:]) + stampInHeader)
	var ids [][]byte
	directory := header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_DEBUG]
	for _, s := range f.Sections {
		if directory.Size == 0 || directory.VirtualAddress < s.VirtualAddress || directory.VirtualAddress >= s.VirtualAddress+s.Size {
			continue
		}
		first := directory.VirtualAddress - s.VirtualAddress + s.Offset
		for at := first; at+debugEntry <= first+directory.Size; at += debugEntry {
			put(at + stampInEntry)
			from, size := le.Uint32(data[at+pointerInEntry:]), le.Uint32(data[at+sizeInEntry:])
			if record := data[from : from+size]; bytes.HasPrefix(record, []byte("RSDS")) {
				ids = append(ids, record[4:20]) // the GUID
			}
		}
	}
	for _, id := range ids {
		clear(id)
	}
	sum := sha256.Sum256(data)
	for _, id := range ids {
		copy(id, sum[:])
	}
	return os.WriteFile(path, data, 0o755) //nolint:gosec // a program
}
