package gallery_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAccessible checks the gallery and the viewer, on a wide screen and on a phone.
func TestAccessible(t *testing.T) {
	for _, screen := range []struct{ width, height int64 }{{1280, 900}, {390, 844}} {
		tab, _ := openPage(t, 12)
		tab.Do(chromedp.EmulateViewport(screen.width, screen.height))
		tab.CheckAccessible("the gallery")
		tab.Do(chromedp.Click("figure:nth-of-type(2) button", chromedp.ByQuery))
		tab.Wait(isOpen, "true")
		tab.CheckAccessible("the viewer")
	}
}

// TestPhone checks the layout on a phone: two columns, visible captions, and the viewer's text above its buttons.
func TestPhone(t *testing.T) {
	tab, _ := openPage(t, 12)
	tab.Do(chromedp.EmulateViewport(390, 844))
	tab.Wait("new Set([...document.querySelectorAll('figure')].map(f => Math.round(f.getBoundingClientRect().left))).size", "2")
	tab.Wait("document.documentElement.scrollWidth <= 390", "true")
	tab.Wait(`[...document.querySelectorAll('figcaption')].every(c => getComputedStyle(c).opacity === '1' && c.getBoundingClientRect().height > 10)`, "true")
	tab.Keep("phone.png")
	tab.Do(chromedp.Click("figure:nth-of-type(2) button", chromedp.ByQuery))
	tab.Wait(isOpen, "true")
	tab.Wait("document.querySelector('dialog p').getBoundingClientRect().bottom <= document.querySelector('dialog .next').getBoundingClientRect().top + 1", "true")
	tab.Wait("[...document.querySelectorAll('dialog .bar button, dialog .bar a')].every(b => b.getBoundingClientRect().right <= 390)", "true")
	tab.Keep("phone-viewer.png")
}
