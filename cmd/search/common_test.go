package search

import (
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
)

func TestCommonFolder(t *testing.T) {
	for _, c := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{"/p/a.jpg"}, ""},
		{[]string{"/p/a.jpg", "/p/b.jpg"}, "/p"},
		{[]string{"/p/2023/a.jpg", "/p/2022/b.jpg", "/p/c.jpg"}, "/p"},
		{[]string{"/p/2023/a.jpg", "/p/2023x/b.jpg"}, "/p"},
		{[]string{"/p/a.jpg", "/q/b.jpg"}, ""},
		{[]string{"/a.jpg", "/b.jpg"}, ""},
	} {
		var lines []line
		for _, path := range c.paths {
			lines = append(lines, line{Hit: query.Hit{Path: filepath.FromSlash(path)}})
		}
		if got := filepath.ToSlash(commonFolder(lines)); got != c.want {
			t.Errorf("%q: %q, want %q", c.paths, got, c.want)
		}
	}
}
