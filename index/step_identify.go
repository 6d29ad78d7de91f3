package index

import "context"

// identify says what picture it is.
func identify(_ context.Context, _ *worker, f *reading) (bool, error) {
	f.picture = f.source.Picture(f.orientation)
	f.picture.ID = f.source.Identity(f.data, f.orientation)
	return false, nil
}
