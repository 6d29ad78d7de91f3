package warmup

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// rounds is the number of runs of each tower: enough for a median, about a second in total with the built-in model.
const rounds = 7

// timeVisual measures the vision tower with as many parallel batches as index uses.
func timeVisual(ctx context.Context, tower *embed.Visual, tensorLen int) (imageMS, perSecond float64, err error) {
	size, parallel := tower.Batch()
	tensors := make([]float32, size*tensorLen)
	for i := range tensors {
		tensors[i] = float32(i%251)/125 - 1
	}
	took, err := medianTime(ctx, func() error {
		var wg sync.WaitGroup
		errs := make([]error, parallel)
		for i := range parallel {
			wg.Go(func() { _, errs[i] = tower.Embed(tensors, size) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	})
	n := float64(size * parallel)
	return wire.Round(wire.Milliseconds(took)/n, 2), wire.Round(n/took.Seconds(), 1), err
}

func timeTextual(ctx context.Context, tower *embed.Textual) (float64, error) {
	took, err := medianTime(ctx, func() error {
		_, err := tower.Embed([]string{"dog on beach"})
		return err
	})
	return wire.Milliseconds(took), err
}

// medianTime returns the median duration of f over several runs, without the first.
func medianTime(ctx context.Context, f func() error) (time.Duration, error) {
	var times []time.Duration
	for i := range rounds + 1 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, time.Since(begin))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
