package index

import "context"

// closeFile closes the file and lets the next worker use its disk.
func closeFile(_ context.Context, _ *worker, f *reading) (bool, error) {
	f.close()
	return false, nil
}
