package cli

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/imgsearch/imgsearch/internal/words"
)

// TestShortage checks that a full disk or too many open files are not taken for a wrong command line, whichever option met them.
func TestShortage(t *testing.T) {
	for _, c := range []struct {
		cause error
		code  words.Code
		hint  string
	}{
		{syscall.ENOSPC, words.Failed, "free some disk space"},
		{syscall.EMFILE, words.Failed, "ulimit -n"},
		{fs.ErrPermission, words.Usage, "choose a file"},
	} {
		w := Word(Usage("choose a file that you can write to", "--html: %w", &fs.PathError{Op: "write", Path: "/x", Err: c.cause}))
		if w.Code != c.code || !strings.Contains(w.Hint, c.hint) || !strings.Contains(w.Sentence, "--html") {
			t.Errorf("%v: %+v", c.cause, w)
		}
	}
	if w := Word(Usage("h", "%w", errors.New("x"))); w.Code != words.Usage {
		t.Errorf("%+v", w)
	}
}
