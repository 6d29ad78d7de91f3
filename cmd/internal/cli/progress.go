package cli

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Progress shows the progress of a pipeline run on Err.
type Progress struct {
	program *Program
	kind    string // bar, plain, json, none

	mu                  sync.Mutex
	found, done, failed int
	begun               int // files on which work has started
	walked              bool
	texts, textsRead    int // pictures whose text is read after the vectors
	begin               time.Time
	bar                 *progressbar.ProgressBar
}

// ProgressKinds are the ways to show progress.
var ProgressKinds = []string{"bar", "plain", "json", "none"}

// progressEvery is the interval between updates of each kind: plain is for logs, json for programs.
var progressEvery = map[string]time.Duration{"bar": 100 * time.Millisecond, "plain": 10 * time.Second, "json": time.Second}

// NewProgress returns a Progress of a kind; "" means a bar on a terminal, else none.
func NewProgress(p *Program, kind string) *Progress {
	if kind == "" {
		kind = "none"
		if p.ErrTTY && !p.Quiet && !p.LogsLines() {
			kind = "bar"
		}
	}
	return &Progress{program: p, kind: kind, begin: time.Now()}
}

// Start returns the pipeline's events, and a function that ends the display.
func (p *Progress) Start() (index.Events, func()) {
	stop := make(chan struct{})
	var ticking sync.WaitGroup
	if every := progressEvery[p.kind]; every > 0 {
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
		Found:     func() { p.change(func() { p.found++ }) },
		Walked:    func() { p.change(func() { p.walked = true }) },
		Reading:   func() { p.change(func() { p.begun++ }) },
		Read:      func() { p.change(func() { p.done++ }) },
		TextFound: func() { p.change(func() { p.texts++ }) },
		TextRead:  func() { p.change(func() { p.textsRead++ }) },
		Failed:    p.fileFailed,
		Damaged: func(path string) {
			p.say(func() { p.program.Warn(words.Path(path)+": partly unreadable; indexed the rest", "path", path) })
		},
		Unsupported: func(path string, err error) {
			p.say(func() { p.program.Logf("%s: %s", words.Path(path), Sentence(err)) })
		},
		Noticed: func(n index.Notice) { p.say(func() { p.program.Notify(n) }) },
	}
	return events, func() {
		close(stop)
		ticking.Wait()
		if p.kind == "json" {
			p.show() // the last event is the final state
		}
		p.clear()
	}
}

func (p *Progress) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *Progress) fileFailed(path string, err error) {
	p.say(func() {
		p.failed++
		said := Sentence(err)
		p.program.Warn(words.Path(path)+": "+said, "path", path)
		if details := err.Error(); english.OneLine(details) != details {
			p.program.Logf("%s", details)
		}
	})
}

// say clears the bar and prints a line.
func (p *Progress) say(speak func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	speak()
}

func (p *Progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
		_ = p.bar.Clear()
	}
}

func (p *Progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found+p.texts == 0 {
		return
	}
	rate := float64(p.done) / time.Since(p.begin).Seconds()
	switch p.kind {
	case "bar":
		p.showBar()
	case "plain":
		if p.texts > 0 {
			p.program.Notef("read the text in %d of %d pictures", p.textsRead, p.texts)
			return
		}
		p.program.Notef("%d of %s, %.1f files/s, %d failed%s", p.done, p.total(), rate, p.failed, p.remaining(rate))
	case "json":
		_ = PrintJSON(p.program.Err, struct {
			Schema int     `json:"schema"`
			Event  string  `json:"event"`
			Done   int     `json:"done"`
			Found  int     `json:"found"`
			Walked bool    `json:"walked"`
			Failed int     `json:"failed"`
			Rate   float64 `json:"files_per_s"`
			Texts  int     `json:"texts_found"`
			Read   int     `json:"texts_done"`
		}{wire.Schema, "progress", p.done, p.found, p.walked, p.failed, wire.Round(rate, 2), p.texts, p.textsRead})
	}
}

// total returns the number of files to read; until the walk is over, "at least" that number.
func (p *Progress) total() string {
	if p.walked {
		return fmt.Sprint(p.found)
	}
	return fmt.Sprintf("at least %d", p.found)
}

func (p *Progress) remaining(rate float64) string {
	if !p.walked || rate == 0 {
		return ""
	}
	return ", " + english.Duration(time.Duration(float64(p.found-p.done)/rate*float64(time.Second))) + " left"
}

// speed returns the average rate, or "" before the first file is done.
func (p *Progress) speed() string {
	rate := float64(p.done) / time.Since(p.begin).Seconds()
	switch {
	case p.done == 0:
		return ""
	case rate >= 10:
		return fmt.Sprintf(", %.0f files/s", rate)
	case rate >= 1:
		return fmt.Sprintf(", %.1f files/s", rate)
	}
	return fmt.Sprintf(", %.0f files/min", max(60*rate, 1))
}

func (p *Progress) showBar() {
	if p.bar == nil {
		p.bar = progressbar.NewOptions(p.found,
			progressbar.OptionSetWriter(p.program.Err),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionFullWidth(),
			progressbar.OptionClearOnFinish(),
		)
	}
	if p.texts > 0 {
		p.bar.Describe("reading text")
		p.bar.ChangeMax(max(p.texts, p.textsRead+1))
		_ = p.bar.Set(p.textsRead)
		return
	}
	what := "indexing"
	if !p.walked {
		what = "indexing (still scanning folders)"
	}
	if n := min(p.begun-p.done, runtime.GOMAXPROCS(0)); n > 0 { // the rest waits for the model
		what += fmt.Sprintf(", %d in progress", n)
	}
	if p.failed > 0 {
		what += fmt.Sprintf(", %d failed", p.failed)
	}
	p.bar.Describe(what + p.speed())
	p.bar.ChangeMax(max(p.found, p.done+1)) // at its maximum it would count as finished
	_ = p.bar.Set(p.done)
}
