package search

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Queries that are already available are embedded together, at most queryBatch at once: measured with the built-in
// model, 121 texts a second in batches of 8 against 79 one by one. A line that arrives alone is answered at once.
const (
	queryBatch   = 8
	maxQueryLine = 64 << 10
)

// queryLine is a line of --queries.
type queryLine struct {
	number int
	text   string
	err    error // of a bad line; it is the answer
}

// answerAll answers each line of --queries with one JSON object, in order, and flushes after each line.
func (s *session) answerAll(ctx context.Context) error {
	in := s.p.In
	if s.queries != "-" {
		f, err := s.openQueries()
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	lines := make(chan queryLine, queryBatch)
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(lines)
		failed <- readQueries(ctx, in, lines)
	}()
	for {
		batch, err := nextBatch(ctx, lines)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			return <-failed
		}
		if err := s.answerBatch(ctx, batch); err != nil {
			return err
		}
	}
}

// nextBatch waits for a line and returns it with the others that are available. At the end it returns none.
func nextBatch(ctx context.Context, lines <-chan queryLine) ([]queryLine, error) {
	var batch []queryLine
	select {
	case l, ok := <-lines:
		if !ok {
			return nil, nil
		}
		batch = append(batch, l)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(batch) < queryBatch {
		select {
		case l, ok := <-lines:
			if !ok {
				return batch, nil
			}
			batch = append(batch, l)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

func readQueries(ctx context.Context, in io.Reader, lines chan<- queryLine) error {
	r := bufio.NewReaderSize(in, maxQueryLine)
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		l := queryLine{number: n, text: strings.TrimRight(string(text), "\r\n")}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			l.err = fmt.Errorf("the line is longer than %d bytes", maxQueryLine)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		case len(text) == 0:
		case !utf8.ValidString(l.text):
			l.err = errors.New("the line is not valid UTF-8")
		case tokenize.Clean(l.text, false) == "":
			l.err = errors.New("the query is empty")
		}
		if len(text) > 0 {
			select {
			case lines <- l:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read --queries: %w", err)
		}
	}
}

func (s *session) answerBatch(ctx context.Context, batch []queryLine) error {
	begin := time.Now()
	if err := s.resolve(ctx); err != nil { // roots may have changed
		return err
	}
	var requests []query.Request
	for _, l := range batch {
		if l.err == nil {
			r := s.request()
			r.Terms = []query.Term{{Weight: 1, Label: l.text, Texts: []string{tokenize.Clean(l.text, false)}}}
			requests = append(requests, r)
		}
	}
	answers, err := s.engine.SearchBatch(ctx, requests)
	if err != nil {
		return err
	}
	elapsed := time.Since(begin) / time.Duration(max(len(answers), 1))
	for _, l := range batch {
		if l.err != nil {
			if err := s.printBadLine(l); err != nil {
				return err
			}
			continue
		}
		a := answer{Response: answers[0], line: l.number, query: l.text, elapsed: elapsed}
		answers = answers[1:]
		s.report(a.Response)
		if err := cli.PrintJSON(s.p.Out, s.answerJSON(a)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) printBadLine(l queryLine) error {
	return cli.PrintJSON(s.p.Out, struct {
		Schema int           `json:"schema"`
		Line   int           `json:"line"`
		Error  cli.ErrorJSON `json:"error"`
	}{wire.Schema, l.number, cli.NewErrorJSON(words.Word{Code: words.Usage, Sentence: l.err.Error(), Hint: "write one query per line, in UTF-8"})})
}
