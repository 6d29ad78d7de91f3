package cmd

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/scan"
)

// printJSON writes one value on one line.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// count says a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// humanTime says a time as people do.
func humanTime(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// skippedText lists what was left out, by reason.
func skippedText(skipped map[string]int) string {
	if len(skipped) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		what := strings.ReplaceAll(reason, "_", " ")
		if n := skipped[reason]; slices.Contains([]scan.Reason{scan.Video, scan.LivePhoto, scan.Sidecar}, scan.Reason(reason)) {
			what = count(n, what)
		} else {
			what = fmt.Sprintf("%d %s", n, what)
		}
		parts = append(parts, what)
	}
	return " (skipped: " + strings.Join(parts, ", ") + ")"
}

// escapePath writes a path on one line: newlines, tabs, other controls and backslashes escaped where a control makes
// escaping necessary.
func escapePath(path string) string {
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

// oneLineText is the first line of a text.
func oneLineText(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
