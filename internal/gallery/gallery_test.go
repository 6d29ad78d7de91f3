package gallery_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/gallery"
)

func TestWrite(t *testing.T) {
	var b bytes.Buffer
	err := gallery.Write(&b, gallery.Page{
		Title: `dogs <script>alert(1)</script>`, Summary: "2 photos",
		Pictures: []gallery.Picture{
			{Link: gallery.FileURL(`/p/a #1?"><b>.jpg`), Shown: `/p/a #1?"><b>.jpg`, Caption: "100 %", Width: 4, Height: 3, JPEG: []byte{0xff, 0xd8}},
			{Shown: "/p/gone.jpg", Width: 10000, Height: 1, Missing: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if !gallery.IsPage(b.Bytes()) || gallery.IsPage([]byte("<!doctype html>")) {
		t.Error("IsPage does not recognise a page, or takes another file for one")
	}
	for _, want := range []string{
		"data:image/jpeg;base64,/9g=", `data-file="file:///p/a%20%231%3F%22%3E%3Cb%3E.jpg"`, "#p0{--r:1.3333}", "#p1{--r:4.0000}", "style-src &#39;sha256-",
		`<span class="absent">gone.jpg</span>`, "data-missing", "dogs &lt;script&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	for _, never := range []string{"<script>alert", "http:", "https:", "ZgotmplZ", "<b>", "unsafe-inline", "style="} {
		if strings.Contains(page, never) {
			t.Errorf("%s in\n%s", never, page)
		}
	}
}
