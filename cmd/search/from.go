package search

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

// listed holds the files of --from: those whose pictures are in the index, and the others.
type listed struct {
	// model is the identity of the model whose vectors were looked up.
	model string
	// paths are the listed files of each indexed picture.
	paths map[store.PictureID][]string
	// others are pictures that are not in the index, or have no vector there.
	others []*other
}

// other is a picture that is embedded during the search.
type other struct{ query.Other }

// readListed reads --from and finds its pictures in the index. It omits pictures that the filters do not select; folders and
// names are those of the list.
func (s *session) readListed(ctx context.Context) error {
	if s.from == "" {
		return nil
	}
	model, err := s.searched(ctx)
	if err != nil || s.listed != nil && s.listed.model == model {
		return err
	}
	if s.listedPaths == nil { // standard input can be read only once
		paths, err := s.p.ReadPaths(s.from, s.fromNul)
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
			if !seen[abs] && s.isListed(abs) {
				s.listedPaths = append(s.listedPaths, abs)
			}
			seen[abs] = true
		}
	}
	// The list is already filtered by folder and name. Each --not is one rule.
	s.filter.Under, s.filter.Names = nil, nil
	s.filter.Not = slices.DeleteFunc(s.filter.Not, func(not store.Filter) bool { return not.Under != nil || len(not.Names) > 0 })
	s.listed = &listed{model: model, paths: make(map[store.PictureID][]string)}
	unknown, err := s.findListed(ctx)
	if err != nil {
		return err
	}
	return s.readUnknown(ctx, unknown)
}

// searched returns the identity of the model to search; "" if the index has none.
func (s *session) searched(ctx context.Context) (string, error) {
	if s.model != "" {
		return s.model, nil
	}
	all, err := s.ix.Models(ctx)
	used, _ := all.Of(store.Default)
	return used.Identity, err
}

// isListed reports whether the filters select a listed path by its folder and its name.
func (s *session) isListed(path string) bool {
	f := s.search.filter
	switch {
	case f.Dirs != nil && !isBelow(f.Dirs, path), len(f.Names) > 0 && !isNamed(f.Names, path):
		return false
	case slices.ContainsFunc(f.NotDirs, func(dirs []string) bool { return isBelow(dirs, path) }):
		return false
	}
	return !slices.ContainsFunc(f.Not, func(not store.Filter) bool { return len(not.Names) > 0 && isNamed(not.Names, path) })
}

func isNamed(globs []string, path string) bool {
	dir := filepath.ToSlash(filepath.Dir(path))
	return slices.ContainsFunc(globs, func(g string) bool { return store.MatchName(store.Fold(g), dir, filepath.Base(path)) })
}

func isBelow(dirs []string, path string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		rel, err := filepath.Rel(dir, path)
		return err == nil && filepath.IsLocal(rel)
	})
}

// findListed finds the listed files that are unchanged since they were indexed and whose pictures have vectors. It returns the
// others.
func (s *session) findListed(ctx context.Context) (unknown []string, err error) {
	known, err := s.engine.Files(ctx, s.listed.model, s.listedPaths)
	if err != nil {
		return nil, err
	}
	for _, path := range s.listedPaths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			s.p.Warnf("%s: %v", words.Path(path), err)
			continue
		}
		if !info.Mode().IsRegular() {
			continue // find also lists folders
		}
		f, ok := known[path]
		if ok && f.Embedded && f.Same(store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}) {
			s.listed.paths[f.Picture] = append(s.listed.paths[f.Picture], path)
			continue
		}
		unknown = append(unknown, path)
	}
	return unknown, nil
}

// readUnknown reads listed files whose paths are not in the index. Their pictures may be.
func (s *session) readUnknown(ctx context.Context, paths []string) error {
	byID := make(map[store.PictureID][]pictures.File)
	var order []store.PictureID
	for _, path := range paths {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := pictures.Read(path)
		if err != nil {
			if pictures.IsNotPicture(err) {
				s.p.Logf("%s", cli.Sentence(err)) // find lists all kinds of files
			} else {
				s.p.Warnf("%s", cli.Sentence(err))
			}
			continue
		}
		p.Forget() // a list's pictures would take too much memory
		if byID[p.Picture.ID] == nil {
			order = append(order, p.Picture.ID)
		}
		byID[p.Picture.ID] = append(byID[p.Picture.ID], p)
	}
	if len(order) == 0 {
		return nil
	}
	known, err := s.ix.Pictures(ctx, s.listed.model, order)
	if err != nil {
		return err
	}
	vectors, err := s.ix.Vectors(ctx, s.listed.model, order) // also of pictures without a file, whose vectors the index keeps
	if err != nil {
		return err
	}
	for _, id := range order {
		if k := known[id]; k.Embedded && k.HasFile {
			for _, p := range byID[id] {
				s.listed.paths[id] = append(s.listed.paths[id], p.Path)
			}
			continue
		}
		s.addOther(byID[id], vectors[id])
	}
	return nil
}

// addOther adds a picture that the index cannot search, if the filters select it.
func (s *session) addOther(files []pictures.File, vector []float32) {
	p := files[0]
	if !s.filter.IsAll() { // the files beside it say what filters ask for
		var err error
		if p.Meta, err = index.WithSidecar(pictures.Reader{}, p.Path, p.Meta); err != nil {
			s.p.Logf("%v", err)
		}
	}
	record := p.Record()
	if !s.filter.Match(record) {
		return
	}
	record.Files = nil
	o := &other{query.Other{Record: record, Vector: vector}}
	for _, f := range files {
		o.Paths = append(o.Paths, f.Path)
	}
	s.listed.others = append(s.listed.others, o)
}

// embedOthers embeds the pictures that have no vector in the index.
func (s *session) embedOthers(ctx context.Context) error {
	if s.listed == nil {
		return nil
	}
	var wanted []*other
	for _, o := range s.listed.others {
		if o.Vector == nil {
			wanted = append(wanted, o)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	if s.loader == nil {
		return query.ErrNoEncoder
	}
	s.p.Notef("embedding %s not in the index; run `imgsearch index` to keep the vectors", english.Count(len(wanted), "photo"))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for _, o := range wanted {
		g.Go(func() error {
			var vector []float32
			p, err := pictures.Read(o.Paths[0])
			if err == nil {
				vector, err = app.Encoder{Loader: s.loader}.File(ctx, p)
			}
			if _, ok := errors.AsType[*pictures.UnreadableError](err); ok {
				s.p.Warnf("%s", cli.Sentence(err))
				return nil
			}
			o.Vector = vector
			return err
		})
	}
	return g.Wait()
}

// checkFrom rejects options that cannot be combined with --from.
func (o *options) checkFrom() error {
	switch {
	case o.from == "" && o.fromNul:
		return cli.Usage("add --from, or omit --from-null", "--from-null needs --from")
	case o.from == "":
		return nil
	case o.queries != "":
		return cli.Usage("use only one of them", "--from and --queries cannot be combined")
	case o.from != "-":
		if info, err := os.Stat(o.from); err != nil || info.IsDir() {
			return cli.Usage("use a file with one path per line, or - for standard input", "--from: no such file: %s", words.Path(o.from))
		}
	}
	return nil
}
