package caught_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/caught"
)

// TestError checks that a panic becomes an error that says where it happened, and that other errors are returned unchanged.
func TestError(t *testing.T) {
	plain := errors.New("plain")
	run := func(work func() error) (err error) {
		defer caught.Error(&err)
		return work()
	}
	if err := run(func() error { return plain }); !errors.Is(err, plain) {
		t.Errorf("an error became %v", err)
	}
	err := run(func() error { var list []int; return errors.New(string(rune(list[3]))) })
	if _, ok := errors.AsType[*caught.PanicError](err); !ok || !strings.Contains(err.Error(), "out of range") || !strings.Contains(err.Error(), "caught_test.go") {
		t.Errorf("a panic became %v", err)
	}
}
