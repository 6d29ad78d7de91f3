// Package browser lets tests use a page as a person does, in a headless Chromium. Tests are skipped where it is not installed.
package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// Tab is a tab of a browser. It collects what the browser reports about its page.
type Tab struct {
	Context context.Context //nolint:containedctx // chromedp's contexts are its handles
	t       testing.TB

	mu       sync.Mutex
	errors   []string
	requests []string
}

// patience limits how long a test with a browser may take.
const patience = 4 * time.Minute

// New starts a browser with a window of a size in pixels.
func New(t testing.TB, width, height int) *Tab {
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
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(width, height),
		chromedp.Flag("enable-precise-memory-info", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, patience)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // ignores events that the library does not know yet
	t.Cleanup(cancel)
	tab := &Tab{Context: ctx, t: t}
	chromedp.ListenTarget(ctx, tab.listen)
	tab.Do(network.Enable(), log.Enable(), chromedp.EmulateViewport(int64(width), int64(height)))
	return tab
}

func (tab *Tab) listen(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		tab.errors = append(tab.errors, e.Entry.Text+" "+e.Entry.URL)
	case *runtime.EventExceptionThrown:
		tab.errors = append(tab.errors, e.ExceptionDetails.Text)
		if e.ExceptionDetails.Exception != nil {
			tab.errors = append(tab.errors, e.ExceptionDetails.Exception.Description)
		}
	case *runtime.EventConsoleAPICalled:
		tab.errors = append(tab.errors, string(e.Type))
	case *network.EventRequestWillBeSent:
		tab.requests = append(tab.requests, e.Request.URL)
	}
}

// Do performs actions.
func (tab *Tab) Do(actions ...chromedp.Action) {
	tab.t.Helper()
	if err := chromedp.Run(tab.Context, actions...); err != nil {
		tab.t.Fatal(err)
	}
}

// Open opens an address.
func (tab *Tab) Open(address string) {
	tab.t.Helper()
	tab.Do(chromedp.Navigate(address))
}

// ClearCache empties the browser's cache.
func (tab *Tab) ClearCache() {
	tab.t.Helper()
	tab.Do(network.ClearBrowserCache())
}

// waits is how often Wait looks, each time a twentieth of a second apart.
const waits = 200

// Wait waits until an expression has the value want.
func (tab *Tab) Wait(expression, want string) {
	tab.t.Helper()
	got := ""
	var err error
	for range waits {
		if got, err = tab.eval(expression); err == nil && got == want {
			return
		}
		time.Sleep(50 * time.Millisecond) // an error may be that the page is being left
	}
	tab.t.Fatalf("%s is %q, want %q; %v; %q", expression, got, want, err, tab.Errors())
}

// Eval returns the value of an expression as text. A promise is waited for.
func (tab *Tab) Eval(expression string) string {
	tab.t.Helper()
	value, err := tab.eval(expression)
	if err != nil {
		tab.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func (tab *Tab) eval(expression string) (value string, err error) {
	err = chromedp.Run(tab.Context, chromedp.Evaluate("(async () => String(await ("+expression+")))()", &value,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return value, err
}

// Keep writes a screenshot to the folder IMGSEARCH_SCREENSHOTS, for people to look at.
func (tab *Tab) Keep(name string) {
	tab.t.Helper()
	dir := os.Getenv("IMGSEARCH_SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	tab.Do(chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(dir, name), picture, 0o600); err != nil {
		tab.t.Fatal(err)
	}
}

// Errors returns what the console said, and forgets it.
func (tab *Tab) Errors() (list []string) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	list, tab.errors = tab.errors, nil
	return list
}

// Requests returns the addresses that were asked for.
func (tab *Tab) Requests() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	return append([]string{}, tab.requests...)
}

// CheckQuiet fails the test if the console said something, or if a page asked for something elsewhere than at the addresses that begin with here.
func (tab *Tab) CheckQuiet(here ...string) {
	tab.t.Helper()
	if said := tab.Errors(); len(said) > 0 {
		tab.t.Errorf("the console says %q", said)
	}
	asked := tab.Requests()
	for _, url := range asked {
		isHere := false
		for _, prefix := range append(here, "data:", "blob:") {
			isHere = isHere || strings.HasPrefix(url, prefix)
		}
		if !isHere {
			tab.t.Errorf("the page asked for %.100s", url)
		}
	}
	if len(asked) < 2 {
		tab.t.Errorf("%d requests were seen", len(asked))
	}
}

// violations lists the accessibility problems that axe-core finds.
const violations = `axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary).join("; "))))`

// CheckAccessible fails the test if axe-core finds an accessibility problem in the page as it is now. It does nothing where axe-core is not installed.
func (tab *Tab) CheckAccessible(what string) {
	tab.t.Helper()
	axe, err := os.ReadFile(filepath.Join(testkit.Repository(), ".tools", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		tab.t.Logf("%s: axe-core is not installed: run `make axe`", what)
		return
	}
	tab.Do(chromedp.Evaluate(string(axe)+";0", nil))
	if found := tab.Eval(violations); found != "[]" {
		tab.t.Errorf("%s: %s", what, found)
	}
}
