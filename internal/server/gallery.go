package server

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	galleryPath = "/"
	// galleryPage is the number of photos that the gallery's page itself has; its script loads the others.
	galleryPage = 60
)

// frame is what all pages of the gallery have.
type frame struct {
	Title string
	Page  string // photos, duplicates or sessions
}

// galleryView is the page of the gallery.
type galleryView struct {
	frame

	Address galleryAddress
	// Heading names what is shown.
	Heading, Status, Message string
	Error, Hint              string
	Chips                    []chip
	Tiles                    []tile
	Previous, Next           string
	Photo                    *photoView
	Empty                    *emptyView
	Images                   bool // the photos look like a picture that was sent, which the address does not have
}

// chip is a part of the query that can be removed.
type chip struct {
	Name, Value, Remove string
	// Shown is the value for people.
	Shown string
}

// tile is a photo in the grid.
type tile struct {
	ID, Link, Label string
	Width, Height   int
}

// emptyView is the page before anything is indexed.
type emptyView struct {
	Folders  []string
	ReadOnly bool
}

// shownParams are the parameters that the form shows.
var shownParams = []string{"q", "after", "before", "camera", "lens", "keyword", "person", "place", "label", "text", "type", "orientation", "rating", "under", "photo", "offset"}

// Hidden are the values that the form keeps but does not show.
func (v galleryView) Hidden() (list []chip) {
	for _, name := range sortedKeys(v.Address.values) {
		values := v.Address.values[name]
		if slices.Contains(shownParams, name) {
			if name == "photo" || name == "offset" {
				continue
			}
			values = values[1:] // the form shows the first one
		}
		for _, value := range values {
			list = append(list, chip{Name: name, Value: value})
		}
	}
	return list
}

// Value returns the value of a parameter that the form shows.
func (v galleryView) Value(name string) string { return v.Address.values.Get(name) }

// HasFilters reports whether a filter is set.
func (v galleryView) HasFilters() bool {
	return len(v.Chips) > 0
}

func (s *Server) addGallery(mux *http.ServeMux) {
	mux.HandleFunc("GET "+galleryPath+"{$}", s.whenReady(func(w http.ResponseWriter, r *http.Request) { s.showGallery(w, r, nil, r.URL.Query()) }))
	mux.HandleFunc("POST "+galleryPath+"{$}", s.whenReady(s.showSent))
	mux.HandleFunc("GET "+duplicatesPath, s.whenReady(s.showDuplicates))
	mux.HandleFunc("GET "+sessionsPagePath, s.whenReady(s.showSessions))
	mux.HandleFunc("POST "+sessionsPagePath, s.whenReady(s.changeSessions))
	mux.HandleFunc("POST "+downloadPath, s.whenReady(s.download))
	mux.HandleFunc("GET "+staticPath+"{name}", serveStatic)
}

// whenReady answers with a page that tries again until the server is ready.
func (s *Server) whenReady(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.ready.Load() {
			w.Header().Set("Retry-After", "1")
			w.Header().Set("Refresh", "1")
			galleryPages.show(w, http.StatusServiceUnavailable, "wait", frame{"Starting", ""})
			return
		}
		next(w, r)
	}
}

// showSent shows the photos that look like a picture that was sent by a form.
func (s *Server) showSent(w http.ResponseWriter, r *http.Request) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != multipartType {
		s.showError(w, nil, problem(http.StatusUnsupportedMediaType, codes[http.StatusUnsupportedMediaType], "the body is not multipart/form-data", "send a picture by the form of the gallery"))
		return
	}
	body, err := io.ReadAll(r.Body) // the guard has read and limited it
	var form url.Values
	var images []pictures.File
	if err == nil {
		form, images, err = s.readParts(body, params["boundary"])
	}
	if err == nil && len(images) == 0 {
		err = invalid("image", "no picture was sent", "choose a picture")
	}
	if err != nil {
		s.showError(w, nil, err)
		return
	}
	s.showGallery(w, r, images, form)
}

// showError shows the gallery with an error instead of photos.
func (s *Server) showError(w http.ResponseWriter, values url.Values, err error) {
	p := s.problemOf(err)
	address, _ := readAddress(values)
	v := galleryView{frame: frame{"Photos", "photos"}, Address: address, Heading: "Photos", Error: upperFirst(p.Detail), Hint: p.Hint}
	galleryPages.show(w, p.Status, "gallery", v)
}

func upperFirst(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

func (s *Server) showGallery(w http.ResponseWriter, r *http.Request, images []pictures.File, values url.Values) {
	leave, busy := s.limits.searches.enter(r.Context())
	if busy != nil {
		s.showError(w, values, busy)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), answerTime)
	defer cancel()
	address, err := readAddress(values)
	var v galleryView
	if err == nil {
		v, err = s.galleryView(ctx, address, images)
	}
	if err != nil {
		s.showError(w, values, err)
		return
	}
	galleryPages.show(w, http.StatusOK, "gallery", v)
}

func (s *Server) galleryView(ctx context.Context, address galleryAddress, images []pictures.File) (v galleryView, err error) {
	v = galleryView{frame: frame{"Photos", "photos"}, Address: address, Heading: "Photos", Images: len(images) > 0}
	for _, name := range sortedKeys(address.values) {
		for _, value := range address.values[name] {
			if name != "q" && name != "photo" && name != "offset" {
				v.Chips = append(v.Chips, chip{name, value, address.without(name, value), value})
			}
		}
	}
	found, err := s.ask(ctx, searchBody{SearchParams: address.SearchParams, FilterParams: address.FilterParams}, images)
	if err != nil {
		return v, err
	}
	ranked := len(found.asked.Terms) > 0
	title := found.title
	for i, c := range v.Chips {
		if c.Name == "like" {
			v.Chips[i].Shown = s.nameOf(ctx, c.Value)
			title = strings.ReplaceAll(title, c.Value, v.Chips[i].Shown)
		}
	}
	if ranked {
		v.Heading, v.Title = "Photos of "+title, title
		if v.Images || address.Q == "" && len(address.Like) > 0 {
			v.Heading = "Photos that look like " + title
		}
	}
	for _, h := range found.Hits {
		v.Tiles = append(v.Tiles, tile{h.ID.String(), address.link("photo", h.ID.String()), labelOf(h), h.Width, h.Height})
	}
	v.Message = upperFirst(found.message())
	for _, n := range found.Notices {
		v.Message = strings.TrimSpace(v.Message + " " + upperFirst(words.Notice(n, s.door).Sentence))
	}
	v.Status = english.Count(found.Searched, "photo")
	if ranked {
		v.Status = "The best of " + v.Status
	}
	if len(found.Hits) == 0 && found.Searched == 0 && len(v.Chips) == 0 && !v.Images {
		v.Empty, err = s.emptyView(ctx)
		return v, err
	}
	if address.Offset > 0 {
		v.Previous = galleryLink(address.search())
		if address.Offset > galleryPage {
			v.Previous = address.link("offset", strconv.Itoa(address.Offset-galleryPage))
		}
	}
	if len(found.Hits) == galleryPage && address.Offset+galleryPage < found.Searched && !v.Images {
		v.Next = address.link("offset", strconv.Itoa(address.Offset+galleryPage))
	}
	if address.Photo != "" {
		v.Photo, err = s.photoView(ctx, address)
	}
	return v, err
}

// labelOf names a photo for people: "IMG_1.jpg, 14 July 2023".
func labelOf(h query.Hit) string {
	label := words.Path(filepath.Base(h.Path))
	if day := dayOf(h.TakenAt); day != "" {
		label += ", " + day
	}
	return strings.ToValidUTF8(label, "\ufffd")
}

// nameOf names a photo by its file: "IMG_1.jpg"; or by its id, if it is not known.
func (s *Server) nameOf(ctx context.Context, id string) string {
	ix, engine, done, err := s.Use(ctx)
	if err != nil {
		return id
	}
	defer done()
	picture, err := find(ctx, ix, id)
	if err != nil {
		return id
	}
	hits, err := engine.Hits(ctx, []store.PictureID{picture}, store.Filter{})
	if err != nil || len(hits) == 0 {
		return id
	}
	return strings.ToValidUTF8(words.Path(filepath.Base(hits[0].Path)), "\ufffd")
}

// dayOf returns the day of a time for people, at the precision that it has.
func dayOf(taken string) string {
	day, _, _ := strings.Cut(taken, "T")
	for _, form := range [][2]string{{"2006-01-02", "2 January 2006"}, {"2006-01", "January 2006"}, {"2006", "2006"}} {
		if t, err := time.Parse(form[0], day); err == nil {
			return t.Format(form[1])
		}
	}
	return day
}

// emptyView returns what to say before anything is indexed.
func (s *Server) emptyView(ctx context.Context) (*emptyView, error) {
	folders, err := s.folders(ctx)
	return &emptyView{folders, s.queue == nil}, err
}

// folders are the folders that clients may index.
func (s *Server) folders(ctx context.Context) ([]string, error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	roots, err := ix.Roots(ctx)
	folders := slices.Clone(s.Allow)
	for _, r := range roots {
		if r.Walked && !r.Elsewhere {
			folders = append(folders, r.Path)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders), err
}
