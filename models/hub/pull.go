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

// Source provides a model's files.
type Source interface {
	// Describe prepares the source and returns its name for the manifest and its revision, if it has one.
	Describe(ctx context.Context) (name, revision string, err error)
	// Find describes the files at paths, in that order; a file that does not exist is ErrNotFound.
	Find(ctx context.Context, paths []string) ([]File, error)
	// Fetch writes a verified file to dst.
	Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error)
}

// Request says what to pull.
type Request struct {
	// Name is the model's name in the store.
	Name   string
	Source Source
	Store  models.Store
	// Files are the files of the model, by path with slashes; nil: those of the OpenCLIP-ONNX layout.
	Files []string
	// Weights returns the weight files next to the graphs in a model's folder, relative to the folder.
	Weights func(dir string) ([]string, error)
	// Check tests a complete folder before it becomes the model; it may add to the manifest.
	Check func(dir string, m *models.Manifest) error
	// Free returns the free space at a path in bytes.
	Free func(path string) (uint64, error)
	// Total is called with the total number of bytes, Got with the bytes received.
	Total, Got func(bytes int64)
}

// atOnce is the number of files downloaded in parallel: one waits for the disk or a redirect while others download.
const atOnce = 4

// Pull fetches a model into the store. If it is killed, it leaves either no model of that name, the complete one, or the
// one that was installed before; the next Pull resumes.
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

// checkPlace returns an error if the folder holds a model that was not pulled from the same source, or other files.
func checkPlace(store models.Store, name, source string) error {
	dir := store.Path(name)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	there, err := store.Manifest(name)
	if err != nil {
		return fmt.Errorf("%w: %s is not a pulled model", ErrTaken, dir)
	}
	if there.Source != source {
		return fmt.Errorf("%w: %s holds a model from %s", ErrTaken, dir, there.Source)
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if _, ours := there.Files[filepath.ToSlash(rel)]; err == nil && !ours && rel != models.ManifestFile {
			err = fmt.Errorf("%w: %s is not part of the model", ErrTaken, path)
		}
		return err
	})
}

// puller downloads one model into a temporary folder in the store.
type puller struct {
	Request
	dir     string
	mu      sync.Mutex
	entries map[string]ManifestEntry
	total   int64
}

func (p *puller) run(ctx context.Context, m *models.Manifest) error {
	files := p.Files
	if files == nil {
		files = models.Files()
	}
	if err := p.fetch(ctx, files); err != nil {
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

// fetch downloads files by path, several in parallel.
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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	got := p.watchSpace(cancel)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, f := range files {
		g.Go(func() error {
			entry, err := p.Source.Fetch(ctx, f, filepath.Join(p.dir, filepath.FromSlash(f.Path)), got)
			if err != nil {
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.entries[f.Path] = entry
			return nil
		})
	}
	err = g.Wait()
	if cause := context.Cause(ctx); errors.Is(cause, ErrNoSpace) {
		return cause
	}
	return err
}

// spaceEvery is after how many bytes the free space is examined again.
const spaceEvery = 16 << 20

// watchSpace returns a function that counts received bytes, and cancels the download before it fills the disk: a server may not tell how much it
// will send, and other programs use the disk too.
func (p *puller) watchSpace(cancel context.CancelCauseFunc) (got func(int64)) {
	var mu sync.Mutex
	var since int64
	return func(n int64) {
		p.Got(n)
		mu.Lock()
		defer mu.Unlock()
		if since += max(n, 0); since < spaceEvery {
			return
		}
		since = 0
		if free, err := p.Free(p.Store.Dir); err == nil && free < spareBytes {
			cancel(fmt.Errorf("%w: only %d MB are left at %s", ErrNoSpace, free>>20, p.Store.Dir))
		}
	}
}

// spareBytes stay free: a full disk breaks other programs too.
const spareBytes = 64 << 20

func (p *puller) checkSpace(files []File) error {
	var need int64
	for _, f := range files {
		if f.Size > models.MaxSmall && models.IsSmall(f.Path) {
			return fmt.Errorf("%w: %s is too large (%d bytes)", ErrCorrupt, f.Path, f.Size)
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
		return fmt.Errorf("get the free space at %s: %w", p.Store.Dir, err)
	}
	if need > 0 && uint64(need)+spareBytes > free {
		return fmt.Errorf("%w: need %d MB at %s, %d MB are free", ErrNoSpace, (need+spareBytes)>>20, p.Store.Dir, free>>20)
	}
	return nil
}

// install renames the folder to the model's name, replacing a model of that name.
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

// dropStrangers removes the extra files that earlier attempts, perhaps of another revision, left.
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

// Repository is a repository on the hub.
type Repository struct {
	Client *Client
	// Name is "organisation/repository".
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

// Find returns the files' entries in the listing.
func (r *Repository) Find(_ context.Context, paths []string) ([]File, error) {
	files := make([]File, len(paths))
	for i, path := range paths {
		f, ok := r.tree[path]
		if !ok {
			return nil, fmt.Errorf("%w: %s has no file %s: the repository is not in the OpenCLIP-ONNX layout", ErrNotFound, r.Name, path)
		}
		files[i] = f
	}
	return files, nil
}

// Fetch downloads a file of the commit.
func (r *Repository) Fetch(ctx context.Context, f File, dst string, got func(int64)) (ManifestEntry, error) {
	return r.Client.download(ctx, r.Client.FileURL(r.Name, r.commit, f.Path), dst, f, got)
}

// Address is a plain folder on a server: the files are below one URL, and their digests are not known.
type Address struct {
	Client *Client
	URL    string
}

// Describe returns the URL; there is nothing to prepare.
func (a *Address) Describe(context.Context) (name, revision string, err error) { return a.URL, "", nil }

// Find returns the paths; sizes and digests are not known.
func (a *Address) Find(_ context.Context, paths []string) ([]File, error) {
	files := make([]File, len(paths))
	for i, path := range paths {
		files[i] = File{Path: path, Size: -1}
	}
	return files, nil
}

// Fetch downloads a file. It does not resume an earlier attempt, whose part may be of a different file.
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
	entry, err := a.Client.download(ctx, address, dst, f, got)
	if err != nil {
		os.Remove(dst + partSuffix) // it will not be continued
	}
	return entry, err
}

// Folder is a folder on disk, such as your own export.
type Folder struct{ Dir string }

// Describe returns the folder; there is nothing to prepare.
func (d Folder) Describe(context.Context) (name, revision string, err error) { return d.Dir, "", nil }

// Find returns the files' sizes.
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
