package search

import (
	"bufio"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/terminal"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// answer is the result of one query.
type answer struct {
	*query.Response

	line    int // of --queries, 0 otherwise
	query   string
	elapsed time.Duration
	listing bool            // without a query, and so without scores
	tiles   []terminal.Tile // with --preview
}

// answerJSON is an answer in the machine format.
type answerJSON struct {
	wire.Head

	Results []wire.Hit `json:"results"`
	wire.Judgement
}

func (s *session) print(w io.Writer, a answer) error {
	out := bufio.NewWriter(w)
	var err error
	switch s.format {
	case "json":
		err = cli.PrintJSON(out, s.answerJSON(a))
	case "jsonl":
		for _, h := range s.hitsJSON(a) {
			if err = cli.PrintJSON(out, h); err != nil {
				break
			}
		}
	case "template":
		err = s.printTemplate(out, a)
	default:
		if err = s.drawTiles(out, a.tiles); err != nil {
			return err
		}
		lines := s.lines(a.Hits)
		s.common = ""
		if s.format == "table" && s.p.OutTTY {
			if s.common = commonFolder(lines); s.common != "" {
				fmt.Fprintf(out, "%s\n", s.p.Styled(cli.Less, "in "+words.Path(s.common)))
			}
		}
		for _, l := range lines {
			s.printLine(out, l, a)
		}
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

func (s *session) answerJSON(a answer) answerJSON {
	out := answerJSON{wire.NewHead(a.Response, a.query, a.elapsed), s.hitsJSON(a), wire.NewJudgement(a.Response)}
	out.Line = a.line
	return out
}

// line is one line of output: a hit, with the file that the line shows.
type line struct {
	query.Hit

	rank int
}

// lines returns one line per hit, or one per file with --all-paths.
func (s *session) lines(hits []query.Hit) []line {
	lines := make([]line, 0, len(hits))
	for i, h := range hits {
		lines = append(lines, line{h, i + 1 + s.offset})
		if !s.allPaths {
			continue
		}
		lines[len(lines)-1].Also = nil
		for _, path := range h.Also {
			one := h
			one.Path, one.Also = path, nil
			lines = append(lines, line{one, i + 1 + s.offset})
		}
	}
	return lines
}

func (s *session) hitsJSON(a answer) []wire.Hit {
	lines := s.lines(a.Hits)
	list := make([]wire.Hit, len(lines))
	for i, l := range lines {
		list[i] = wire.NewHit(l.Hit, l.rank, a.listing)
	}
	return list
}

func (s *session) printLine(w io.Writer, l line, a answer) {
	switch {
	case s.nul:
		fmt.Fprintf(w, "%s\x00", l.Path)
	case s.format == "paths":
		fmt.Fprintln(w, words.Path(l.Path))
	case s.format == "tsv":
		fmt.Fprintln(w, s.tsv(l, a))
	case a.listing:
		day, _, _ := strings.Cut(l.TakenAt, "T")
		fmt.Fprintf(w, "%3d  %-10s  %s%s\n", l.rank, day, s.shownPath(l.Path), remarks(l.Hit))
	default:
		shown := ""
		if s.p.OutTTY { // otherwise keep the columns stable for scripts
			shown = bar(a, l.Score)
		}
		fmt.Fprintf(w, "%3d  %.4f  %s%s%s\n", l.rank, l.Score, shown, s.shownPath(l.Path), remarks(l.Hit))
		for _, t := range l.Contributions {
			fmt.Fprintf(w, "     %+.4f  (weight %+g, similarity %.4f)  %s\n", t.Contribution, t.Weight, t.Cosine, words.Path(t.Term))
		}
	}
}

// shownText is how many characters of a photo's text the table shows.
const shownText = 60

// shortened returns the beginning of a text.
func shortened(text string) string {
	if letters := []rune(text); len(letters) > shownText {
		return string(letters[:shownText]) + "…"
	}
	return text
}

// twinKinds returns the kinds of twins: "CR2", "HEIC and DNG".
func twinKinds(twins []string) string {
	var kinds []string
	for _, path := range twins {
		if kind := strings.ToUpper(strings.TrimPrefix(filepath.Ext(path), ".")); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, " and ")
}

// remarks returns the text after a path in the table.
func remarks(h query.Hit) string {
	var list []string
	if n := h.Copies(); n == 1 {
		list = append(list, "1 copy")
	} else if n > 1 {
		list = append(list, fmt.Sprintf("%d copies", n))
	}
	if len(h.Twins) > 0 && len(h.Also) > 0 {
		list = append(list, "with "+twinKinds(h.Twins))
	}
	if h.Missing {
		list = append(list, "missing")
	}
	if text := h.Excerpt(); text != "" {
		list = append(list, "text: "+words.Path(shortened(text)))
	}
	if len(list) == 0 {
		return ""
	}
	return "  (" + strings.Join(list, ", ") + ")"
}
