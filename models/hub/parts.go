package hub

import (
	"context"
	"fmt"
	"strings"

	"github.com/imgsearch/imgsearch/models"
)

// Parts is a model whose files are in several repositories, each at its own commit.
type Parts struct {
	Client *Client
	// Files say where each file is.
	Files []models.TextFile

	repositories map[string]*Repository // by name and revision
}

// Describe pins the revisions and lists the files of all repositories.
func (p *Parts) Describe(ctx context.Context) (name, revision string, err error) {
	p.repositories = make(map[string]*Repository)
	var names, revisions []string
	for _, f := range p.Files {
		key := f.Repository + "@" + f.Revision
		if p.repositories[key] != nil {
			continue
		}
		r := &Repository{Client: p.Client, Name: f.Repository, Revision: f.Revision}
		if _, revision, err = r.Describe(ctx); err != nil {
			return "", "", err
		}
		p.repositories[key] = r
		names, revisions = append(names, f.Repository), append(revisions, revision)
	}
	return strings.Join(names, " "), strings.Join(revisions, " "), nil
}

// part returns where a file is, and its entry in the listing there under its own path.
func (p *Parts) part(ctx context.Context, name string) (*Repository, File, models.TextFile, error) {
	for _, f := range p.Files {
		if f.Name != name {
			continue
		}
		r := p.repositories[f.Repository+"@"+f.Revision]
		found, err := r.Find(ctx, []string{f.Path})
		if err != nil {
			return nil, File{}, f, err
		}
		return r, found[0], f, nil
	}
	return nil, File{}, models.TextFile{}, fmt.Errorf("%w: no repository has %s", ErrNotFound, name)
}

// Find returns the files' entries in the listings, under their names in the model.
func (p *Parts) Find(ctx context.Context, names []string) ([]File, error) {
	files := make([]File, len(names))
	for i, name := range names {
		r, f, want, err := p.part(ctx, name)
		if err != nil {
			return nil, err
		}
		if want.SHA256 != "" && f.SHA256 != "" && f.SHA256 != want.SHA256 {
			return nil, fmt.Errorf("%w: %s in %s is not the published file", ErrCorrupt, want.Path, r.Name)
		}
		if f.Path = name; f.SHA256 == "" {
			f.SHA256 = want.SHA256
		}
		files[i] = f
	}
	return files, nil
}

// Fetch downloads a file.
func (p *Parts) Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error) {
	r, there, _, err := p.part(ctx, f.Path)
	if err != nil {
		return ManifestEntry{}, err
	}
	f.Path = there.Path
	return r.Fetch(ctx, f, dst, got)
}
