package index

import (
	"context"
	"errors"
)

var errNoTwin = errors.New("no file that stands behind a JPEG")

// checkTwin refuses what cannot stand behind a JPEG, whatever its name says.
func checkTwin(_ context.Context, _ *worker, f *reading) (bool, error) {
	if f.header.Format == "jpeg" || f.header.Width <= 0 {
		return false, errNoTwin
	}
	f.task.format = f.header.Format
	return false, nil
}
