package server

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	duplicatesPath = "/duplicates"
	// groupsShown is the number of groups on a page.
	groupsShown = 50
	// usualThreshold is the similarity of near-duplicates, as the command line has it.
	usualThreshold = 0.95
)

// duplicatesView is the page of duplicates.
type duplicatesView struct {
	frame

	Exact          bool
	Groups         []groupView
	Total, First   int
	Previous, Next string
	Error, Hint    string
}

type groupView struct {
	Exact    bool
	Pictures []duplicateView
}

// duplicateView is a picture of a group, the best one first.
type duplicateView struct {
	ID, Label, Link string
	Width, Height   int
	Size, Taken     string
	Paths           []string
	Best            bool
	Similarity      string // to the best one; "" for that
}

func (s *Server) showDuplicates(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	v := duplicatesView{frame: frame{"Duplicates", "duplicates"}, Exact: asked.Get("exact") != ""}
	v.First, _ = strconv.Atoi(asked.Get("offset"))
	if err := s.fillDuplicates(r.Context(), &v); err != nil {
		p := s.problemOf(err)
		v.Error, v.Hint = upperFirst(p.Detail), p.Hint
		galleryPages.show(w, p.Status, "duplicates", v)
		return
	}
	galleryPages.show(w, http.StatusOK, "duplicates", v)
}

func (s *Server) fillDuplicates(ctx context.Context, v *duplicatesView) error {
	leave, busy := s.limits.dupes.enter(ctx)
	if busy != nil {
		return busy
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, groups, err := s.dupes(ctx, FilterParams{}, v.Exact, usualThreshold)
	if err != nil {
		return err
	}
	v.Total = len(groups)
	v.First = min(max(v.First, 0), max(v.Total-1, 0))
	page := func(offset int) string {
		values := url.Values{"offset": {strconv.Itoa(max(offset, 0))}}
		if v.Exact {
			values.Set("exact", "1")
		}
		return duplicatesPath + "?" + values.Encode()
	}
	if v.First > 0 {
		v.Previous = page(v.First - groupsShown)
	}
	if v.First+groupsShown < v.Total {
		v.Next = page(v.First + groupsShown)
	}
	for _, g := range groups[v.First:min(v.First+groupsShown, v.Total)] {
		view := groupView{Exact: g.Exact}
		for i, d := range g.Pictures {
			one := duplicateView{
				ID: d.ID.String(), Label: labelOf(d.Hit), Link: galleryPath + "?photo=" + d.ID.String(), Width: d.Width, Height: d.Height, Size: sizeOf(d.Bytes), Taken: dayOf(d.TakenAt), Best: i == 0,
			}
			if i > 0 {
				one.Similarity = strconv.FormatFloat(d.Score, 'f', 3, 64)
			}
			for _, path := range append([]string{d.Path}, d.Also...) {
				one.Paths = append(one.Paths, words.Path(strings.ToValidUTF8(path, "\ufffd")))
			}
			view.Pictures = append(view.Pictures, one)
		}
		v.Groups = append(v.Groups, view)
	}
	return nil
}
