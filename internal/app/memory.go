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

// What indexing takes besides the decoders: the program, the runtime library, the database, and queues; and of the tower,
// whose weights the runtime keeps in a form of its own beside the mapped file. Measured with ViT-B/32: 515 MB in all.
const (
	baseBytes       = 160 << 20
	minDecodeBytes  = 64 << 20
	towerMultiplier = 1.1
)

// shareOfFree is the part of what is free that we take when nobody says how much.
const shareOfFree = 0.6

// MemoryLimit is how much the process may take, in bytes: what was asked for, or, where that is 0, what the container and the machine
// leave. A limit of the address space (ulimit -v) is none of memory: the runtime library and Go reserve two gigabytes that they do not
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

// DecodeLimit is what a limit leaves for files and decoded pictures, beside a tower of so many bytes; heap is what the garbage collector
// is to be told, so that garbage does not take what the pictures may.
func DecodeLimit(limit, towerBytes int64) (room, heap int64) {
	room = max(limit-baseBytes-int64(towerMultiplier*float64(towerBytes)), minDecodeBytes)
	return room, min(room, maxHeap) + minDecodeBytes
}

// maxHeap is as large as the heap usually gets: two workers' pictures of 50 MP, the queue, and what is garbage.
const maxHeap = 512 << 20

// oneShotMultiplier is how many times the text tower's bytes must be there for making its copy: it takes 2.6 times them, measured
// with ViT-B/32 in a search; the rest is for what a process holds besides, such as index's vision tower.
const oneShotMultiplier = 5

// PrepareOneShot makes the text tower's copy for quick searches, where a limit of memory leaves room for it. It only saves time.
func (a *App) PrepareOneShot(ctx context.Context, loader *embed.Loader, limit int64) {
	if err := prepareOneShot(ctx, loader, limit); err != nil {
		a.Logf("no copy for quick searches is made: %v", err)
	}
}

func prepareOneShot(ctx context.Context, loader *embed.Loader, limit int64) error {
	tower, err := loader.TextualBytes()
	if err != nil {
		return err
	}
	if need := baseBytes + oneShotMultiplier*tower; limit < need {
		return fmt.Errorf("it takes %d MB of memory, and there are %d MB", need>>20, limit>>20)
	}
	return loader.PrepareOneShot(ctx)
}
