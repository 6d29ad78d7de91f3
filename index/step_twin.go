package index

import (
	"context"
	"errors"
)

var errNoTwin = errors.New("the file cannot be the twin of a JPEG")

// checkTwin rejects a file that cannot be the twin of a JPEG, whatever its name.
func checkTwin(_ context.Context, _ *worker, f *reading) (bool, error) {
	if f.header.Format == "jpeg" || f.header.Width <= 0 {
		return false, errNoTwin
	}
	f.task.format = f.header.Format
	return false, nil
}
