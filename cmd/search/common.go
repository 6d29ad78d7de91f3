package search

import (
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/internal/words"
)

// commonFolder is the folder in which all lines' files lie, where it is worth a line of its own; "" where there is none, or it is the
// root of the file system.
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

// shownPath is a path of the table: below the folder that all have in common, where that was said.
func (s *session) shownPath(path string) string {
	shown := path
	if s.common != "" {
		shown = strings.TrimPrefix(path, s.common+string(filepath.Separator))
	}
	return hyperlink(s.p.Links(), path, s.p.StyledPath(words.Path(shown)))
}
