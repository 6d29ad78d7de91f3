package gallery_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// violations lists the accessibility problems that axe-core finds.
const violations = `axe.run().then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 200) + " " + n.failureSummary).join("; ")))`

// awaitPromise waits for the result of a promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// TestAccessible checks the gallery and the viewer, on a wide screen and on a phone.
func TestAccessible(t *testing.T) {
	axe, err := os.ReadFile(filepath.Join(testkit.Repository(), ".tools", "axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Skip("axe-core is not installed: run `make axe`")
	}
	for _, screen := range []struct{ width, height int64 }{{1280, 900}, {390, 844}} {
		ctx, _, _ := openPage(t, 12)
		do(ctx, t, chromedp.EmulateViewport(screen.width, screen.height), chromedp.Evaluate(string(axe), nil))
		for _, state := range []string{"gallery", "viewer"} {
			if state == "viewer" {
				do(ctx, t, chromedp.Click("figure:nth-of-type(2) button", chromedp.ByQuery))
				eval(ctx, t, isOpen, "true")
			}
			var found []string
			do(ctx, t, chromedp.Evaluate(violations, &found, awaitPromise))
			for _, v := range found {
				t.Errorf("%d x %d, %s: %s", screen.width, screen.height, state, v)
			}
		}
	}
}

// TestPhone checks the layout on a phone: two columns, visible captions, and the viewer's text above its buttons.
func TestPhone(t *testing.T) {
	ctx, _, _ := openPage(t, 12)
	do(ctx, t, chromedp.EmulateViewport(390, 844))
	eval(ctx, t, "new Set([...document.querySelectorAll('figure')].map(f => Math.round(f.getBoundingClientRect().left))).size", "2")
	eval(ctx, t, "document.documentElement.scrollWidth <= 390", "true")
	eval(ctx, t, `[...document.querySelectorAll('figcaption')].every(c => getComputedStyle(c).opacity === '1' && c.getBoundingClientRect().height > 10)`, "true")
	var picture []byte
	do(ctx, t, chromedp.CaptureScreenshot(&picture))
	keep(t, "phone.png", picture)
	do(ctx, t, chromedp.Click("figure:nth-of-type(2) button", chromedp.ByQuery))
	eval(ctx, t, isOpen, "true")
	eval(ctx, t, "document.querySelector('dialog p').getBoundingClientRect().bottom <= document.querySelector('dialog .next').getBoundingClientRect().top + 1", "true")
	eval(ctx, t, "[...document.querySelectorAll('dialog .bar button, dialog .bar a')].every(b => b.getBoundingClientRect().right <= 390)", "true")
	do(ctx, t, chromedp.CaptureScreenshot(&picture))
	keep(t, "phone-viewer.png", picture)
}

// keep writes a screenshot to the folder IMGSEARCH_SCREENSHOTS, for people to look at.
func keep(t *testing.T, name string, picture []byte) {
	t.Helper()
	if dir := os.Getenv("IMGSEARCH_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
