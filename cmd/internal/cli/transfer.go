package cli

import (
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Transfer shows the progress of a download: a bar on a terminal, and the total size with --verbose.
type Transfer struct {
	program *Program
	mu      sync.Mutex
	bar     *progressbar.ProgressBar
	ended   bool
}

// NewTransfer returns the display of a download with a name. The caller must call End.
func NewTransfer(p *Program, name string) *Transfer {
	t := &Transfer{program: p}
	if p.ErrTTY && !p.Quiet && !p.LogsLines() {
		t.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(p.Err), progressbar.OptionSetDescription(words.Path(name)),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	}
	return t
}

// Download returns the callbacks of a download that update t.
func (t *Transfer) Download() app.Download {
	return app.Download{Total: t.setTotal, Got: t.add, Checking: t.End}
}

func (t *Transfer) setTotal(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.program.Logf("%s in total", humanize.IBytes(uint64(max(bytes, 0))))
	if t.bar != nil && bytes > 0 {
		t.bar.ChangeMax64(bytes)
	}
}

func (t *Transfer) add(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil {
		_ = t.bar.Add64(bytes) // a terminal error must not stop the download
	}
}

// End removes the bar.
func (t *Transfer) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil && !t.ended {
		_ = t.bar.Clear()
	}
	t.ended = true
}
