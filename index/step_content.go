package index

import (
	"context"
	"errors"
	"io"
)

// decodeBudget is how many bytes of files and decoded pictures are in memory at once if the memory allows it: 256 MiB let
// many workers decode baseline JPEGs of 50 MP together; where there is much memory, a part of it, for HEIC. A picture that needs
// more is decoded when no other is.
const (
	decodeBudget = 256 << 20
	budgetPart   = 4
)

// decodeShare is the part of MaxBytes that all workers have together.
func (r Request) decodeShare() int64 {
	return min(r.MaxBytes, max(decodeBudget, r.MaxBytes/budgetPart))
}

// reserveMemory waits until the budget has room for what the file and the decoded picture take.
func reserveMemory(ctx context.Context, w *worker, f *reading) (bool, error) {
	need := f.header.size(f.task.stat.Size) + f.header.DecodeBytes
	if need > w.req.MaxBytes {
		return false, &NoMemoryError{need, w.req.MaxBytes} // another run may have it: no fault of the file
	}
	need = min(need, w.share)
	if err := w.budget.Acquire(ctx, need); err != nil {
		return false, err
	}
	f.reserved = need
	return false, nil
}

// readContent reads what the header wants of the file, and makes sure that the file is what it was when it was opened.
func readContent(_ context.Context, _ *worker, f *reading) (bool, error) {
	extents := f.header.Extents
	if extents == nil {
		extents = []Extent{{0, f.task.stat.Size}}
	}
	f.data = make([]byte, f.header.size(f.task.stat.Size))
	n := 0
	for _, e := range extents {
		read, err := f.file.ReadAt(f.data[n:n+int(e.Length)], e.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if n += read; int64(read) < e.Length {
			break
		}
	}
	info, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	if n != len(f.data) || statOf(info) != f.task.stat {
		return false, errChanged
	}
	return false, nil
}
