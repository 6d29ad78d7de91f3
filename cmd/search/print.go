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

// contributionJSON is the contribution of a term to a hit's score.
type contributionJSON struct {
	Term string `json:"term"`
	// Weight is negative for a term that was subtracted.
	Weight float64 `json:"weight"`
	// Cosine is the similarity between the term and the picture. The Contributions of all terms add up to the score.
	Cosine       float64 `json:"cosine"`
	Contribution float64 `json:"contribution"`
}

// hitJSON is a hit in the machine formats (docs/json.md).
type hitJSON struct {
	Rank int `json:"rank"`
	// Score and Relative are null in a list without a query.
	Score *float64 `json:"score"`
	cli.PathsJSON
	Missing  bool     `json:"missing"`
	Width    int      `json:"width"`
	Height   int      `json:"height"`
	TakenAt  *string  `json:"taken_at"`
	Relative *float64 `json:"relative"`
	ID       string   `json:"id"`
	Format   string   `json:"format"`
	Bytes    *int64   `json:"bytes"`
	cli.MetadataJSON
	// Twins are those of the files that are twins of a JPEG: its raw or HEIC files.
	Twins []string `json:"twins,omitempty"`
	// Terms are set with --explain.
	Terms []contributionJSON `json:"terms,omitempty"`
	// Text are the lines of text in the picture that contain the query's words or the phrases of --text.
	Text string `json:"text,omitempty"`
}

type answerJSON struct {
	Schema    int       `json:"schema"`
	Line      int       `json:"line,omitempty"`
	Query     string    `json:"query"`
	Model     string    `json:"model"`
	Precision string    `json:"precision"`
	ElapsedMS float64   `json:"elapsed_ms"`
	Indexed   int       `json:"indexed"`
	Results   []hitJSON `json:"results"`
	// Verdict and Threshold are null if the model or the query has no calibration.
	Verdict   *string  `json:"verdict"`
	Threshold *float64 `json:"threshold"`
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
	out := answerJSON{
		Schema: cli.Schema, Line: a.line, Query: a.query, Model: a.Model.Name, Precision: a.Model.Precision,
		ElapsedMS: cli.Round(float64(a.elapsed)/float64(time.Millisecond), 3), Indexed: a.Searched, Results: s.hitsJSON(a),
		Verdict: cli.OrNull(string(a.Verdict)),
	}
	if a.Threshold != nil {
		threshold := cli.Round(*a.Threshold, 6)
		out.Threshold = &threshold
	}
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

func (s *session) hitsJSON(a answer) []hitJSON {
	list := make([]hitJSON, 0, len(a.Hits))
	for _, l := range s.lines(a.Hits) {
		h := hitJSON{
			Rank: l.rank, PathsJSON: cli.NewPathsJSON(l.Path, l.Also), Missing: l.Missing, Width: l.Width, Height: l.Height, TakenAt: cli.OrNull(l.TakenAt),
			ID: l.ID.String(), Format: l.Format, Bytes: cli.SizeOrNull(l.Bytes), MetadataJSON: cli.NewMetadataJSON(l.Metadata),
		}
		if !a.listing {
			score, relative := cli.Round(l.Score, 6), cli.Round(l.Relative, 4)
			h.Score, h.Relative = &score, &relative
		}
		h.Twins, h.Text = l.Twins, l.Excerpt()
		for _, c := range l.Contributions {
			h.Terms = append(h.Terms, contributionJSON{c.Term, c.Weight, cli.Round(c.Cosine, 6), cli.Round(c.Contribution, 6)})
		}
		list = append(list, h)
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
