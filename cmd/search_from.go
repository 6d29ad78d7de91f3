package cmd

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index"
)

// listed are the paths of --from: what the index knows of them, and what it does not.
type listed struct {
	// paths are the listed files of each content of the index.
	paths map[int64][]string
	// others are files that the index does not know.
	others []other
}

// other is a file that is embedded on the way.
type other struct {
	path          string
	width, height int
	takenAt       string
	vector        []float32
}

// readListed reads --from and finds the files in the index: by path while they have not changed, else by their picture.
func (s *session) readListed(ctx context.Context) error {
	if s.from == "" {
		return nil
	}
	paths, err := readPaths(s.app.streams.In, s.from, false)
	if err != nil {
		return err
	}
	s.listed = &listed{paths: make(map[int64][]string)}
	s.filter.Only = make(map[int64]bool)
	seen := make(map[string]bool)
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return err
		}
		if seen[abs] {
			continue
		}
		seen[abs] = true
		if err := s.findListed(ctx, abs); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) findListed(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		if err == nil {
			return nil // a folder of find's list
		}
		s.app.warnf("%s: %v", escapePath(path), err)
		return nil
	}
	id, ok, err := index.FindUnchanged(ctx, s.store, path, info)
	if err != nil {
		return err
	}
	if !ok {
		c, err := readPicture(path)
		if err != nil {
			s.app.logf("%v", err) // not a picture: find lists what it finds
			return nil
		}
		if id, _, ok, err = s.store.Content(ctx, c.Hash, s.used.ID); err != nil {
			return err
		}
		if !ok {
			s.listed.others = append(s.listed.others, other{path: path, width: c.Width, height: c.Height, takenAt: c.TakenAt})
			return nil
		}
	}
	s.listed.paths[id] = append(s.listed.paths[id], path)
	s.filter.Only[id] = true
	return nil
}

// embedOthers embeds the files that the index does not know.
func (s *session) embedOthers(ctx context.Context) error {
	if s.listed == nil || len(s.listed.others) == 0 {
		return nil
	}
	s.app.notef("embedding %s that the index does not have; `imgsearch index` would keep them", count(len(s.listed.others), "photo"))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	var mu sync.Mutex
	for i := range s.listed.others {
		o := &s.listed.others[i]
		g.Go(func() error {
			vector, err := s.embedPicture(ctx, o.path)
			if coded, ok := errors.AsType[*codedError](err); ok && coded.code == exitUsage {
				mu.Lock()
				defer mu.Unlock()
				s.app.warnf("%v", err)
				return nil
			}
			o.vector = vector
			return err
		})
	}
	return g.Wait()
}

// withListed shows listed files by their listed paths, and merges those that the index does not know.
func (s *session) withListed(hits []index.Hit, query []float32) []index.Hit {
	for i := range hits {
		paths := s.listed.paths[hits[i].ContentID]
		hits[i].Path, hits[i].Also, hits[i].Missing = paths[0], paths[1:], false
	}
	for _, o := range s.listed.others {
		if o.vector == nil {
			continue
		}
		h := index.Hit{Path: o.path, Width: o.width, Height: o.height, TakenAt: o.takenAt, Vector: o.vector}
		for i, x := range o.vector {
			h.Score += float64(x) * float64(query[i])
		}
		if s.minScore == nil || h.Score >= *s.minScore {
			hits = append(hits, h)
		}
	}
	if len(s.listed.others) == 0 {
		return hits
	}
	slices.SortFunc(hits, func(a, b index.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
	index.Rate(hits, s.searcher.Mean())
	return hits[min(s.offset, len(hits)):min(s.offset+s.top, len(hits))]
}

// checkFrom refuses what does not go with --from.
func (o *searchOptions) checkFrom() error {
	switch {
	case o.from == "":
		return nil
	case o.queries != "":
		return usageError("give one of them", "--from and --queries")
	case o.from != "-":
		if info, err := os.Stat(o.from); err != nil || info.IsDir() {
			return usageError("give a file with one path a line, or -", "--from %s is not a file that is there", escapePath(o.from))
		}
	}
	return nil
}
