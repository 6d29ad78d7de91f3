package search

import (
	"context"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// tellEmpty reports why there are no hits, except in JSON, where the list is empty.
func (s *session) tellEmpty(ctx context.Context, a answer) error {
	if len(a.Hits) > 0 || s.format == "json" {
		return nil
	}
	filtered := !s.search.filter.SelectsAll() || s.listed != nil
	switch {
	case a.Searched == 0 && s.search.filter.Dirs != nil && s.listed == nil:
		return s.tellOfFolders(ctx)
	case a.Searched == 0 && !filtered:
		s.p.Notef("no photos found: the index is empty; add photos with `imgsearch index DIR`")
	case s.offset > 0:
		s.p.Notef("no more photos found")
	case a.Gone > 0 || !a.listing && !filtered && s.minScore == nil && !s.confident:
		s.p.Notef("no photos found whose files still exist (%d searched)", a.Searched)
	case s.confident && a.Best < *a.Threshold:
		s.p.Notef("nothing looks like %s (best %.2f, %d searched)", words.Path(a.query), a.Best, a.Searched)
	default:
		s.p.Notef("no matching photos (%d searched)%s", a.Searched, s.meant(ctx))
	}
	return nil
}

// tellOfFolders reports why there are no hits in the folders of --under.
func (s *session) tellOfFolders(ctx context.Context) error {
	if err := s.open(ctx); err != nil {
		return err
	}
	n, err := s.ix.Count(ctx, store.Filter{Under: s.filter.Under})
	if err != nil {
		return err
	}
	dirs := words.Path(strings.Join(s.search.filter.Dirs, ", "))
	others := s.search.filter
	others.Dirs = nil
	switch {
	case n == 0:
		s.p.Notef("no photos found: nothing is indexed in %s", dirs)
	case others.SelectsAll():
		s.p.Notef("no photos found: the %d photos in %s have no vectors of this model yet; run `imgsearch index`", n, dirs)
	default:
		s.p.Notef("no photos found: none of the %d photos in %s match the other filters%s", n, dirs, s.meant(ctx))
	}
	return nil
}

// meant returns a suggestion for a filter that no photo matches.
func (s *session) meant(ctx context.Context) string {
	if text := s.namesMeant(); text != "" {
		return text
	}
	if s.open(ctx) != nil {
		return ""
	}
	return s.filters.Meant(ctx, s.engine)
}

// namesMeant suggests a pattern if --name has a name without wildcards.
func (s *session) namesMeant() string {
	names := s.search.filter.Names
	if len(names) == 0 || slices.ContainsFunc(names, func(glob string) bool { return strings.ContainsAny(glob, `*?[{\`) }) {
		return ""
	}
	return "; --name matches whole names; to match part of a name, use --name '*" + words.Path(names[0]) + "*'"
}
