package gallery_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/imgsearch/imgsearch/internal/gallery"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// watched collects what a browser reports while a page is in use.
type watched struct {
	mu       sync.Mutex
	errors   []string
	requests []string
}

func (w *watched) listen(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		w.errors = append(w.errors, e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventExceptionThrown:
		w.errors = append(w.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		w.errors = append(w.errors, string(e.Type))
	case *network.EventRequestWillBeSent:
		w.requests = append(w.requests, e.Request.URL)
	}
}

// openPage opens a page of n photos in a headless Chromium. The file of the last photo is missing.
func openPage(t *testing.T, n int) (ctx context.Context, w *watched, dir string) {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("Chromium is not installed: apt install chromium")
	}
	dir = t.TempDir()
	page := gallery.Page{Title: "beach & sun", Summary: "photos"}
	for i := range n {
		data, err := testkit.Encode("a.jpg", testkit.Picture(i, 60+20*(i%5), 60))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("photo #%d 100%%.jpg", i))
		p := gallery.Picture{Rank: i + 1, Link: gallery.FileURL(path), Shown: path, Caption: fmt.Sprint("no. ", i), Width: 60 + 20*(i%5), Height: 60, JPEG: data, Missing: i == n-1}
		if !p.Missing {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		page.Pictures = append(page.Pictures, p)
	}
	var b bytes.Buffer
	if err := gallery.Write(&b, page); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1000, 800))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // ignores events that the library does not know yet
	t.Cleanup(cancel)
	w = new(watched)
	chromedp.ListenTarget(ctx, w.listen)
	do(ctx, t, network.Enable(), log.Enable(), chromedp.Navigate(gallery.FileURL(file)), chromedp.WaitVisible("figure", chromedp.ByQuery))
	return ctx, w, dir
}

func do(ctx context.Context, t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval waits until an expression has the value want.
func eval(ctx context.Context, t *testing.T, expression, want string) {
	t.Helper()
	var got string
	for range 50 {
		do(ctx, t, chromedp.Evaluate("String("+expression+")", &got))
		if got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s is %q, want %q", expression, got, want)
}

const (
	isOpen   = "document.querySelector('dialog').open"
	shown    = "decodeURIComponent(document.querySelector('.full').src).match(/#(\\d+)/)?.[1]"
	isShown  = "!document.querySelector('.full').hidden && document.querySelector('.full').naturalWidth > 0"
	focused  = "[...document.querySelectorAll('figure')].findIndex(f => f.contains(document.activeElement))"
	isBelow  = "document.activeElement.getBoundingClientRect().top > document.querySelector('figure').getBoundingClientRect().bottom"
	captions = "document.querySelector('dialog p').textContent"
)

// TestPageInChromium uses the page like a person does.
func TestPageInChromium(t *testing.T) {
	ctx, w, dir := openPage(t, 30)
	eval(ctx, t, "[...document.querySelectorAll('figure img')].every(i => i.naturalWidth > 0)", "true")
	eval(ctx, t, "document.querySelectorAll('figure').length", "30")
	// Justified: all rows but the last reach the right edge.
	eval(ctx, t, `(() => {
		const rows = Map.groupBy(document.querySelectorAll('figure'), f => Math.round(f.getBoundingClientRect().top))
		const edge = document.querySelector('main').getBoundingClientRect().right
		return rows.size > 2 && [...rows.values()].slice(0, -1).every(r => Math.abs(r.at(-1).getBoundingClientRect().right - edge) < 2)
	})()`, "true")

	// A click opens the photo, from its file; the arrow keys move; Escape closes the viewer and returns the focus.
	do(ctx, t, chromedp.Click("figure:nth-of-type(3) button", chromedp.ByQuery))
	eval(ctx, t, isOpen, "true")
	eval(ctx, t, shown, "2")
	eval(ctx, t, isShown, "true")
	do(ctx, t, chromedp.KeyEvent(kb.ArrowRight))
	eval(ctx, t, shown, "3")
	do(ctx, t, chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	eval(ctx, t, shown, "1")
	do(ctx, t, chromedp.KeyEvent(kb.Home), chromedp.KeyEvent(kb.ArrowLeft))
	eval(ctx, t, shown, "0")
	do(ctx, t, chromedp.KeyEvent(kb.Escape))
	eval(ctx, t, isOpen, "false")
	eval(ctx, t, focused, "0")

	// Without the mouse.
	do(ctx, t, chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown))
	eval(ctx, t, isBelow, "true")
	do(ctx, t, chromedp.KeyEvent(kb.ArrowUp))
	eval(ctx, t, isBelow, "false")
	do(ctx, t, chromedp.KeyEvent(kb.Enter))
	eval(ctx, t, isOpen, "true")

	// A missing photo is shown by its thumbnail, without a request for the file.
	do(ctx, t, chromedp.KeyEvent(kb.End))
	eval(ctx, t, captions+".startsWith('30. no. 29')", "true")
	eval(ctx, t, "document.querySelector('.full').hidden && document.querySelector('.small').naturalWidth > 0", "true")
	do(ctx, t, chromedp.Click("dialog .close", chromedp.ByQuery))
	eval(ctx, t, isOpen, "false")

	// Light and dark.
	background := "getComputedStyle(document.body).backgroundColor"
	scheme := func(name string) chromedp.Action {
		return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
	}
	do(ctx, t, scheme("light"))
	eval(ctx, t, background, "rgb(255, 255, 255)")
	do(ctx, t, scheme("dark"))
	eval(ctx, t, background, "rgb(19, 19, 21)")

	var picture []byte
	do(ctx, t, chromedp.CaptureScreenshot(&picture))
	keep(t, "wide.png", picture)
	if len(picture) < 10_000 {
		t.Errorf("a screenshot of %d bytes", len(picture))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.errors) > 0 {
		t.Errorf("the console says %q", w.errors)
	}
	here := gallery.FileURL(dir)
	for _, url := range w.requests {
		if !strings.HasPrefix(url, here) && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %.100s", url)
		}
	}
	if len(w.requests) < 2 {
		t.Errorf("%d requests were seen", len(w.requests))
	}
}
