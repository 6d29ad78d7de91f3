package gallery_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/imgsearch/imgsearch/internal/gallery"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/testkit/browser"
)

// openPage opens a page of n photos in a headless Chromium. The file of the last photo is missing.
func openPage(t *testing.T, n int) (tab *browser.Tab, dir string) {
	t.Helper()
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
	tab = browser.New(t, 1000, 800)
	tab.Open(gallery.FileURL(file))
	tab.Do(chromedp.WaitVisible("figure", chromedp.ByQuery))
	return tab, dir
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
	tab, dir := openPage(t, 30)
	tab.Wait("[...document.querySelectorAll('figure img')].every(i => i.naturalWidth > 0)", "true")
	tab.Wait("document.querySelectorAll('figure').length", "30")
	// Justified: all rows but the last reach the right edge.
	tab.Wait(`(() => {
		const rows = Map.groupBy(document.querySelectorAll('figure'), f => Math.round(f.getBoundingClientRect().top))
		const edge = document.querySelector('main').getBoundingClientRect().right
		return rows.size > 2 && [...rows.values()].slice(0, -1).every(r => Math.abs(r.at(-1).getBoundingClientRect().right - edge) < 2)
	})()`, "true")

	// A click opens the photo, from its file; the arrow keys move; Escape closes the viewer and returns the focus.
	tab.Do(chromedp.Click("figure:nth-of-type(3) button", chromedp.ByQuery))
	tab.Wait(isOpen, "true")
	tab.Wait(shown, "2")
	tab.Wait(isShown, "true")
	tab.Do(chromedp.KeyEvent(kb.ArrowRight))
	tab.Wait(shown, "3")
	tab.Do(chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	tab.Wait(shown, "1")
	tab.Do(chromedp.KeyEvent(kb.Home), chromedp.KeyEvent(kb.ArrowLeft))
	tab.Wait(shown, "0")
	tab.Do(chromedp.KeyEvent(kb.Escape))
	tab.Wait(isOpen, "false")
	tab.Wait(focused, "0")

	// Without the mouse.
	tab.Do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowDown))
	tab.Wait(isBelow, "true")
	tab.Do(chromedp.KeyEvent(kb.ArrowUp))
	tab.Wait(isBelow, "false")
	tab.Do(chromedp.KeyEvent(kb.Enter))
	tab.Wait(isOpen, "true")

	// A missing photo is shown by its thumbnail, without a request for the file.
	tab.Do(chromedp.KeyEvent(kb.End))
	tab.Wait(captions+".startsWith('30. no. 29')", "true")
	tab.Wait("document.querySelector('.full').hidden && document.querySelector('.small').naturalWidth > 0", "true")
	tab.Do(chromedp.Click("dialog .close", chromedp.ByQuery))
	tab.Wait(isOpen, "false")

	// Light and dark.
	background := "getComputedStyle(document.body).backgroundColor"
	scheme := func(name string) chromedp.Action {
		return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
	}
	tab.Do(scheme("light"))
	tab.Wait(background, "rgb(255, 255, 255)")
	tab.Do(scheme("dark"))
	tab.Wait(background, "rgb(19, 19, 21)")

	tab.Keep("wide.png")
	tab.CheckQuiet(gallery.FileURL(dir))
}
