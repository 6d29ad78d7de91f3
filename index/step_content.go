package index

import (
	"context"
	"errors"
	"io"
)

// readContent reads the parts of the file that the header lists, and checks that the file has not changed since it was opened.
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
