package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// journal records which files are being decoded, so that the next run knows what a crashed one was decoding. It is a file next to
// the database with one slot per worker. Writing a slot is one system call, and the data survives a crash of the process.
// It need not survive a power cut, which no file causes.
//
// A slot: state, lengths of root, dir and name (2 bytes each, little-endian), root, dir, name.
type journal struct {
	file *os.File
	path string
}

const (
	slotSize   = 4096
	slotHeader = 1 + 3*2

	slotFree  = 0
	slotBusy  = 3 // with other files in flight; 1 and 2 are those of an earlier layout, which named roots by numbers
	slotAlone = 4 // the only file in flight
)

// maxJournal is the size of the largest journal that is read, in bytes: more slots than a machine has workers.
const maxJournal = 4096 * slotSize

// Journals returns the paths of all journals of an index, given that of Request.Journal.
func Journals(path string) []string { return []string{path, path + textJournal} }

// inFlight is a file that a crashed run was decoding.
type inFlight struct {
	place store.Place
	alone bool
}

// openJournal returns the journal and what the last run left in it.
func openJournal(path string) (*journal, []inFlight, error) {
	left, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	file, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600, regular.NoLinks)
	if err != nil {
		return nil, nil, fmt.Errorf("open journal: %w", err)
	}
	return &journal{file: file, path: path}, left, nil
}

func readJournal(path string) ([]inFlight, error) {
	data, err := regular.Read(path, regular.NoLinks, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	var left []inFlight
	for at := 0; at+slotHeader <= len(data); at += slotSize {
		slot := data[at:min(at+slotSize, len(data))]
		if slot[0] != slotBusy && slot[0] != slotAlone {
			continue
		}
		var parts [3]string // root, dir, name
		rest := slot[slotHeader:]
		whole := true
		for i := range parts {
			n := int(binary.LittleEndian.Uint16(slot[1+2*i:]))
			if whole = whole && n <= len(rest); whole {
				parts[i], rest = string(rest[:n]), rest[n:]
			}
		}
		if whole {
			left = append(left, inFlight{store.Place{Root: store.RootID(parts[0]), Dir: parts[1], Name: parts[2]}, slot[0] == slotAlone})
		}
	}
	return left, nil
}

// clear removes what the last run left, once the index has recorded it.
func (j *journal) clear() error { return j.file.Truncate(0) }

// enter records that a worker starts reading a file. A path too long for a slot is not recorded.
func (j *journal) enter(worker int, at store.Place, alone bool) {
	if j == nil {
		return
	}
	parts := []string{string(at.Root), at.Dir, at.Name}
	size := slotHeader
	for _, part := range parts {
		size += len(part)
	}
	if size > slotSize {
		return
	}
	slot := make([]byte, 1, size)
	slot[0] = slotBusy
	if alone {
		slot[0] = slotAlone
	}
	for _, part := range parts {
		slot = binary.LittleEndian.AppendUint16(slot, uint16(len(part)))
	}
	for _, part := range parts {
		slot = append(slot, part...)
	}
	// On a full disk only the entry is lost, and the run continues: the index itself will report that the disk is full.
	_, _ = j.file.WriteAt(slot, int64(worker)*slotSize)
}

// leave records that the worker is done with its file.
func (j *journal) leave(worker int) {
	if j == nil {
		return
	}
	_, _ = j.file.WriteAt([]byte{slotFree}, int64(worker)*slotSize)
}

// release closes the file without removing it, for a failed run in a process that continues, as a watch does. After close it does nothing.
func (j *journal) release() { _ = j.file.Close() }

// close closes and removes the journal, at the regular end of a run.
func (j *journal) close() error {
	err := j.file.Close()
	if rmErr := os.Remove(j.path); err == nil && !errors.Is(rmErr, fs.ErrNotExist) {
		err = rmErr
	}
	return err
}

// crashReason is the recorded failure of a file that was in flight when two runs crashed, alone in the second.
const crashReason = "the program crashed repeatedly while reading this file"
