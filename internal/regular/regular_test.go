package regular_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/regular"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	file, link, folder := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("no links: ", err)
	}
	for _, c := range []struct {
		path  string
		links regular.Links
		limit int64
		want  error
	}{
		{file, regular.NoLinks, 5, nil},
		{file, regular.NoLinks, 4, regular.ErrTooLarge},
		{link, regular.FollowLinks, 5, nil},
		{link, regular.NoLinks, 5, regular.ErrLink},
		{folder, regular.NoLinks, 5, regular.ErrNotRegular},
		{filepath.Join(dir, "nosuch"), regular.NoLinks, 5, fs.ErrNotExist},
	} {
		data, err := regular.Read(c.path, c.links, c.limit)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || string(data) != "hello") {
			t.Errorf("%+v: %q, %v", c, data, err)
		}
	}
	f, err := regular.OpenFile(link, os.O_RDWR|os.O_CREATE, 0o600, regular.NoLinks)
	if !errors.Is(err, regular.ErrLink) {
		t.Errorf("%v, %v", f, err)
	}
	if f, err = regular.OpenFile(filepath.Join(dir, "new"), os.O_RDWR|os.O_CREATE, 0o600, regular.NoLinks); err != nil {
		t.Fatal(err)
	}
	f.Close()
}
