package index

import (
	"fmt"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

func TestSamplerIsEven(t *testing.T) {
	var s sampler
	for i := range 1000 {
		s.offer(task{place: store.Place{Name: fmt.Sprintf("%04d", i)}})
	}
	if len(s.tasks) > sampleFiles || len(s.tasks) < sampleFiles/4 {
		t.Fatalf("%d tasks in the sample", len(s.tasks))
	}
	if last := s.tasks[len(s.tasks)-1].place.Name; last < "0900" {
		t.Errorf("the sample ends at %s of 1000", last)
	}
}
