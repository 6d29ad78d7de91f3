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

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// listed are the files of --from: those whose pictures the index has, and the others.
type listed struct {
	// of are the model's vectors that they were looked up for.
	of int64
	// paths are the listed files of each content of the index.
	paths map[int64][]string
	// others are pictures that the index does not have, or no vector of.
	others []*other
}

// other is a picture that is embedded on the way, with the files that hold it.
type other struct {
	paths   []string
	content sqlite.Content
	vector  []float32
}

// readListed reads --from and finds its pictures in the index. What the filters do not select is left out: folders and names
// are those of the list here.
func (s *session) readListed(ctx context.Context) error {
	if s.from == "" || s.listed != nil && s.listed.of == s.used.ID {
		return nil
	}
	if s.listedPaths == nil { // the standard input is there once
		paths, err := readPaths(s.app.streams.In, s.from, s.fromNul)
		if err != nil {
			return err
		}
		seen := make(map[string]bool)
		s.listedPaths = []string{}
		for _, p := range paths {
			abs, err := filepath.Abs(p)
			if err != nil {
				return err
			}
			if !seen[abs] && s.isUnder(abs) {
				s.listedPaths = append(s.listedPaths, abs)
			}
			seen[abs] = true
		}
	}
	s.listed = &listed{of: s.used.ID, paths: make(map[int64][]string)}
	others := make(map[[32]byte]*other)
	for _, path := range s.listedPaths {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.findListed(ctx, path, others); err != nil {
			return err
		}
	}
	s.filter.Under, s.filter.Query.Name = nil, nil // the list has gone through them
	s.filter.Paths = s.listed.paths
	return nil
}

// isUnder tells whether --under and --name select a listed path.
func (s *session) isUnder(path string) bool {
	if name := s.searchOptions.filter.Query.Name; name != nil && !name(filepath.ToSlash(filepath.Dir(path)), filepath.Base(path)) {
		return false
	}
	dirs := s.searchOptions.filter.Under
	return dirs == nil || slices.ContainsFunc(dirs, func(dir string) bool {
		rel, err := filepath.Rel(dir, path)
		return err == nil && filepath.IsLocal(rel)
	})
}

func (s *session) findListed(ctx context.Context, path string, others map[[32]byte]*other) error {
	info, err := os.Stat(path)
	if err != nil {
		s.app.warnf("%s: %v", escapePath(path), err)
		return nil
	}
	if !info.Mode().IsRegular() {
		return nil // a folder of find's list
	}
	id, embedded, err := index.FindUnchanged(ctx, s.store, s.used, path, info)
	if err != nil {
		return err
	}
	if embedded {
		s.listed.paths[id] = append(s.listed.paths[id], path)
		return nil
	}
	p, err := readPicture(path)
	if err != nil {
		if coded, ok := errors.AsType[*codedError](err); ok && errors.Is(coded.err, decode.ErrNotPicture) {
			s.app.logf("%v", err) // find lists what it finds
		} else {
			s.app.warnf("%v", err)
		}
		return nil
	}
	return s.addListed(ctx, p, others)
}

// addListed adds a file whose picture was read.
func (s *session) addListed(ctx context.Context, p pictureFile, others map[[32]byte]*other) error {
	path, c := p.path, p.content
	if o := others[c.Hash]; o != nil {
		o.paths = append(o.paths, path)
		return nil
	}
	known, ok, err := s.store.Content(ctx, c.Hash, s.used.ID)
	if err != nil {
		return err
	}
	id := known.ID
	var vector []float32
	if ok && known.Embedded {
		files, err := s.store.FilesOf(ctx, id)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			s.listed.paths[id] = append(s.listed.paths[id], path)
			return nil
		}
		// The index keeps its vector, and no file.
		if vector, err = index.ContentVector(ctx, s.store, s.used, id); err != nil {
			return err
		}
	}
	query, labels := s.searchOptions.filter.Query, p.labels
	if query.ByLabels() {
		if labels, err = index.WithSidecar(pictures{}, path, labels); err != nil {
			s.app.logf("%v", err)
		}
	}
	if !query.Selects(c, labels) {
		return nil
	}
	o := &other{paths: []string{path}, content: c, vector: vector}
	others[c.Hash] = o
	s.listed.others = append(s.listed.others, o)
	return nil
}

// needVectors tells whether there are pictures to embed on the way.
func (l *listed) needVectors() bool {
	return l != nil && slices.ContainsFunc(l.others, func(o *other) bool { return o.vector == nil })
}

// embedOthers embeds the pictures that the index does not have.
func (s *session) embedOthers(ctx context.Context) error {
	if !s.listed.needVectors() {
		return nil
	}
	n := 0
	for _, o := range s.listed.others {
		if o.vector == nil {
			n++
		}
	}
	s.app.notef("embedding %s that the index does not have; `imgsearch index` would keep them", count(n, "photo"))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	var mu sync.Mutex
	for _, o := range s.listed.others {
		if o.vector != nil {
			continue
		}
		g.Go(func() error {
			// Read again: all of a list's pictures would be too much to keep.
			var vector []float32
			p, err := readPicture(o.paths[0])
			if err == nil {
				vector, err = embedPicture(ctx, s.loader, p)
			}
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

// hit is how a picture of the list is shown.
func (o *other) hit() index.Hit {
	slices.Sort(o.paths)
	return index.Hit{Path: o.paths[0], Also: o.paths[1:], Width: o.content.Width, Height: o.content.Height, TakenAt: o.content.TakenAt, Vector: o.vector}
}

// withOthers merges the pictures of the list that the index does not have, by score.
func (s *session) withOthers(hits []index.Hit, query []float32) []index.Hit {
	if s.listed == nil || len(s.listed.others) == 0 {
		return hits
	}
	for _, o := range s.listed.others {
		if o.vector == nil {
			continue
		}
		h := o.hit()
		for i, x := range o.vector {
			h.Score += float64(x) * float64(query[i])
		}
		if s.minScore == nil || h.Score >= *s.minScore {
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b index.Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
	index.Rate(hits, s.searcher.Mean())
	return s.page(hits)
}

// page is what --offset and --top leave.
func (s *session) page(hits []index.Hit) []index.Hit {
	return hits[min(s.offset, len(hits)):min(s.offset+s.top, len(hits))]
}

// checkFrom refuses what does not go with --from.
func (o *searchOptions) checkFrom() error {
	switch {
	case o.from == "" && o.fromNul:
		return usageError("it belongs to --from", "--from-null without --from")
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
