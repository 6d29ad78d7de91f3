package embed

import (
	"errors"
	"fmt"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"
)

// ErrDisagrees reports that a provider's vectors differ from the processor's.
var ErrDisagrees = errors.New("its vectors differ from the processor's")

// errHung reports that native code did not return.
var errHung = errors.New("it did not respond")

// minAgreement is the least cosine similarity between a provider's vector and the processor's. WebGPU's are at 0.9999999
// (docs/benchmarks.md#providers).
const minAgreement = 0.999

// canaryRow marks the canary among the rows of a batch.
const canaryRow = -1

// fallback runs a tower on a provider until the first failure, then on the processor. A failure is an error, a timeout, a
// vector that is not finite, or a canary whose vector differs from the processor's. The batch that failed runs again.
// For pictures, the canary is part of every batch, so that no vector comes from an unchecked batch.
type fallback struct {
	place   *placement
	session *session
	// limit is how long a batch may take.
	limit time.Duration
	// open loads the tower on the processor.
	open func() (*session, error)
	// failed is called with the failure, once.
	failed func(error)

	mu        sync.Mutex
	fallen    bool
	processor *session
	err       error // of open
}

// rows returns the number of pictures that fit into a batch.
func (f *fallback) rows() int {
	if f.place.canary != nil {
		return f.place.batch - 1
	}
	return f.place.batch
}

func (f *fallback) run(n int, feed func(rows []int) ([]ort.Value, error)) ([][]float32, error) {
	f.mu.Lock()
	fallen := f.fallen
	f.mu.Unlock()
	if !fallen {
		vectors, err := f.accelerated(n, feed)
		if err == nil {
			return vectors, nil
		}
		f.fall(err)
	}
	s, err := f.onProcessor()
	if err != nil {
		return nil, err
	}
	return s.run(n, feed)
}

func (f *fallback) fall(err error) {
	f.mu.Lock()
	first := !f.fallen
	f.fallen = true
	f.mu.Unlock()
	if first {
		f.failed(err)
	}
}

// onProcessor loads the tower on the processor, once. The provider's session stays open: what failed is not touched again.
func (f *fallback) onProcessor() (*session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.processor == nil && f.err == nil {
		f.processor, f.err = f.open()
	}
	return f.processor, f.err
}

// close frees the sessions. The session of a provider that failed is not touched again.
func (f *fallback) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.fallen {
		f.session.close()
	}
	if f.processor != nil {
		f.processor.close()
	}
}

func (f *fallback) accelerated(n int, feed func(rows []int) ([]ort.Value, error)) ([][]float32, error) {
	vectors := make([][]float32, 0, n)
	for from := 0; from < n; from += f.rows() {
		rows := make([]int, f.place.batch)
		for i := range rows {
			rows[i] = min(from+i, n-1)
		}
		if f.place.canary != nil {
			rows[len(rows)-1] = canaryRow
		}
		got, err := within(f.limit, func() ([][]float32, error) { return f.session.runBatch(rows, feed) })
		if err != nil {
			return nil, err
		}
		if f.place.canary != nil {
			if cos := worstCosine(got[len(got)-1:], [][]float32{f.place.canary}); cos < minAgreement {
				return nil, fmt.Errorf("%w: cosine %.4f for the test picture in the batch", ErrDisagrees, cos)
			}
		}
		vectors = append(vectors, got[:min(f.rows(), n-from)]...)
	}
	return vectors, nil
}

// within runs native code with a time limit. It counts only seconds in which this process was awake, not those in which it was
// stopped (Ctrl-Z, a sleeping laptop). If the code does not return, its thread is abandoned.
func within[T any](limit time.Duration, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := f()
		done <- answer{value, err}
	}()
	tick := min(time.Second, limit)
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for waited := time.Duration(0); waited < limit; {
		select {
		case a := <-done:
			return a.value, a.err
		case <-ticker.C: // a ticker drops the ticks of the time in which the process was stopped
			waited += tick
		}
	}
	var none T
	return none, fmt.Errorf("%w within %v", errHung, limit.Round(time.Second))
}
