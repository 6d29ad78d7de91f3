package index

import "context"

// decodeBudget is how many bytes of files and decoded pictures may be in memory at once, if MaxBytes allows it: 256 MiB let
// many workers decode baseline JPEGs of 50 MP together. If MaxBytes / budgetPart is more, that is the budget, for HEIC. A picture that needs
// more is decoded when no other is.
const (
	decodeBudget = 256 << 20
	budgetPart   = 4
)

// decodeShare returns the part of MaxBytes that all workers share.
func (r Request) decodeShare() int64 {
	return min(r.MaxBytes, max(decodeBudget, r.MaxBytes/budgetPart))
}

// reserveMemory waits until the budget has room for the file and the decoded picture.
func reserveMemory(ctx context.Context, w *worker, f *reading) (bool, error) {
	need := f.header.size(f.task.stat.Size) + f.header.DecodeBytes
	if need > w.req.MaxBytes {
		return false, &NoMemoryError{need, w.req.MaxBytes} // another run may have more: the file is not to blame
	}
	need = min(need, w.share)
	if err := w.budget.Acquire(ctx, need); err != nil {
		return false, err
	}
	f.reserved = need
	return false, nil
}
