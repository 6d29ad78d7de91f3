package cli

import (
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"

	"github.com/imgsearch/imgsearch/internal/app"
)

// Transfer shows bytes as they come: a bar on a terminal; elsewhere, with --verbose, how many there are.
type Transfer struct {
	program *Program
	mu      sync.Mutex
	bar     *progressbar.ProgressBar
	ended   bool
}

// NewTransfer returns a transfer of what has a name. Its caller calls End.
func NewTransfer(p *Program, name string) *Transfer {
	t := &Transfer{program: p}
	if p.ErrTTY && !p.Quiet && !p.LogsLines() {
		t.bar = progressbar.NewOptions64(-1, progressbar.OptionSetWriter(p.Err), progressbar.OptionSetDescription(name),
			progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
	}
	return t
}

// Download is what a download tells the transfer.
func (t *Transfer) Download() app.Download {
	return app.Download{Total: t.setTotal, Got: t.add, Checking: t.End}
}

func (t *Transfer) setTotal(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.program.Logf("%s in all", humanize.IBytes(uint64(max(bytes, 0))))
	if t.bar != nil && bytes > 0 {
		t.bar.ChangeMax64(bytes)
	}
}

func (t *Transfer) add(bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil {
		_ = t.bar.Add64(bytes) // an error of the terminal stops no download
	}
}

// End takes the bar away.
func (t *Transfer) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bar != nil && !t.ended {
		_ = t.bar.Clear()
	}
	t.ended = true
}
