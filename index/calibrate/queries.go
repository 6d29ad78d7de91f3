// Package calibrate measures what a model's scores mean: how high the best cosine must be for a text to name something that the pictures
// show. It needs queries that are known to be present in the pictures or absent. It must not know which store answers, or how a text becomes a
// vector.
package calibrate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Query is a text for which it is known whether a picture of the index shows it.
type Query struct {
	Text    string
	Present bool
}

// ErrQueries means that a list of queries is invalid.
var ErrQueries = errors.New("invalid list of queries")

// LeastQueries is how many absent and how many present queries a calibration needs: with fewer, the standard deviation is a guess.
const LeastQueries = 20

// CheckQueries returns ErrFew if a list is too short.
func CheckQueries(list []Query) error {
	absent := Absent(list)
	if present := len(list) - absent; absent < LeastQueries || present < LeastQueries {
		return fmt.Errorf("%w: %d absent and %d present queries, at least %d of each are required", ErrFew, absent, present, LeastQueries)
	}
	return nil
}

// Absent returns the number of absent queries in a list.
func Absent(list []Query) (n int) {
	for _, q := range list {
		if !q.Present {
			n++
		}
	}
	return n
}

// maxLine is the length of the longest line of a list, in bytes.
const maxLine = 64 << 10

// header is the optional first line of a list.
const header = "kind\tquery"

// ReadQueries reads a list with one query per line: "absent" or "present", a tab and the text. Empty lines and those that begin with # are
// ignored. An invalid line is ErrQueries.
func ReadQueries(r io.Reader) ([]Query, error) {
	var list []Query
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	seen := make(map[string]int)
	first := true // of the lines that are not ignored
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimPrefix(strings.TrimRight(lines.Text(), "\r"), "\ufeff")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		isHeader := first && line == header
		if first = false; isHeader {
			continue
		}
		kind, text, _ := strings.Cut(line, "\t")
		text = strings.TrimSpace(text)
		switch {
		case !utf8.ValidString(line):
			return nil, fmt.Errorf("%w: line %d is not UTF-8", ErrQueries, n)
		case kind != "absent" && kind != "present" || text == "":
			return nil, fmt.Errorf("%w: line %d is not \"absent\" or \"present\", a tab and a query", ErrQueries, n)
		case seen[text] > 0:
			return nil, fmt.Errorf("%w: line %d repeats line %d", ErrQueries, n, seen[text])
		}
		seen[text] = n
		list = append(list, Query{text, kind == "present"})
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%w: a line has more than %d bytes", ErrQueries, maxLine)
	} else if err != nil {
		return nil, fmt.Errorf("read queries: %w", err)
	}
	return list, nil
}
