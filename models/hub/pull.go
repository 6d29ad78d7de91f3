package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/models"
)

// Source is where a model's files are had.
type Source interface {
	// Describe prepares the source and returns its name for the manifest and its revision, if it has one.
	Describe(ctx context.Context) (name, revision string, err error)
	// Find tells what is known of files that are needed, in that order; one that is not there is ErrNotFound.
	Find(ctx context.Context, paths []string) ([]File, error)
	// Fetch puts a verified file at dst.
	Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error)
}

// Request says what to pull.
type Request struct {
	// Name is what the model is called in the store.
	Name   string
	Source Source
	Store  models.Store
	// Weights returns the files beside the graphs in a folder of a model that hold weights, relative to it.
	Weights func(dir string) ([]string, error)
	// Check examines a whole folder before it becomes the model; it may complete the manifest.
	Check func(dir string, m *models.Manifest) error
	// Free is the free space at a path in bytes.
	Free func(path string) (uint64, error)
	// Total is told how many bytes are to come in all, Got of bytes that came.
	Total, Got func(bytes int64)
}

// atOnce is the number of files that come side by side: one waits for the disk or a redirect while others come.
const atOnce = 4

// Pull fetches a model into the store. Killed at any moment, it leaves either no model of that name or the whole one
// (or the one that was there before); the next Pull continues.
func Pull(ctx context.Context, req Request) (models.Manifest, error) {
	m := models.Manifest{Schema: 1, Name: req.Name, Files: make(map[string]models.ManifestItem)}
	if err := models.CheckName(req.Name); err != nil {
		return m, err
	}
	if err := os.MkdirAll(req.Store.Dir, 0o700); err != nil {
		return m, fmt.Errorf("pull %s: %w", req.Name, err)
	}
	lock := flock.New(filepath.Join(req.Store.Dir, ".pull.lock"))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return m, fmt.Errorf("pull %s: %w", req.Name, errors.Join(ErrBusy, err))
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	var err error
	if m.Source, m.Revision, err = req.Source.Describe(ctx); err != nil {
		return m, fmt.Errorf("pull %s: %w", req.Name, err)
	}
	if err := checkPlace(req.Store, req.Name, m.Source); err != nil {
		return m, fmt.Errorf("pull %s: %w", req.Name, err)
	}
	p := puller{Request: req, dir: filepath.Join(req.Store.Dir, "."+req.Name+".partial"), entries: make(map[string]ManifestEntry)}
	if err := p.run(ctx, &m); err != nil {
		return m, fmt.Errorf("pull %s: %w", req.Name, err)
	}
	for name, e := range p.entries {
		m.Files[name] = models.ManifestItem{Size: e.Size, SHA256: e.SHA256}
	}
	m.PulledAt = time.Now().UTC().Truncate(time.Second)
	if err := p.install(m); err != nil {
		return m, fmt.Errorf("pull %s: %w", req.Name, err)
	}
	return m, nil
}

// checkPlace refuses to replace what was not pulled from the same source, and folders with files of somebody else's.
func checkPlace(store models.Store, name, source string) error {
	dir := store.Path(name)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	there, err := store.Manifest(name)
	if err != nil {
		return fmt.Errorf("%w: %s, which no pull made", ErrTaken, dir)
	}
	if there.Source != source {
		return fmt.Errorf("%w: %s, from %s", ErrTaken, dir, there.Source)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if _, ours := there.Files[filepath.ToSlash(rel)]; err == nil && !ours && rel != models.ManifestFile {
			err = fmt.Errorf("%w: %s, which is not the model's", ErrTaken, path)
		}
		return err
	})
}

// puller gathers one model in a folder beside its place.
type puller struct {
	Request
	dir     string
	mu      sync.Mutex
	entries map[string]ManifestEntry
	total   int64
}

func (p *puller) run(ctx context.Context, m *models.Manifest) error {
	if err := p.fetch(ctx, models.Files()); err != nil {
		return err
	}
	weights, err := p.Weights(p.dir)
	if err != nil {
		return err
	}
	if err := p.fetch(ctx, weights); err != nil {
		return err
	}
	return p.Check(p.dir, m)
}

// fetch gets files by path, several at once.
func (p *puller) fetch(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	files, err := p.Source.Find(ctx, paths)
	if err != nil {
		return err
	}
	if err := p.checkSpace(files); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, f := range files {
		g.Go(func() error {
			entry, err := p.Source.Fetch(ctx, f, filepath.Join(p.dir, filepath.FromSlash(f.Path)), p.Got)
			if err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.entries[f.Path] = entry
			return nil
		})
	}
	return g.Wait()
}

// spareBytes stay free: a disk that is filled to the last byte stops more than us.
const spareBytes = 64 << 20

func (p *puller) checkSpace(files []File) error {
	var need int64
	for _, f := range files {
		if f.Size > models.MaxSmall && models.IsSmall(f.Path) {
			return fmt.Errorf("%w: %s has %d bytes", ErrCorrupt, f.Path, f.Size)
		}
		size := max(f.Size, 0)
		p.total += size
		need += size
		path := filepath.Join(p.dir, filepath.FromSlash(f.Path))
		for _, there := range []string{path, path + partSuffix} {
			if info, err := os.Stat(there); err == nil {
				need -= min(info.Size(), size)
				break
			}
		}
	}
	p.Total(p.total)
	free, err := p.Free(p.Store.Dir)
	if err != nil {
		return fmt.Errorf("ask for the free space at %s: %w", p.Store.Dir, err)
	}
	if need > 0 && uint64(need)+spareBytes > free {
		return fmt.Errorf("%w: %d MB are needed at %s, %d MB are free", ErrNoSpace, (need+spareBytes)>>20, p.Store.Dir, free>>20)
	}
	return nil
}

// install gives the folder the model's name. A model of that name is replaced.
func (p *puller) install(m models.Manifest) error {
	if err := p.dropStrangers(); err != nil {
		return err
	}
	if err := models.WriteManifest(p.dir, m); err != nil {
		return err
	}
	dst := p.Store.Path(p.Name)
	if _, err := os.Lstat(dst); err == nil {
		old := filepath.Join(p.Store.Dir, "."+p.Name+".old")
		if err := os.RemoveAll(old); err != nil {
			return err
		}
		if err := os.Rename(dst, old); err != nil {
			return err
		}
		if err := os.Rename(p.dir, dst); err != nil {
			return errors.Join(err, os.Rename(old, dst))
		}
		return os.RemoveAll(old)
	}
	return os.Rename(p.dir, dst)
}

// dropStrangers removes what earlier attempts, of another revision perhaps, left beside the files.
func (p *puller) dropStrangers() error {
	return filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(p.dir, path)
		if err != nil {
			return err
		}
		if _, ours := p.entries[filepath.ToSlash(rel)]; ours {
			return nil
		}
		return os.Remove(path)
	})
}

// Repository is a source on the hub.
type Repository struct {
	Client *Client
	// Name is organisation/repository.
	Name string
	// Revision is a branch, tag or commit; "" is main.
	Revision string

	commit string
	tree   map[string]File
}

// Describe pins the revision to a commit and lists its files.
func (r *Repository) Describe(ctx context.Context) (name, revision string, err error) {
	if r.Revision == "" {
		r.Revision = "main"
	}
	if r.commit, err = r.Client.Resolve(ctx, r.Name, r.Revision); err != nil {
		return "", "", err
	}
	files, err := r.Client.Tree(ctx, r.Name, r.commit)
	if err != nil {
		return "", "", err
	}
	r.tree = make(map[string]File, len(files))
	for _, f := range files {
		r.tree[f.Path] = f
	}
	return r.Name, r.commit, nil
}

// Find looks in the listing.
func (r *Repository) Find(_ context.Context, paths []string) ([]File, error) {
	files := make([]File, len(paths))
	for i, path := range paths {
		f, ok := r.tree[path]
		if !ok {
			return nil, fmt.Errorf("%w: %s has no file %s: it is not in the OpenCLIP-ONNX layout", ErrNotFound, r.Name, path)
		}
		files[i] = f
	}
	return files, nil
}

// Fetch downloads a file of the commit.
func (r *Repository) Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error) {
	return r.Client.download(ctx, r.Client.FileURL(r.Name, r.commit, f.Path), dst, f, got)
}

// Address is a plain folder on a server: the files lie below one URL, and no digests are known.
type Address struct {
	Client *Client
	URL    string
}

// Describe has nothing to prepare.
func (a *Address) Describe(context.Context) (name, revision string, err error) { return a.URL, "", nil }

// Find knows nothing but the names.
func (a *Address) Find(_ context.Context, paths []string) ([]File, error) {
	files := make([]File, len(paths))
	for i, path := range paths {
		files[i] = File{Path: path, Size: -1}
	}
	return files, nil
}

// Fetch downloads a file. A part of an earlier attempt is not continued: nothing tells whether it is of the same file.
func (a *Address) Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error) {
	address, err := url.JoinPath(a.URL, strings.Split(f.Path, "/")...)
	if err != nil {
		return ManifestEntry{}, err
	}
	for _, path := range []string{dst, dst + partSuffix} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return ManifestEntry{}, err
		}
	}
	return a.Client.download(ctx, address, dst, f, got)
}

// Folder is a source on a disk: one's own export.
type Folder struct{ Dir string }

// Describe has nothing to prepare.
func (d Folder) Describe(context.Context) (name, revision string, err error) { return d.Dir, "", nil }

// Find asks for the sizes.
func (d Folder) Find(_ context.Context, paths []string) ([]File, error) {
	files := make([]File, len(paths))
	for i, path := range paths {
		info, err := os.Stat(filepath.Join(d.Dir, filepath.FromSlash(path)))
		if err != nil {
			return nil, fmt.Errorf("%w: %s in %s (%w)", ErrNotFound, path, d.Dir, fserr.Cause(err))
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%w: %s is not a file", ErrNotFound, filepath.Join(d.Dir, path))
		}
		files[i] = File{Path: path, Size: info.Size()}
	}
	return files, nil
}

// Fetch copies a file.
func (d Folder) Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error) {
	in, err := os.Open(filepath.Join(d.Dir, filepath.FromSlash(f.Path)))
	if err != nil {
		return ManifestEntry{}, err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(dst), 0o700); err != nil {
		return ManifestEntry{}, err
	}
	out, err := os.OpenFile(dst+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return ManifestEntry{}, err
	}
	defer out.Close()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return ManifestEntry{}, err
		}
		n, err := in.Read(buf)
		if _, err := out.Write(buf[:n]); err != nil {
			return ManifestEntry{}, err
		}
		got(int64(n))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return ManifestEntry{}, err
		}
	}
	if err := out.Close(); err != nil {
		return ManifestEntry{}, err
	}
	if err := atomicfile.Put(dst+partSuffix, dst); err != nil {
		return ManifestEntry{}, err
	}
	return verify(dst, f)
}
