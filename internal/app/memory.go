package app

import (
	"context"
	"fmt"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/pbnjay/memory"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// The memory that indexing needs besides the decoders: for the program, the runtime library, the database and queues; and for the tower,
// whose weights the runtime keeps in its own format in addition to the mapped file. Measured with ViT-B/32: 515 MB in all.
const (
	baseBytes       = 160 << 20
	minDecodeBytes  = 64 << 20
	towerMultiplier = 1.1
)

// shareOfFree is the share of the free memory that the process may use by default.
const shareOfFree = 0.6

// MemoryLimit returns how much memory the process may use, in bytes: asked, or, if that is 0, a limit from the container and the machine's
// free memory. A limit of the address space (ulimit -v) does not count: the runtime library and Go reserve two gigabytes that they do not
// use.
func MemoryLimit(asked int64) int64 {
	if asked > 0 {
		return asked
	}
	limit := uint64(math.MaxInt64)
	if n, err := memlimit.FromCgroup(); err == nil {
		limit = min(limit, n)
	}
	if n := machine.AvailableMemory(); n > 0 {
		limit = min(limit, uint64(shareOfFree*float64(n)))
	} else if n := memory.TotalMemory(); n > 0 {
		limit = min(limit, n/2)
	}
	return int64(limit) //nolint:gosec // it is at most math.MaxInt64
}

// DecodeLimit returns how many bytes a memory limit leaves for files and decoded pictures, next to a tower of towerBytes. heap is the limit
// to set for the garbage collector, so that garbage does not use up the memory for pictures.
func DecodeLimit(limit, towerBytes int64) (room, heap int64) {
	room = max(limit-baseBytes-int64(towerMultiplier*float64(towerBytes)), minDecodeBytes)
	return room, min(room, maxHeap) + minDecodeBytes
}

// maxHeap is the size that the heap usually reaches: pictures of 50 MP in two workers, the queue, and garbage.
const maxHeap = 512 << 20

// oneShotMultiplier is the memory required to make the copy of the text tower, as a multiple of the tower's size: it takes 2.6 times,
// measured with ViT-B/32 in a search; the rest is for other data of the process, such as index's vision tower.
const oneShotMultiplier = 5

// PrepareOneShot makes a copy of the text tower for fast searches if the memory limit allows it. The copy only saves time.
func (a *App) PrepareOneShot(ctx context.Context, loader *embed.Loader, limit int64) {
	if err := prepareOneShot(ctx, loader, limit); err != nil {
		a.Logf("not making a copy for fast searches: %v", err)
	}
}

func prepareOneShot(ctx context.Context, loader *embed.Loader, limit int64) error {
	tower, err := loader.TextualBytes()
	if err != nil {
		return err
	}
	if need := baseBytes + oneShotMultiplier*tower; limit < need {
		return fmt.Errorf("it needs %d MB of memory, and only %d MB are available", need>>20, limit>>20)
	}
	return loader.PrepareOneShot(ctx)
}
