package index

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/internal/vec"
)

// batchWait is how long a batch waits for its next picture before it is embedded as it is: slow decoders must not delay
// pictures that are due to be committed.
const batchWait = 200 * time.Millisecond

// embed feeds the tower in batches until ready is drained or ctx ends. It waits for the tower when the first picture
// is ready.
func (r *run) embed(ctx context.Context, ready <-chan decoded, writes chan<- write) error {
	var first decoded
	select {
	case d, ok := <-ready:
		if !ok {
			return nil
		}
		first = d
	case <-ctx.Done():
		return ctx.Err()
	}
	tower, err := r.req.Load(ctx)
	if err != nil {
		return err
	}
	size, parallel := tower.Batch()
	g, ctx := errgroup.WithContext(ctx)
	for i := range parallel {
		var begin []decoded
		if i == 0 {
			begin = []decoded{first}
		}
		g.Go(func() error { return r.embedBatches(ctx, tower, size, begin, ready, writes) })
	}
	return g.Wait()
}

func (r *run) embedBatches(ctx context.Context, tower Embedder, size int, batch []decoded, ready <-chan decoded, writes chan<- write) error {
	for more := true; more; {
		batch, more = gather(ctx, batch, size, ready)
		if len(batch) > 0 {
			if err := r.embedBatch(ctx, tower, batch, writes); err != nil {
				return err
			}
		}
		batch = batch[:0]
	}
	return ctx.Err()
}

// gather fills a batch; more is false when no more pictures will come.
func gather(ctx context.Context, batch []decoded, size int, ready <-chan decoded) (full []decoded, more bool) {
	var patience <-chan time.Time
	for len(batch) < size {
		if len(batch) > 0 && patience == nil {
			patience = time.After(batchWait)
		}
		select {
		case d, ok := <-ready:
			if !ok {
				return batch, false
			}
			batch = append(batch, d)
		case <-patience:
			return batch, true
		case <-ctx.Done():
			return nil, false
		}
	}
	return batch, true
}

func (r *run) embedBatch(ctx context.Context, tower Embedder, batch []decoded, writes chan<- write) error {
	tensors := *batch[0].tensor
	if len(batch) > 1 {
		tensors = make([]float32, 0, len(batch)*len(tensors))
		for _, d := range batch {
			tensors = append(tensors, *d.tensor...)
		}
	}
	vectors, err := tower.Embed(tensors, len(batch))
	for _, d := range batch {
		r.tensors.Put(d.tensor)
	}
	if err != nil {
		return fmt.Errorf("embed %q: %w", r.path(batch[0].task.place), err)
	}
	for i, d := range batch {
		if !vec.IsFinite(vectors[i]) || len(vectors[i]) != r.req.Model.Dim {
			return fmt.Errorf("embed %q: the model returned a vector that is not finite or has the wrong length", r.path(d.task.place))
		}
		op := write{task: d.task, picture: &d.picture, vector: vec.Pack(vectors[i]), preview: d.preview, claimed: d.task.preview == nil, damaged: d.damaged}
		select {
		case writes <- op:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
