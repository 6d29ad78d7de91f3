package serve_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/imgsearch/imgsearch/internal/testkit/browser"
)

// noteFirst notes when all photos in the window are there, in milliseconds after the page was asked for.
const noteFirst = `(() => {
	const look = () => {
		const seen = [...document.querySelectorAll('#grid img')].filter(i => i.getBoundingClientRect().top < innerHeight)
		if (seen.length > 10 && seen.every(i => i.complete && i.naturalWidth > 0)) window.firstPhotos = performance.now()
		else requestAnimationFrame(look)
	}
	requestAnimationFrame(look)
})()`

// BenchmarkFirstPhotos measures how long it takes until the first photos of a gallery of 100,000 are visible, in a browser that has nothing in its cache.
func BenchmarkFirstPhotos(b *testing.B) {
	const n = 100_000
	home, _ := newHome(b, 1, "--keep-previews")
	addMany(b, home, n-1)
	address := "http://" + launch(b, home).address
	tab := browser.New(b, 1280, 900)
	tab.Do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := cdp.AddScriptToEvaluateOnNewDocument(noteFirst).Do(ctx)
		return err
	}))
	var first, layout, heap float64
	b.ResetTimer()
	for range b.N {
		tab.Open("about:blank")
		tab.ClearCache()
		tab.Open(address + "/")
		tab.Wait("window.firstPhotos > 0 && gallery.source.total", strconv.Itoa(n))
		first += number64(b, tab.Eval("firstPhotos"))
		layout += number64(b, tab.Eval("gallery.grid.took"))
		heap += number64(b, tab.Eval("performance.memory.usedJSHeapSize / 1e6"))
		time.Sleep(100 * time.Millisecond)
	}
	b.ReportMetric(first/float64(b.N), "first-ms")
	b.ReportMetric(layout/float64(b.N), "layout-ms")
	b.ReportMetric(heap/float64(b.N), "heap-MB")
}

func number64(b *testing.B, text string) float64 {
	b.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		b.Fatal(err)
	}
	return v
}
