// Package calibrate measures what a model's scores mean: from which best cosine on a text names something that is among the pictures.
// It needs queries of which somebody knows whether the pictures show it. It must not know which store answers, or how a text becomes a
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

// Query is a text of which is known whether a picture of the index shows it.
type Query struct {
	Text    string
	Present bool
}

// ErrQueries is a list of queries that cannot be used.
var ErrQueries = errors.New("bad list of queries")

// LeastQueries is how many absent and how many present queries a calibration needs: the standard deviation of fewer is a guess.
const LeastQueries = 20

// CheckQueries refuses a list that is too short: ErrFew.
func CheckQueries(list []Query) error {
	absent := Absent(list)
	if present := len(list) - absent; absent < LeastQueries || present < LeastQueries {
		return fmt.Errorf("%w: %d absent and %d present queries, at least %d of each are required", ErrFew, absent, present, LeastQueries)
	}
	return nil
}

// Absent counts the queries of which no picture shows anything.
func Absent(list []Query) (n int) {
	for _, q := range list {
		if !q.Present {
			n++
		}
	}
	return n
}

// maxLine bounds a line of the list.
const maxLine = 64 << 10

// header is the first line that a list may have.
const header = "kind\tquery"

// ReadQueries reads a list: a line a query, "absent" or "present", a tab and the text. Empty lines and those that begin with # do not
// count. A wrong line is ErrQueries.
func ReadQueries(r io.Reader) ([]Query, error) {
	var list []Query
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	seen := make(map[string]int)
	first := true // of the lines that count
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
		return nil, fmt.Errorf("read the queries: %w", err)
	}
	return list, nil
}
