package search

import (
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/internal/words"
)

// commonFolder is the deepest folder that contains the files of all lines; "" if there are fewer than two lines or it is the root of the
// file system.
func commonFolder(lines []line) string {
	if len(lines) < 2 {
		return ""
	}
	common := filepath.Dir(lines[0].Path)
	for _, l := range lines[1:] {
		for !isIn(common, l.Path) {
			above := filepath.Dir(common)
			if above == common {
				return ""
			}
			common = above
		}
	}
	if filepath.Dir(common) == common {
		return ""
	}
	return common
}

func isIn(folder, path string) bool {
	return strings.HasPrefix(path, strings.TrimSuffix(folder, string(filepath.Separator))+string(filepath.Separator))
}

// shownPath returns a path for the table, relative to the common folder if that is printed above.
func (s *session) shownPath(path string) string {
	shown := path
	if s.common != "" {
		shown = strings.TrimPrefix(path, s.common+string(filepath.Separator))
	}
	return hyperlink(s.p.Links(), path, s.p.StyledPath(words.Path(shown)))
}
