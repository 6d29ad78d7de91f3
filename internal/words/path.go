package words

import (
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"
)

// Path returns a path, or another value that the program did not make up, on one line and without anything that a terminal would obey.
// Control characters (C0, DEL and C1, also as bytes that are no UTF-8), marks that change the direction of text, and line separators are
// escaped: \n, \t, \r, or each byte as \xNN. The values in which they occur have their backslashes doubled, so that the path can be read
// back; those in which nothing looks like an escape are unchanged. On Windows, where backslashes separate folders, a value without such
// characters is always unchanged.
func Path(path string) string {
	if !hasHidden(path) && (runtime.GOOS == "windows" || !looksEscaped(path)) {
		return path
	}
	return escape(path, `\\`)
}

// Clean escapes like Path, but leaves backslashes alone: it is for sentences that may contain escaped values.
func Clean(text string) string {
	if !hasHidden(text) {
		return text
	}
	return escape(text, `\`)
}

// CleanJSON escapes in JSON the characters that Path escapes, so that the values stay the same.
func CleanJSON(data []byte) []byte {
	clean := true
	for _, c := range data {
		if c >= utf8.RuneSelf || c == 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return data
	}
	out := make([]byte, 0, len(data)+64)
	for i := 0; i < len(data); {
		if c := data[i]; c < utf8.RuneSelf && c != 0x7f { // JSON has no other controls in values
			out = append(out, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if obeyed(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, data[i:i+n]...)
		}
		i += n
	}
	return out
}

// escape escapes what hidden finds, and replaces backslashes.
func escape(text, backslash string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		n, isHidden := hidden(text[i:])
		switch {
		case isHidden:
			for _, c := range []byte(text[i : i+n]) {
				escapeByte(&b, c)
			}
		case text[i] == '\\':
			b.WriteString(backslash)
		default:
			b.WriteString(text[i : i+n])
		}
		i += n
	}
	return b.String()
}

func escapeByte(b *strings.Builder, c byte) {
	switch c {
	case '\n':
		b.WriteString(`\n`)
	case '\t':
		b.WriteString(`\t`)
	case '\r':
		b.WriteString(`\r`)
	default:
		fmt.Fprintf(b, `\x%02x`, c)
	}
}

func hasHidden(text string) bool {
	for i := 0; i < len(text); {
		n, isHidden := hidden(text[i:])
		if isHidden {
			return true
		}
		i += n
	}
	return false
}

// hidden returns the length of the first character of a text, and whether a terminal would obey it instead of showing it.
func hidden(text string) (n int, isHidden bool) {
	if c := text[0]; c < utf8.RuneSelf {
		return 1, c < ' ' || c == 0x7f
	}
	r, n := utf8.DecodeRuneInString(text)
	if r == utf8.RuneError && n == 1 {
		return 1, text[0] < 0xa0 // a C1 control as a single byte, on terminals of 8 bits
	}
	return n, obeyed(r)
}

// obeyed reports whether a terminal obeys a character from DEL on instead of showing it.
func obeyed(r rune) bool {
	switch {
	case r >= 0x7f && r <= 0x9f, // DEL and the C1 controls
		r == 0x061c, r == 0x200e, r == 0x200f, // marks of direction (Unicode Standard Annex 9, section 2)
		r >= 0x2028 && r <= 0x202e, // separators of lines and paragraphs, embeddings and overrides of direction
		r >= 0x2066 && r <= 0x2069: // isolates
		return true
	}
	return false
}

// looksEscaped reports whether a text contains what escape writes.
func looksEscaped(text string) bool {
	for {
		_, after, found := strings.Cut(text, `\`)
		if !found {
			return false
		}
		if after != "" && strings.ContainsRune(`\ntrx`, rune(after[0])) {
			return true
		}
		text = after
	}
}
