package search

import (
	"math"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// checkConfident rejects --confident for queries that no calibration covers. A configured --confident applies only to the queries that
// one covers.
func (s *search) checkConfident() error {
	plain := s.queries == "" && query.IsPlain(s.asked())
	s.confident = s.options.confident && plain
	if !s.options.confident || plain || !s.given("confident") {
		return nil
	}
	if s.queries != "" {
		return cli.Usage("the JSON of each answer has verdict and threshold", "--queries and --confident cannot be combined")
	}
	return cli.Usage("use a single text without a weight or --prompt, or use --min-score",
		"--confident applies only to queries of a single text")
}

// tellVerdict reports that nothing looks like the query, and on a terminal that possibly nothing does. In JSON it is a field.
func (s *session) tellVerdict(a answer) {
	if s.format == "json" || a.Verdict == store.Uncertain && !s.p.ErrTTY {
		return
	}
	if text := words.Verdict(a.Response, a.query, s.offset == 0); text != "" {
		s.p.Notef("%s", text)
	}
}

// isAnswered reports whether an answer satisfies --confident.
func (s *session) isAnswered(a answer) bool {
	return !s.confident || len(a.Hits) > 0 || s.offset > 0 && (a.Best >= *a.Threshold || a.Verdict == store.Found)
}

// barCells is the width of a full bar.
const barCells = 5

// eighths are the partial cells at the end of a bar.
var eighths = []rune(" ▏▎▍▌▋▊▉█")

// bar draws the share of hits with a score that fit, according to the calibration; "" if it is unknown.
func bar(a answer, score float64) string {
	share, known := a.Calibration.Share(score)
	if !known || a.Verdict == "" {
		return ""
	}
	filled := int(math.Round(share * barCells * 8))
	cells := slices.Repeat([]rune{' '}, barCells)
	for i := range cells {
		cells[i] = eighths[min(max(filled-8*i, 0), 8)]
	}
	return string(cells) + strings.Repeat(" ", 2)
}
