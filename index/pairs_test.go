package index_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index"
)

// TestPairsOnASlowDisk: on a disk that serves one reader at a time, with memory for one picture, no worker waits for the disk while it
// holds the memory that the worker at the disk waits for.
func TestPairsOnASlowDisk(t *testing.T) {
	defer index.SetSequential()()
	e := newEngine(t)
	for i := range 12 {
		e.write(fmt.Sprintf("%02d.jpg", i), fmt.Sprint("developed ", i))
		e.write(fmt.Sprintf("%02d.cr2", i), fmt.Sprint("raw ", i))
	}
	e.reader.decodeBytes, e.reader.slow = 200<<20, 5*time.Millisecond
	sum, err := e.run(func(r *index.Request) { r.Jobs = 4 })
	if err != nil || sum.Added != 24 || sum.Embedded != 12 {
		t.Fatalf("%+v, %v", sum, err)
	}
}
