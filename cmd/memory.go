package cmd

import (
	"context"
	"fmt"
	"math"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/dustin/go-humanize"
	"github.com/pbnjay/memory"

	"github.com/imgsearch/imgsearch/embed"
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

// memoryLimit is how much the process may take: what was asked for, else what the container and the machine leave. A limit of the
// address space (ulimit -v) is none of memory: the runtime library and Go reserve two gigabytes that they do not use.
func memoryLimit(asked string) (int64, error) {
	if asked != "" {
		n, err := humanize.ParseBytes(asked)
		if err != nil || n == 0 || n > math.MaxInt64 {
			return 0, usageError("give a size such as 1GB or 800MiB", "--max-memory %q", asked)
		}
		return int64(n), nil
	}
	limit := uint64(math.MaxInt64)
	if n, err := memlimit.FromCgroup(); err == nil {
		limit = min(limit, n)
	}
	if n := availableMemory(); n > 0 {
		limit = min(limit, uint64(shareOfFree*float64(n)))
	} else if n := memory.TotalMemory(); n > 0 {
		limit = min(limit, n/2)
	}
	return int64(limit), nil
}

// decodeLimit is what a limit leaves for files and decoded pictures, beside a tower of so many bytes.
func decodeLimit(limit, towerBytes int64) int64 {
	return max(limit-baseBytes-int64(towerMultiplier*float64(towerBytes)), minDecodeBytes)
}

// onceMultiplier is how many times the text tower's bytes must be there for making its copy: it takes 2.6 times them, measured
// with ViT-B/32 in a search; the rest is for what a process holds besides, such as index's vision tower.
const onceMultiplier = 5

// prepareOnce makes the text tower's copy for quick searches, where there is the memory for it. It only saves time.
func (a *App) prepareOnce(ctx context.Context, loader *embed.Loader, maxMemory string) {
	if err := a.tryPrepareOnce(ctx, loader, maxMemory); err != nil {
		a.logf("no copy for quick searches is made: %v", err)
	}
}

func (a *App) tryPrepareOnce(ctx context.Context, loader *embed.Loader, maxMemory string) error {
	tower, err := loader.TextualBytes()
	if err != nil {
		return err
	}
	limit, err := memoryLimit(maxMemory)
	if err != nil {
		return err
	}
	if need := baseBytes + onceMultiplier*tower; limit < need {
		return fmt.Errorf("it takes %s of memory, and there are %s", megabytes(need), megabytes(limit))
	}
	return loader.PrepareOnce(ctx)
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }
