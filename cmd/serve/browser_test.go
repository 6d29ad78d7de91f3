package serve_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/testkit/browser"
)

// screens are those that the gallery is tested on: a desktop's and a phone's.
var screens = map[string][2]int{"desktop": {1280, 900}, "phone": {390, 844}}

const (
	gridReady = "document.querySelectorAll('#grid.virtual img').length > 0 && [...document.querySelectorAll('#grid.virtual img')].filter(i => i.getBoundingClientRect().top < innerHeight).every(i => i.complete)"
	isViewing = "document.getElementById('viewer').open"
	viewing   = "document.querySelector('#viewer .name').textContent"
	isFull    = "!document.querySelector('#viewer .full').hidden && document.querySelector('#viewer .full').naturalWidth > 0"
	lastShown = "Math.max(...[...document.querySelectorAll('[data-i]')].filter(c => c.getBoundingClientRect().bottom <= document.getElementById('scroller').getBoundingClientRect().bottom + 1).map(c => c.dataset.i))"
)

// addMany adds pictures with shapes, dates and previews, but without files, to the index in a home folder.
func addMany(t testing.TB, home string, n int) {
	t.Helper()
	ix, lock, err := app.Index{Path: filepath.Join(home, ".local", "share", "imgsearch", "index.db")}.OpenLocked(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	defer ix.Close()
	root, err := ix.AddRoot(t.Context(), "/nowhere", true)
	if err != nil {
		t.Fatal(err)
	}
	// The first photos have previews as large as real ones; for all of them, that would be gigabytes.
	var previews [48][]byte
	for i := range previews {
		width, height := 32, 24
		if i >= 8 {
			width, height = 600, 448
		}
		if previews[i], err = testkit.Encode("x.jpg", testkit.Picture(i, width, height)); err != nil {
			t.Fatal(err)
		}
	}
	shapes := [][2]int{{4000, 3000}, {3000, 4000}, {6000, 4000}, {1920, 1080}, {1000, 1000}, {9000, 1000}}
	begin := time.Date(2024, 12, 31, 12, 0, 0, 0, time.UTC)
	tx, err := ix.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for i := range n {
		id := store.PictureID(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))))
		shape := shapes[(i*7)%len(shapes)]
		err := tx.PutPicture(t.Context(), store.Picture{ID: id, Format: "jpeg", Width: shape[0], Height: shape[1], Orientation: 1})
		if err == nil {
			preview := previews[i%8]
			if i < 200 {
				preview = previews[8+i%40]
			}
			err = tx.PutPreview(t.Context(), id, preview)
		}
		if err == nil {
			f := store.FileRecord{
				File:    store.File{Place: store.Place{Root: root.ID, Dir: fmt.Sprintf("%05d", i/500), Name: fmt.Sprintf("%08d.jpg", i)}, Stat: store.Stat{Size: 8, MTimeNS: 1}, Device: 1},
				Picture: id, Format: "jpeg",
			}
			if i%5 == 0 {
				f.Camera, f.People, f.Keywords = "Canon EOS R5", []string{"Ann Smith"}, []string{"[sea] *"}
			}
			f.TakenAt = begin.Add(-time.Duration(i) * 40 * time.Minute).Format("2006-01-02T15:04:05")
			_, err = tx.PutFile(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// front serves what a server does, at another address. change may answer instead.
func front(t testing.TB, s *server, change func(w http.ResponseWriter, r *http.Request) bool) string {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.address})
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !change(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(hs.CloseClientConnections)
	t.Cleanup(hs.Close)
	return hs.URL
}

// onScreens runs a test on each of the screens.
func onScreens(t *testing.T, test func(t *testing.T, name string, tab *browser.Tab)) {
	t.Helper()
	for name, size := range screens {
		t.Run(name, func(t *testing.T) { test(t, name, browser.New(t, size[0], size[1])) })
	}
}

// TestGallery uses the gallery as a person does.
func TestGallery(t *testing.T) {
	home, _ := newHome(t, 150, "--keep-previews")
	address := "http://" + launch(t, home).address
	onScreens(t, func(t *testing.T, name string, tab *browser.Tab) {
		tab.Open(address + "/")
		tab.Wait(gridReady, "true")
		tab.Keep(name + "-gallery.png")
		tab.CheckAccessible("the gallery")
		tab.Wait("document.documentElement.scrollWidth <= innerWidth", "true")

		// Rows are justified: all but the last reach the same edge.
		tab.Wait(`(() => {
			const rows = [...document.querySelectorAll('.row')].slice(0, -1).filter(r => Number(r.ariaRowIndex) < gallery.grid.plan.rows)
			const edge = document.getElementById('grid').getBoundingClientRect().right
			return rows.length > 2 && rows.every(r => Math.abs(r.lastChild.getBoundingClientRect().right - edge) < 2)
		})()`, "true")

		// A click opens a photo, in full; the arrow keys move; Back closes the viewer; Forward opens it again.
		first := tab.Eval("document.querySelector('[data-i=\"2\"] img').alt")
		tab.Do(chromedp.Click("#p2", chromedp.ByQuery))
		tab.Wait(isViewing, "true")
		tab.Wait(viewing, first+" · 3 of 150")
		tab.Wait(isFull, "true")
		tab.Do(chromedp.KeyEvent("i"))
		tab.Wait("document.querySelectorAll('#info .files a').length > 0 && document.querySelectorAll('#info .strip img').length", "12")
		tab.Keep(name + "-viewer.png")
		tab.CheckAccessible("the viewer")
		tab.Do(chromedp.KeyEvent("i"), chromedp.KeyEvent(kb.ArrowRight))
		tab.Wait(viewing+".endsWith('· 4 of 150')", "true")
		tab.Do(chromedp.KeyEvent(kb.End))
		tab.Wait(viewing+".endsWith('· 150 of 150')", "true")
		tab.Do(chromedp.KeyEvent(kb.Home))
		tab.Wait(viewing+".endsWith('· 1 of 150')", "true")
		tab.Do(chromedp.KeyEvent("+"))
		tab.Wait("document.querySelector('#viewer .full').style.transform.includes('scale(1.5)')", "true")
		tab.Do(chromedp.KeyEvent("0"))
		tab.Wait("document.querySelector('#viewer .full').style.transform", "")
		tab.Wait("new URLSearchParams(location.search).get('at')", "0")
		tab.Eval("history.back()")
		tab.Wait(isViewing, "false")
		tab.Wait("location.search", "")
		tab.Eval("history.forward()")
		tab.Wait(isViewing, "true")
		tab.Wait(viewing+".endsWith('· 1 of 150')", "true")
		shared := tab.Eval("location.href")
		tab.Do(chromedp.KeyEvent(kb.Escape))
		tab.Wait(isViewing, "false")
		tab.Wait("document.activeElement.id", "p0")

		// The keyboard alone.
		tab.Do(chromedp.KeyEvent(kb.ArrowRight))
		tab.Wait("document.activeElement.id", "p1")
		tab.Do(chromedp.KeyEvent(kb.ArrowDown))
		tab.Wait("Number(document.activeElement.id.slice(1)) > 1 && document.activeElement.getBoundingClientRect().top > document.getElementById('p0').getBoundingClientRect().top", "true")
		tab.Do(chromedp.KeyEvent(kb.End))
		tab.Wait("document.activeElement.id", "p149")
		tab.Wait(lastShown, "149")
		tab.Do(chromedp.KeyEvent(kb.Home))
		tab.Wait("document.activeElement.id", "p0")

		// A selection, and its list of paths.
		tab.Do(chromedp.KeyEvent(" "))
		tab.Wait("document.getElementById('selected').textContent", "1 selected")
		tab.Eval("document.querySelector('[data-i=\"4\"] .check').dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, shiftKey: true}))")
		tab.Wait("document.getElementById('selected').textContent", "5 selected")
		tab.Keep(name + "-selection.png")
		tab.CheckAccessible("a selection")
		tab.Wait(`(async () => {
			const form = document.getElementById('selection')
			form.dispatchEvent(new Event('submit'))
			const answer = await fetch('/download', {method: 'POST', body: new URLSearchParams({ids: form.ids.value, as: 'paths'})})
			return answer.status + ' ' + (await answer.text()).trim().split('\n').length
		})()`, "200 5")
		tab.Do(chromedp.Click("#unselect", chromedp.ByQuery))
		tab.Wait("document.getElementById('selection').hidden", "true")

		// A search, by the form; then Back.
		tab.Do(chromedp.SendKeys("#q", "green stripes"+kb.Enter, chromedp.ByQuery))
		tab.Wait("location.search", "?q=green+stripes")
		tab.Wait(gridReady, "true")
		tab.Wait("document.getElementById('heading').textContent", "Photos of green stripes")
		tab.Wait("document.getElementById('message').textContent !== ''", "true") // generated pictures show nothing
		tab.Keep(name + "-search.png")
		tab.CheckAccessible("a search")
		tab.Eval("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, cancelable: true}))")
		tab.Wait("document.activeElement.id", "q")

		// A filter, and its removal.
		tab.Do(chromedp.Click("#filters summary", chromedp.ByQuery))
		tab.Wait("document.getElementById('filters').open", "true")
		tab.Keep(name + "-filters.png")
		tab.CheckAccessible("the filters")
		tab.Do(chromedp.SendKeys("[name=camera]", "nokia", chromedp.ByQuery), chromedp.Click("#filters .fields button", chromedp.ByQuery))
		tab.Wait("location.search", "?q=green+stripes&camera=nokia")
		tab.Wait("document.getElementById('message').textContent", "No matching photos (0 searched)")
		tab.Eval("document.querySelector('.chip').click()")
		tab.Wait("location.search", "?q=green+stripes")
		tab.Eval("history.back()")
		tab.Wait("location.search", "?q=green+stripes&camera=nokia")
		tab.Eval("history.go(-2)")
		tab.Wait("location.search", "")
		tab.Wait(gridReady, "true")

		// A picture that is dropped. Back shows all photos again.
		drop := `(async () => {
			const data = new DataTransfer()
			data.items.add(new File([await (await fetch(document.querySelector('[data-i="5"] img').src)).blob()], 'dropped.jpg', {type: 'image/jpeg'}))
			for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}))
		})()`
		tab.Eval("gallery.grid.moveTo(0)")
		tab.Wait("!!document.querySelector('[data-i=\"5\"] img')", "true")
		wanted := tab.Eval("document.querySelector('[data-i=\"5\"] img').alt")
		tab.Eval(drop)
		tab.Wait("document.getElementById('heading').textContent", "Photos that look like dropped.jpg")
		tab.Wait(gridReady, "true")
		tab.Wait("[...document.querySelectorAll('.row img')].slice(0, 3).some(i => i.alt === "+strconv.Quote(wanted)+")", "true")
		tab.Keep(name + "-dropped.png")
		tab.Eval("history.back()")
		tab.Wait("document.getElementById('heading').textContent", "Photos")
		tab.Wait("document.getElementById('status').textContent.includes('of 150 photos')", "true")

		// A file that is not a picture changes nothing.
		tab.Eval(strings.Replace(drop, "await (await fetch(document.querySelector('[data-i=\"5\"] img').src)).blob()", "'no picture'", 1))
		tab.Wait("document.getElementById('message').textContent !== ''", "true")
		tab.Wait("document.getElementById('heading').textContent", "Photos")
		tab.Eval("gallery.grid.moveTo(500)")
		tab.Wait("document.getElementById('status').textContent.includes('of 150 photos')", "true")
		tab.Eval("gallery.grid.moveTo(0)")
		tab.Wait("!!document.querySelector('[data-i=\"5\"] img')", "true")
		tab.Errors() // of the status 422

		// A dropped picture, filtered, and without the filter.
		tab.Eval(drop)
		tab.Wait("document.getElementById('heading').textContent", "Photos that look like dropped.jpg")
		tab.Eval("(f => { f.open = true; f.querySelector('[name=camera]').value = 'nokia'; f.querySelector('.fields button').click() })(document.getElementById('filters'))")
		tab.Wait("document.getElementById('message').textContent", "No matching photos")
		tab.Wait("document.getElementById('chips').textContent", "camera: nokia ×")
		tab.Eval("document.querySelector('.chip').click()")
		tab.Wait("gallery.source.total", "100")
		tab.Eval("document.getElementById('filters').open = false")

		// The focus stays while a ranking grows.
		tab.Eval("gallery.grid.focus(95)")
		tab.Wait("gallery.source.total", "150")
		tab.Wait("document.activeElement.id", "p95")

		// Parameters that other programs add are ignored; a page without a focus has keys too.
		tab.Open(address + "/?utm_source=mail&min-score=x")
		tab.Wait("gallery.source.total", "150")
		tab.Wait(gridReady, "true")
		tab.Do(chromedp.KeyEvent(kb.End))
		tab.Wait("document.activeElement.id", "p149")
		tab.Wait(lastShown, "149")

		// An address that was shared opens the photo.
		tab.Open(shared)
		tab.Wait(isViewing, "true")
		tab.Wait(viewing+".endsWith('· 1 of 150')", "true")

		// Light and dark.
		tab.Open(address + "/")
		tab.Wait(gridReady, "true")
		for scheme, background := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(18, 20, 23)"} {
			tab.Do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
			tab.Wait("getComputedStyle(document.body).backgroundColor", background)
			tab.CheckAccessible(scheme)
		}
		tab.Keep(name + "-dark.png")
		tab.CheckQuiet(address)
	})
}

// TestSuggestions checks that the search box offers what photos have, and makes filters of it.
func TestSuggestions(t *testing.T) {
	home, _ := newHome(t, 1, "--keep-previews")
	addMany(t, home, 50)
	address := "http://" + launch(t, home).address
	onScreens(t, func(t *testing.T, name string, tab *browser.Tab) {
		tab.Open(address + "/")
		tab.Wait(gridReady, "true")
		// chromedp sends the character of a key even if the page has handled the key.
		const enter = "document.getElementById('q').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, cancelable: true}))"
		const list = "[...document.querySelectorAll('#suggestions li')].map(l => l.textContent).join('|')"
		tab.Do(chromedp.SendKeys("#q", "beach an", chromedp.ByQuery))
		tab.Wait(list, "Ann Smith person, 10")
		tab.Keep(name + "-suggestions.png")
		tab.CheckAccessible("suggestions")
		tab.Do(chromedp.KeyEvent(kb.ArrowDown))
		tab.Wait("document.getElementById('q').getAttribute('aria-activedescendant')", "suggestion0")
		tab.Eval(enter)
		tab.Wait("location.search", "?q=beach&person=Ann+Smith")
		tab.Wait("document.getElementById('chips').textContent.trim()", "person: Ann Smith ×")
		tab.Open(address + "/")
		tab.Wait(gridReady, "true")
		tab.Do(chromedp.SendKeys("#q", "eos", chromedp.ByQuery)) // a word in the middle
		tab.Wait(list, "Canon EOS R5 camera, 10")
		tab.Eval("document.querySelector('#suggestions li').dispatchEvent(new PointerEvent('pointerdown', {bubbles: true, cancelable: true}))")
		tab.Wait("location.search", "?camera=Canon+EOS+R5")
		tab.Wait("gallery.source.total", "10")
		tab.Wait(gridReady, "true")
		// A keyword with the letters of patterns finds itself.
		tab.Eval("(q => { q.focus(); q.value = '[sea'; q.dispatchEvent(new Event('input')) })(document.getElementById('q'))")
		tab.Wait(list, "[sea] * keyword, 10")
		tab.Do(chromedp.KeyEvent(kb.ArrowUp))
		tab.Eval(enter)
		tab.Wait("new URLSearchParams(location.search).get('keyword')", `\[sea\] \*`)
		tab.Wait("gallery.source.total", "10")
		tab.CheckQuiet(address)
	})
}

// TestTouch uses the gallery with fingers.
func TestTouch(t *testing.T) {
	home, _ := newHome(t, 40, "--keep-previews")
	address := "http://" + launch(t, home).address
	tab := browser.New(t, 390, 844)
	tab.Do(emulation.SetTouchEmulationEnabled(true))
	tab.Open(address + "/")
	tab.Wait(gridReady, "true")
	touch := func(kind input.TouchType, at ...[2]float64) {
		t.Helper()
		points := make([]*input.TouchPoint, len(at))
		for i, p := range at {
			points[i] = &input.TouchPoint{X: p[0], Y: p[1], ID: float64(i + 1)}
		}
		tab.Do(input.DispatchTouchEvent(kind, points))
	}
	swipe := func(from, to [2]float64) {
		touch(input.TouchStart, from)
		for i := range 5 {
			part := float64(i+1) / 5
			touch(input.TouchMove, [2]float64{from[0] + (to[0]-from[0])*part, from[1] + (to[1]-from[1])*part})
		}
		touch(input.TouchEnd)
	}
	middle := func(selector string) [2]float64 {
		var x, y float64
		if _, err := fmt.Sscan(tab.Eval("(b => (b.left + b.width / 2) + ' ' + (b.top + b.height / 2))(document.querySelector('"+selector+"').getBoundingClientRect())"), &x, &y); err != nil {
			t.Fatal(err)
		}
		return [2]float64{x, y}
	}
	// A long press selects, and then a tap does.
	touch(input.TouchStart, middle("#p1"))
	tab.Wait("document.getElementById('selected').textContent", "1 selected")
	touch(input.TouchEnd)
	tab.Wait(isViewing, "false")
	tab.Do(chromedp.Click("#unselect", chromedp.ByQuery))
	tab.Wait("document.getElementById('selection').hidden", "true")
	// A tap opens; swipes go on and back, and down closes.
	touch(input.TouchStart, middle("#p4"))
	touch(input.TouchEnd)
	tab.Wait(viewing+".endsWith('· 5 of 40')", "true")
	tab.Wait(isFull, "true")
	swipe([2]float64{300, 300}, [2]float64{80, 310})
	tab.Wait(viewing+".endsWith('· 6 of 40')", "true")
	swipe([2]float64{80, 300}, [2]float64{300, 290})
	tab.Wait(viewing+".endsWith('· 5 of 40')", "true")
	// Two fingers enlarge.
	touch(input.TouchStart, [2]float64{180, 300}, [2]float64{220, 300})
	for i := range 5 {
		touch(input.TouchMove, [2]float64{180 - 10*float64(i+1), 300}, [2]float64{220 + 10*float64(i+1), 300})
	}
	touch(input.TouchEnd)
	tab.Wait("gallery.viewer.scale > 2", "true")
	swipe([2]float64{200, 300}, [2]float64{100, 320}) // moves it
	tab.Wait(viewing+".endsWith('· 5 of 40') && gallery.viewer.x < 0", "true")
	tab.Eval("gallery.viewer.zoom(1)")
	swipe([2]float64{200, 200}, [2]float64{210, 500})
	tab.Wait(isViewing, "false")
	tab.CheckQuiet(address)
}

// TestOtherPages checks the pages of duplicates and of sessions.
func TestOtherPages(t *testing.T) {
	home, photos := newHome(t, 12, "--keep-previews")
	data, err := os.ReadFile(filepath.Join(photos, "003.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"copy of 3.jpg", "another.jpg"} {
		if err := os.WriteFile(filepath.Join(photos, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := "http://" + launch(t, home).address
	onScreens(t, func(t *testing.T, name string, tab *browser.Tab) {
		tab.Open(address + "/sessions")
		tab.CheckAccessible("sessions")
		tab.Do(chromedp.Click("main .main", chromedp.ByQuery))
		time.Sleep(time.Second) // the page is loaded again when the session ends
		tab.Wait("document.querySelector('.session')?.dataset.state", "done")
		tab.Wait("document.querySelector('.summary').textContent.includes('0 could not be read')", "true")
		tab.Keep(name + "-sessions.png")
		tab.CheckAccessible("a session that has ended")
		tab.Do(chromedp.SetValue("#folder", "/etc", chromedp.ByQuery), chromedp.Click("main .main", chromedp.ByQuery))
		tab.Wait("document.querySelector('[role=alert]')?.textContent.includes('This folder may not be indexed from here')", "true")
		tab.Errors() // of the status 403
		tab.Open(address + "/duplicates")
		tab.Wait("document.querySelectorAll('.group').length > 0 && [...document.querySelectorAll('.group img')].every(i => i.naturalWidth > 0)", "true")
		tab.Wait("document.querySelector('.group').textContent.includes('copy of 3.jpg')", "true")
		tab.Keep(name + "-duplicates.png")
		tab.CheckAccessible("duplicates")
		tab.CheckQuiet(address)
	})
}

// TestManyPhotos checks that the gallery reaches the last of 100,000 photos of an index.
func TestManyPhotos(t *testing.T) {
	const n = 100_000
	home, _ := newHome(t, 1, "--keep-previews")
	addMany(t, home, n-1)
	reachTheLast(t, "http://"+launch(t, home).address, n)
}

// TestAMillionPhotos checks the same with the shapes of a million photos that the index does not have.
func TestAMillionPhotos(t *testing.T) {
	const n = 1_000_000
	home, _ := newHome(t, 3, "--keep-previews")
	s := launch(t, home)
	r := rand.New(rand.NewPCG(1, 2))
	ratios := make([]uint16, n)
	const months = 240
	answer := binary.LittleEndian.AppendUint32(nil, months)
	answer = binary.LittleEndian.AppendUint32(answer, n)
	for i := range months {
		answer = binary.LittleEndian.AppendUint16(answer, uint16(2024-i/12))
		answer = binary.LittleEndian.AppendUint16(answer, uint16(12-i%12))
		answer = binary.LittleEndian.AppendUint32(answer, uint32(i*(n/months)))
	}
	for i := range ratios {
		ratios[i] = []uint16{1500, 1333, 750, 667, 1778, 1000}[r.IntN(6)]
		answer = binary.LittleEndian.AppendUint16(answer, ratios[i])
	}
	var all struct{ Results []struct{ ID string } }
	s.must(s.ask("GET", "/api/v1/search?sort=path", ""), http.StatusOK, &all)
	address := front(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/api/v1/shapes":
			_, _ = w.Write(answer)
		case "/api/v1/search":
			first, _ := strconv.Atoi(r.URL.Query().Get("offset"))
			top, _ := strconv.Atoi(r.URL.Query().Get("top"))
			var hits []string
			for i := first; i < min(first+top, n); i++ {
				hits = append(hits, fmt.Sprintf(`{"id": %q, "path": "/p/%d.jpg", "also": [], "width": %d, "height": 1000, "taken_at": null}`, all.Results[i%3].ID, i, ratios[i]))
			}
			fmt.Fprintf(w, `{"results": [%s], "indexed": %d}`, strings.Join(hits, ","), n)
		default:
			return false
		}
		return true
	})
	reachTheLast(t, address, n)
}

// reachTheLast goes through a gallery of n photos: by the End key, by the scroll bar, by the wheel, and by the scrubber.
func reachTheLast(t *testing.T, address string, n int) {
	t.Helper()
	last := strconv.Itoa(n - 1)
	onScreens(t, func(t *testing.T, name string, tab *browser.Tab) {
		tab.Open(address + "/")
		tab.Wait("gallery.source.total", strconv.Itoa(n))
		tab.Wait(gridReady, "true")
		t.Logf("layout %s ms, heap %s MB, %s rows, %s px", tab.Eval("gallery.grid.took.toFixed(1)"), tab.Eval("(performance.memory.usedJSHeapSize / 1e6).toFixed(1)"),
			tab.Eval("gallery.grid.plan.rows"), tab.Eval("gallery.grid.plan.height"))
		tab.Eval("document.getElementById('p0').focus()")
		tab.Do(chromedp.KeyEvent(kb.End))
		tab.Wait("document.activeElement.id", "p"+last)
		tab.Wait(lastShown, last)
		tab.Wait("document.querySelector('[data-i=\""+last+"\"] img')?.complete", "true")
		tab.Keep(fmt.Sprintf("%s-%d-end.png", name, n))
		tab.Do(chromedp.KeyEvent(kb.Enter))
		tab.Wait(isViewing, "true")
		tab.Do(chromedp.KeyEvent(kb.ArrowLeft))
		tab.Wait(viewing+".match(/([0-9,]+) of/)[1].replaceAll(',', '')", strconv.Itoa(n-1))
		tab.Do(chromedp.KeyEvent(kb.Escape))
		tab.Wait("document.activeElement.id", "p"+strconv.Itoa(n-2))
		tab.Do(chromedp.KeyEvent(kb.Home))
		tab.Wait("document.activeElement.id", "p0")
		tab.Wait("document.getElementById('scroller').scrollTop", "0")

		// The scroll bar, to the end and to the middle.
		tab.Eval("document.getElementById('scroller').scrollTop = 1e9")
		tab.Wait(lastShown, last)
		tab.Eval("(e => { e.scrollTop = (e.scrollHeight - e.clientHeight) / 2 })(document.getElementById('scroller'))")
		tab.Wait("Math.abs(gallery.grid.firstShown() / gallery.source.total - .5) < .02", "true")
		tab.Wait(gridReady, "true")

		// A turn of the wheel moves by its distance, however many photos there are.
		y, err := strconv.ParseFloat(tab.Eval("gallery.grid.y"), 64)
		if err != nil {
			t.Fatal(err)
		}
		tab.Eval("document.getElementById('scroller').scrollTop += 120")
		tab.Wait(fmt.Sprintf("Math.abs(gallery.grid.y - %f - 120) < 2", y), "true")

		// The scrubber.
		tab.Eval("document.getElementById('scrubber').focus()")
		tab.Do(chromedp.KeyEvent(kb.Home))
		tab.Wait("document.getElementById('scrubber').ariaValueText", "December 2024")
		tab.Do(chromedp.KeyEvent(kb.PageDown))
		tab.Wait("document.getElementById('scrubber').ariaValueText", "December 2023")
		tab.Do(chromedp.KeyEvent(kb.ArrowDown))
		tab.Wait("document.getElementById('scrubber').ariaValueText", "November 2023")
		for _, month := range []string{"October 2023", "September 2023", "August 2023", "July 2023"} { // it stays when the grid is painted again, though the month begins within a row
			tab.Do(chromedp.KeyEvent(kb.ArrowDown))
			tab.Eval("gallery.grid.paint()")
			tab.Wait("document.getElementById('scrubber').ariaValueText", month)
		}
		tab.Wait(gridReady, "true")
		tab.Keep(fmt.Sprintf("%s-%d.png", name, n))
		tab.CheckAccessible("many photos")
		if at, _ := strconv.Atoi(tab.Eval("document.getElementsByTagName('*').length")); at > 1500 {
			t.Errorf("%d elements", at)
		}
		tab.CheckQuiet(address)
	})
}
