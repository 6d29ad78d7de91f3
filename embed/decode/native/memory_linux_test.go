package native_test

import (
	"testing"
)

// TestMemoryLimit checks that a library cannot take more memory than its file was given, and that the limit ends with the file.
func TestMemoryLimit(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	p := newPool(t)
	j := job("takes memory")
	j.Memory = 64 << 20
	if _, err := p.Decode(j); err == nil {
		t.Error("no error with 64 MiB")
	}
	j.Memory = 3 << 30
	if _, err := p.Decode(j); err != nil {
		t.Errorf("with 3 GiB: %v", err)
	}
	j = job("well")
	j.Memory = 1 << 20
	for range 3 {
		if _, err := p.Decode(j); err != nil {
			t.Fatalf("a small picture with 1 MiB: %v", err)
		}
	}
	j = job("takes memory")
	if _, err := p.Decode(j); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
