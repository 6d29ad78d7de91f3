package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestBatcher checks that texts that wait together share a batch, that each caller gets the vectors of its own texts, and that batches are bounded.
func TestBatcher(t *testing.T) {
	var b batcher
	var mu sync.Mutex
	var sizes []int
	hold := make(chan struct{})
	first := 0 // the callers in the first batch: one, or more if they were fast
	compute := func(texts []string) ([][]float32, error) {
		mu.Lock()
		if first == 0 {
			first = len(texts) / 2
		}
		mu.Unlock()
		<-hold
		mu.Lock()
		sizes = append(sizes, len(texts))
		mu.Unlock()
		vectors := make([][]float32, len(texts))
		for i, text := range texts {
			var n float32
			if _, err := fmt.Sscan(text, &n); err != nil {
				return nil, err
			}
			vectors[i] = []float32{n}
		}
		return vectors, nil
	}
	const callers = 3 * maxBatch
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			got, err := b.embed(t.Context(), []string{fmt.Sprint(i), fmt.Sprint(-i)}, compute)
			if err != nil || len(got) != 2 || got[0][0] != float32(i) || got[1][0] != float32(-i) {
				t.Errorf("caller %d got %v, %v", i, got, err)
			}
		})
	}
	for called := 0; called < callers; {
		time.Sleep(time.Millisecond)
		mu.Lock()
		computing := first
		mu.Unlock()
		b.mu.Lock()
		if called = len(b.waiting); computing > 0 {
			called += computing
		}
		b.mu.Unlock()
	}
	close(hold)
	all.Wait()
	if len(sizes) > 2*callers/maxBatch+2 {
		t.Errorf("the batches have %v texts", sizes)
	}
	for _, n := range sizes {
		if n > maxBatch {
			t.Errorf("a batch has %d texts", n)
		}
	}
}

// TestBatcherFailures checks that an error reaches all who wait, that who gives up does not wait, and that the next batch is computed.
func TestBatcherFailures(t *testing.T) {
	var b batcher
	failed := errors.New("failed")
	if _, err := b.embed(t.Context(), []string{"a"}, func([]string) ([][]float32, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if _, err := b.embed(t.Context(), []string{"a"}, func([]string) ([][]float32, error) { return nil, nil }); !errors.Is(err, errNoVectors) {
		t.Errorf("too few: %v", err)
	}
	hold := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	slow := func(texts []string) ([][]float32, error) { <-hold; return make([][]float32, len(texts)), nil }
	if _, err := b.embed(ctx, []string{"a"}, slow); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(hold)
	if _, err := b.embed(t.Context(), []string{"b"}, slow); err != nil {
		t.Errorf("%v", err)
	}
}
