package server

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

var jpeg = []byte("\xff\xd8 picture \xff\xd9")

// TestThumbCache checks that a thumbnail is made once, also for many callers, and again if its file is damaged.
func TestThumbCache(t *testing.T) {
	c := newThumbCache([]string{t.TempDir()})
	var made atomic.Int32
	var fails error
	produce := func() ([]byte, error) {
		made.Add(1)
		time.Sleep(20 * time.Millisecond)
		return jpeg, fails
	}
	id := store.PictureID{1}
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			if got, err := c.get(id, 100, produce); err != nil || !bytes.Equal(got, jpeg) {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	callers.Wait()
	if made.Load() != 1 {
		t.Errorf("it was made %d times", made.Load())
	}
	if err := os.WriteFile(c.path(id, 100), jpeg[:6], 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := c.get(id, 100, produce); err != nil || !bytes.Equal(got, jpeg) || made.Load() != 2 {
		t.Errorf("a damaged file: %q %v", got, err)
	}
	fails = errors.New("failed")
	if _, err := c.get(id, 200, produce); !errors.Is(err, fails) {
		t.Errorf("%v", err)
	}
	fails = nil
	none := newThumbCache(nil)
	if got, err := none.get(id, 100, produce); err != nil || !bytes.Equal(got, jpeg) {
		t.Errorf("without a folder: %q %v", got, err)
	}
}

// TestThumbCacheIsBounded checks that the thumbnails that were not used for longest are removed when there are too many.
func TestThumbCacheIsBounded(t *testing.T) {
	c := newThumbCache([]string{t.TempDir()})
	const files = 40
	for i := range files {
		path := c.path(store.PictureID{byte(i)}, 1)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, jpeg, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 2*mostThumbs/files); err != nil { // sparse
			t.Fatal(err)
		}
		at := time.Now().Add(time.Duration(i-files) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	c.put(c.path(store.PictureID{200}, 1), jpeg)
	for i := range files {
		_, err := os.Stat(c.path(store.PictureID{byte(i)}, 1))
		if kept := err == nil; kept != (i > files-files*3/8) {
			t.Errorf("file %d of %d is kept: %v", i, files, kept)
		}
	}
	if c.bytes > fewThumbs {
		t.Errorf("%d bytes are left", c.bytes)
	}
}
