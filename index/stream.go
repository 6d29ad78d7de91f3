package index

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"
)

// stream runs the pipeline over the tasks that source sends: read and decode (workers), embed, write.
//
//	source -> tasks -> read (workers) -> ready -> embed (Embedder.Batch) -> writes -> write (1, transactions)
//	                       `------------- known, failed -------------------^
func (r *run) stream(ctx context.Context, workers int, alone bool, source func(context.Context, chan<- task) error) error {
	return r.streamTo(ctx, workers, alone, source, r.write)
}

// streamTo is stream with a sink other than the index.
func (r *run) streamTo(ctx context.Context, workers int, alone bool, source func(context.Context, chan<- task) error,
	sink func(context.Context, <-chan write) error) error {
	writing, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// taskQueue paths are about 10 MB; they let the walk get far enough ahead to show how much remains.
	const taskQueue = 1 << 16
	tasks := make(chan task, taskQueue)
	ready := make(chan decoded, r.readyQueue(workers))
	writes := make(chan write, 64)
	written := make(chan error, 1)
	go func() {
		err := sink(ctx, writes)
		if err != nil {
			cancel(err) // new results can no longer be stored
		}
		written <- err
		for range writes { // drain until the producers have noticed
		}
	}()
	g, gctx := errgroup.WithContext(writing)
	g.Go(func() error {
		defer close(tasks)
		return source(gctx, tasks)
	})
	g.Go(func() error {
		defer close(ready)
		return r.read(gctx, workers, alone, tasks, ready, writes)
	})
	g.Go(func() error { return r.embed(gctx, ready, writes) })
	err := g.Wait()
	close(writes)
	if wErr := <-written; wErr != nil {
		return wErr
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// readyBytes bounds the decoded tensors that wait for the tower: enough for the largest batch that we use and the
// decoders' next tensors, and little compared with the models.
const readyBytes = 32 << 20

func (r *run) readyQueue(workers int) int {
	return max(readyBytes/(4*r.req.Reader.TensorLen()), workers)
}

// feed sends the given tasks until the run is stopped.
func (r *run) feed(ctx context.Context, tasks []task, out chan<- task) error {
	for _, t := range tasks {
		select {
		case out <- t:
		case <-r.stop.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
