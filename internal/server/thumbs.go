package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// thumbCache keeps thumbnails that were made, in files, up to a total size: those that were not asked for longest go first.
type thumbCache struct {
	dir    string // "": nothing is kept
	making singleflight.Group

	mu    sync.Mutex
	bytes int64 // of all files; -1: not counted yet
}

const (
	// mostThumbs is the total size of the thumbnails, in bytes: about 10,000 of 512 pixels. fewThumbs is what is kept when it is exceeded.
	mostThumbs = 512 << 20
	fewThumbs  = mostThumbs / 4 * 3
	// touchAfter is how old a file's time may be before a use renews it.
	touchAfter = 24 * time.Hour
	// mostThumb is the size of a thumbnail that is certainly none, in bytes.
	mostThumb = 8 << 20
)

// newThumbCache returns the cache in the first of the cache folders.
func newThumbCache(dirs []string) *thumbCache {
	c := &thumbCache{bytes: -1}
	if len(dirs) > 0 {
		c.dir = filepath.Join(dirs[0], "thumbnails")
	}
	return c
}

func (c *thumbCache) path(id store.PictureID, size int) string {
	name := id.String()
	return filepath.Join(c.dir, name[:2], fmt.Sprintf("%s-%d.jpg", name, size))
}

// get returns a thumbnail, which produce makes unless it is there. Callers who want the same one at the same time share it. A cache that cannot be written only
// costs time.
func (c *thumbCache) get(id store.PictureID, size int, produce func() ([]byte, error)) ([]byte, error) {
	path := c.path(id, size)
	if jpeg, ok := c.read(path); ok {
		return jpeg, nil
	}
	jpeg, err, _ := c.making.Do(path, func() (any, error) {
		jpeg, err := produce()
		if err == nil {
			c.put(path, jpeg)
		}
		return jpeg, err
	})
	if err != nil {
		return nil, err
	}
	return jpeg.([]byte), nil //nolint:forcetypeassert // from above
}

func (c *thumbCache) read(path string) ([]byte, bool) {
	if c.dir == "" {
		return nil, false
	}
	jpeg, err := regular.Read(path, regular.NoLinks, mostThumb)
	if err != nil || !isWhole(jpeg) {
		return nil, false
	}
	if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > touchAfter {
		now := time.Now()
		_ = os.Chtimes(path, now, now)
	}
	return jpeg, true
}

// isWhole reports whether a file begins and ends as a JPEG does.
func isWhole(jpeg []byte) bool {
	return strings.HasPrefix(string(jpeg), "\xff\xd8") && strings.HasSuffix(string(jpeg), "\xff\xd9")
}

func (c *thumbCache) put(path string, jpeg []byte) {
	if c.dir == "" || atomicfile.Write(path, jpeg) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes >= 0 {
		c.bytes += int64(len(jpeg))
	}
	if c.bytes < 0 || c.bytes > mostThumbs {
		c.tidy()
	}
}

// tidy counts the files, and removes the oldest ones if there are too many. The caller holds mu.
func (c *thumbCache) tidy() {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	c.bytes = 0
	_ = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		if info, err := d.Info(); err == nil {
			files = append(files, file{path, info.Size(), info.ModTime()})
			c.bytes += info.Size()
		}
		return nil
	})
	if c.bytes <= mostThumbs {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if c.bytes <= fewThumbs {
			return
		}
		if err := os.Remove(f.path); err == nil || errors.Is(err, fs.ErrNotExist) {
			c.bytes -= f.size
		}
	}
}
