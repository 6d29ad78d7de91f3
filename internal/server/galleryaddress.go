package server

import (
	"maps"
	"math"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// galleryAddress is what the address of the gallery asks for: a search, and a photo to show.
type galleryAddress struct {
	SearchParams
	FilterParams

	Photo string `query:"photo"`
	// values are all parameters, for links.
	values url.Values
}

// honoured are the parameters of a search, besides filters, that the gallery honours: those that choose the photos. It has an order and pages of its own.
var honoured = []string{"q", "add", "subtract", "like", "prompt", "lang", "offset"}

// readAddress reads the parameters of a page. Those that are not known are ignored: other programs add their own to links.
func readAddress(v url.Values) (a galleryAddress, err error) {
	a.values = url.Values{}
	for _, part := range []any{&a.SearchParams, &a.FilterParams, &a} {
		of := reflect.ValueOf(part).Elem()
		for i := range of.NumField() {
			name, _, _ := strings.Cut(of.Type().Field(i).Tag.Get("query"), ",")
			values := slices.DeleteFunc(slices.Clone(v[name]), func(text string) bool { return strings.TrimSpace(text) == "" })
			if name == "" || len(values) == 0 || part == any(&a.SearchParams) && !slices.Contains(honoured, name) {
				continue
			}
			last := values[len(values)-1:]
			switch to := of.Field(i).Addr().Interface().(type) {
			case *string:
				*to, values = last[0], last
			case *[]string:
				*to = values
			case *int:
				if *to, err = strconv.Atoi(last[0]); err != nil || *to < 0 || *to > math.MaxInt32 {
					return a, invalid(name, "not a number", "")
				}
				values = last
			}
			a.values[name] = values
		}
	}
	a.Top = galleryPage
	return a, nil
}

// search returns the parameters of the search, without the photo and the page.
func (a galleryAddress) search() url.Values {
	v := maps.Clone(a.values)
	v.Del("photo")
	v.Del("offset")
	return v
}

// Search returns the search as the script passes it to the API.
func (a galleryAddress) Search() string { return a.search().Encode() }

// galleryLink returns the address of the gallery with parameters.
func galleryLink(v url.Values) string {
	if len(v) == 0 {
		return galleryPath
	}
	return galleryPath + "?" + v.Encode()
}

// link returns the address of the same search with a photo or a page.
func (a galleryAddress) link(name, value string) string {
	v := a.search()
	v.Set(name, value)
	return galleryLink(v)
}

// without returns the address without one value of a parameter.
func (a galleryAddress) without(name, value string) string {
	v := a.search()
	v[name] = slices.DeleteFunc(slices.Clone(v[name]), func(text string) bool { return text == value })
	if len(v[name]) == 0 {
		v.Del(name)
	}
	return galleryLink(v)
}
