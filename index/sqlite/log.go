package sqlite

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"

	"github.com/imgsearch/imgsearch/internal/regular"
)

// The format of the write-ahead log: a header of 32 bytes, and frames of a header of 24 bytes and a page each. A frame is valid if it has the
// header's salts and if the checksum over all frames up to it is right (sqlite.org/fileformat2.html, section 4.1).
const (
	logHeader   = 32
	frameHeader = 24
	logMagic    = 0x377f0682 // the lowest bit says that checksums are big-endian
)

// hasDamagedLog reports whether the write-ahead log of an index has a commit at or behind a damaged frame. SQLite stops reading there and reports
// nothing, so that what was committed last is missing. Frames without a commit are what a killed or rolled-back transaction leaves; their
// checksums need not be right. No process may be writing the log.
func hasDamagedLog(path string) bool {
	f, err := regular.Open(path+"-wal", regular.NoLinks)
	if err != nil {
		return false
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	var head [logHeader]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return false // empty: there is nothing to lose
	}
	be := binary.BigEndian
	magic, pageSize := be.Uint32(head[:]), be.Uint32(head[8:])
	sum := logSum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = be
	}
	sum.add(head[:24])
	if magic&^1 != logMagic || pageSize < 512 || pageSize > 65536 || pageSize&(pageSize-1) != 0 || !sum.is(head[24:]) {
		return true
	}
	frame := make([]byte, frameHeader+pageSize)
	for broken := false; ; {
		if _, err := io.ReadFull(in, frame); err != nil {
			return false
		}
		salted := string(frame[8:16]) == string(head[16:24]) // of this log, and not of an earlier one in the same file
		if !broken {
			sum.add(frame[:8])
			sum.add(frame[frameHeader:])
			broken = !salted || !sum.is(frame[16:24])
		}
		if commits := be.Uint32(frame[4:]) != 0; broken && salted && commits {
			return true
		}
	}
}

// logSum is the checksum of the log.
type logSum struct {
	order binary.ByteOrder
	a, b  uint32
}

// add adds data, whose length is a multiple of 8.
func (s *logSum) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		s.a += s.order.Uint32(data) + s.b
		s.b += s.order.Uint32(data[4:]) + s.a
	}
}

// is compares the checksum with a stored one.
func (s *logSum) is(stored []byte) bool {
	return s.a == binary.BigEndian.Uint32(stored) && s.b == binary.BigEndian.Uint32(stored[4:])
}

// reportLog calls o.LogDamaged if the log of an index is damaged. Nothing is reported while another process holds the lock, since it may be writing.
func (o Options) reportLog(path string, locked bool) {
	if o.LogDamaged == nil || emptyWAL(path) {
		return
	}
	if other, err := IsLocked(path); !locked && (err != nil || other) {
		return
	}
	// A search, which needs no lock, may be adding a text: real damage is still there after a pause.
	const pause = 20 * time.Millisecond
	if hasDamagedLog(path) {
		if time.Sleep(pause); hasDamagedLog(path) {
			o.LogDamaged()
		}
	}
}
