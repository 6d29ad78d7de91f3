package index

import (
	"bytes"
	"context"
)

// readMetadata reads the file's metadata: from the content if that was read, else from the open file.
func readMetadata(_ context.Context, _ *worker, f *reading) (bool, error) {
	switch {
	case f.unread:
	case f.data != nil:
		f.task.meta, f.orientation = f.source.Meta(bytes.NewReader(f.data))
	default:
		f.task.meta, f.orientation = f.source.Meta(f.file)
	}
	return false, nil
}
