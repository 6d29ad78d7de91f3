package words

import (
	"fmt"
	"strings"
)

// Path returns a path on one line. If it contains control characters, they and its backslashes are escaped; otherwise it is
// unchanged.
func Path(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		switch c := path[i]; {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
