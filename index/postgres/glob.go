package postgres

import (
	"strings"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/index/store"
)

// subject returns a name or a path in the form in which globs are matched with it: folded, and each byte that is not UTF-8 as a replacement character,
// for which `?` stands as it does for the byte.
func subject(name string) string { return characters(store.Fold(name)) }

func characters(s string) string {
	if utf8.ValidString(s) {
		return strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	var b strings.Builder
	for _, r := range s { // a byte that is not UTF-8 is utf8.RuneError
		if r == 0 {
			r = utf8.RuneError
		}
		b.WriteRune(r)
	}
	return b.String()
}

// expression returns PostgreSQL's regular expression for a folded, valid glob: what doublestar.Match matches.
func expression(glob string) string {
	return "^(?:" + translate(characters(glob), true) + ")$"
}

// translate translates a part of a glob. atStart says that it begins at the start of a path's segment, where `**` stands for folders.
func translate(glob string, atStart bool) string {
	var b strings.Builder
	for glob != "" {
		r, size := utf8.DecodeRuneInString(glob)
		rest := glob[size:]
		start := atStart
		atStart = r == '/'
		switch r {
		case '*':
			stars := strings.TrimLeft(rest, "*")
			switch {
			case !start || !strings.HasPrefix(rest, "*"):
				b.WriteString("[^/]*")
			case rest == "*":
				b.WriteString(".*")
				stars = ""
			case strings.HasPrefix(rest, "*/"):
				b.WriteString("(?:.*/)?")
				stars, atStart = rest[2:], true
			default:
				b.WriteString("[^/]*")
			}
			glob = stars
		case '?':
			b.WriteString("[^/]")
			glob = rest
		case '[':
			end := classEnd(rest)
			b.WriteString(class(rest[:end]))
			glob = rest[min(end+1, len(rest)):]
		case '{':
			parts, end := alternatives(rest)
			for i, p := range parts {
				parts[i] = translate(p, start)
			}
			b.WriteString("(?:" + strings.Join(parts, "|") + ")")
			glob = rest[min(end+1, len(rest)):]
		case '\\':
			r, size = utf8.DecodeRuneInString(rest)
			b.WriteString(literal(r))
			glob = rest[size:]
		case '/':
			switch rest { // these also match the folder itself
			case "**":
				return b.String() + "(?:/.*)?"
			case "**/":
				return b.String() + "(?:/(?:.*/)?)?"
			}
			b.WriteString("/")
			glob = rest
		default:
			b.WriteString(literal(r))
			glob = rest
		}
	}
	return b.String()
}

func literal(r rune) string {
	if strings.ContainsRune(`\.+*?()|[]{}^$`, r) {
		return `\` + string(r)
	}
	return string(r)
}

// classEnd returns where a character class ends, after its bracket.
func classEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			return i
		}
	}
	return len(s)
}

// class translates a character class without its brackets.
func class(s string) string {
	var b strings.Builder
	b.WriteString("[")
	if strings.HasPrefix(s, "^") || strings.HasPrefix(s, "!") {
		s = s[1:]
		b.WriteString("^/")
	}
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		if r == '-' { // between two characters: a range
			b.WriteString("-")
			continue
		}
		if r == '\\' {
			r, size = utf8.DecodeRuneInString(s)
			s = s[size:]
		}
		if strings.ContainsRune(`\[]^-`, r) {
			b.WriteString(`\`)
		}
		b.WriteRune(r)
	}
	return b.String() + "]"
}

// alternatives splits what is between braces at its commas, and returns where it ends, after the opening brace.
func alternatives(s string) (parts []string, end int) {
	start, depth := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '[':
			i += 1 + classEnd(s[i+1:])
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return append(parts, s[start:i]), i
			}
			depth--
		case ',':
			if depth == 0 {
				parts, start = append(parts, s[start:i]), i+1
			}
		}
	}
	return append(parts, s[start:]), len(s)
}
