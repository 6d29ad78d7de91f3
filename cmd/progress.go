package cmd

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/imgsearch/imgsearch/index"
)

// progress shows a run on stderr while it goes on.
type progress struct {
	app  *App
	kind string // bar, plain, json, none

	mu                  sync.Mutex
	found, done, failed int
	walked              bool
	begin               time.Time
	bar                 *progressbar.ProgressBar
}

// How often the other kinds speak: plain is for logs, json for programs.
const (
	barEvery   = 100 * time.Millisecond
	plainEvery = 10 * time.Second
	jsonEvery  = time.Second
)

func newProgress(app *App, kind string) *progress {
	if kind == "" {
		kind = "none"
		if app.streams.ErrTTY && !app.quiet {
			kind = "bar"
		}
	}
	return &progress{app: app, kind: kind, begin: time.Now()}
}

// start returns the callbacks for the engine and a function that ends the display.
func (p *progress) start() (index.Events, func()) {
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	if every := map[string]time.Duration{"bar": barEvery, "plain": plainEvery, "json": jsonEvery}[p.kind]; every > 0 {
		ticking.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					p.show()
				case <-stop:
					return
				}
			}
		})
	}
	events := index.Events{
		Found:  func() { p.change(func() { p.found++ }) },
		Walked: func() { p.change(func() { p.walked = true }) },
		Read:   func() { p.change(func() { p.done++ }) },
		Failed: p.fileFailed,
		Damaged: func(path string) {
			p.say(func() { p.app.warnf("%s: damaged; indexed by what is there of it", escapePath(path)) })
		},
		Unsupported: func(path string, err error) {
			p.say(func() { p.app.logf("%s: %s", escapePath(path), oneLine(err)) })
		},
		Warned: func(text string) { p.say(func() { p.app.warnf("%s", text) }) },
	}
	return events, func() {
		close(stop)
		ticking.Wait()
		if p.kind == "json" {
			p.show() // the last word is the final state
		}
		p.clear()
	}
}

func (p *progress) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *progress) fileFailed(path string, err error) {
	p.say(func() {
		p.failed++
		p.app.warnf("%s: %s", escapePath(path), oneLine(err))
		if p.app.verbose && oneLine(err) != err.Error() {
			p.app.logf("%v", err)
		}
	})
}

// say prints a line without leaving pieces of the bar behind.
func (p *progress) say(speak func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	speak()
}

func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}

func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found == 0 {
		return
	}
	rate := float64(p.done) / time.Since(p.begin).Seconds()
	switch p.kind {
	case "bar":
		p.showBar()
	case "plain":
		p.app.notef("%d of %s, %.1f files/s, %d failed%s", p.done, p.total(), rate, p.failed, p.remaining(rate))
	case "json":
		_ = printJSON(p.app.streams.Err, struct {
			Schema int     `json:"schema"`
			Event  string  `json:"event"`
			Done   int     `json:"done"`
			Found  int     `json:"found"`
			Walked bool    `json:"walked"`
			Failed int     `json:"failed"`
			Rate   float64 `json:"files_per_s"`
		}{schemaVersion, "progress", p.done, p.found, p.walked, p.failed, round(rate, 2)})
	}
}

// total says how many files there are to read; until the walk is over, at least how many.
func (p *progress) total() string {
	if p.walked {
		return fmt.Sprint(p.found)
	}
	return fmt.Sprintf("at least %d", p.found)
}

func (p *progress) remaining(rate float64) string {
	if !p.walked || rate == 0 {
		return ""
	}
	return ", " + humanTime(time.Duration(float64(p.found-p.done)/rate*float64(time.Second))) + " left"
}

func (p *progress) showBar() {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(p.found,
			progressbar.OptionSetWriter(p.app.streams.Err),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("files"),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
	}
	what := "indexing"
	if !p.walked {
		what = "indexing (still looking)"
	}
	if p.failed > 0 {
		what += fmt.Sprintf(", %d failed", p.failed)
	}
	p.bar.Describe(what)
	p.bar.ChangeMax(max(p.found, p.done+1)) // at its maximum it would count as finished
	_ = p.bar.Set(p.done)
}
