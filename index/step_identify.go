package index

import "context"

// identify determines which picture the file holds.
func identify(_ context.Context, _ *worker, f *reading) (bool, error) {
	f.picture = f.source.Picture(f.orientation)
	f.picture.ID = f.source.Identity(f.data, f.orientation)
	return false, nil
}
