// Package english formats numbers, times and sentences for people. It must not know what they are about.
package english

import (
	"fmt"
	"strings"
	"time"
)

// Count returns a number with its noun, in the plural if needed.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Duration returns a duration in a suitable unit.
func Duration(d time.Duration) string {
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

// OneLine returns the first line of a text: the rest, such as a stack trace or a library's output, is details.
func OneLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
