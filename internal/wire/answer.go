package wire

import (
	"time"

	"github.com/imgsearch/imgsearch/index/query"
)

// Contribution is the contribution of a term to a hit's score.
type Contribution struct {
	Term string `json:"term"`
	// Weight is negative for a term that was subtracted.
	Weight float64 `json:"weight"`
	// Cosine is the similarity between the term and the picture. The Contributions of all terms add up to the score.
	Cosine       float64 `json:"cosine"`
	Contribution float64 `json:"contribution"`
}

// Hit is a picture that a search found.
type Hit struct {
	Rank int `json:"rank"`
	// Score and Relative are null in a list without a query.
	Score *float64 `json:"score"`
	Paths
	Missing  bool     `json:"missing"`
	Width    int      `json:"width"`
	Height   int      `json:"height"`
	TakenAt  *string  `json:"taken_at"`
	Relative *float64 `json:"relative"`
	ID       string   `json:"id"`
	Format   string   `json:"format"`
	Bytes    *int64   `json:"bytes"`
	Metadata
	// Twins are those of the files that are twins of a JPEG: its raw or HEIC files.
	Twins []string `json:"twins,omitempty"`
	// Terms are set if the contributions were asked for.
	Terms []Contribution `json:"terms,omitempty"`
	// Text are the lines of text in the picture that contain the query's words or the phrases of the filter.
	Text string `json:"text,omitempty"`
}

// NewHit converts a hit. listing means that there was no query, and so no score.
func NewHit(h query.Hit, rank int, listing bool) Hit {
	j := Hit{
		Rank: rank, Paths: NewPaths(h.Path, h.Also), Missing: h.Missing, Width: h.Width, Height: h.Height, TakenAt: OrNull(h.TakenAt),
		ID: h.ID.String(), Format: h.Format, Bytes: SizeOrNull(h.Bytes), Metadata: NewMetadata(h.Metadata), Twins: h.Twins, Text: h.Excerpt(),
	}
	if !listing {
		score, relative := Round(h.Score, 6), Round(h.Relative, 4)
		j.Score, j.Relative = &score, &relative
	}
	for _, c := range h.Contributions {
		j.Terms = append(j.Terms, Contribution{c.Term, c.Weight, Round(c.Cosine, 6), Round(c.Contribution, 6)})
	}
	return j
}

// Head is what a search's answer says besides its hits.
type Head struct {
	Schema    int     `json:"schema"`
	Line      int     `json:"line,omitempty"`
	Query     string  `json:"query"`
	Model     string  `json:"model"`
	Precision string  `json:"precision"`
	ElapsedMS float64 `json:"elapsed_ms"`
	Indexed   int     `json:"indexed"`
}

// Judgement says whether the hits fit the query. Both are null if the model or the query has no calibration.
type Judgement struct {
	Verdict   *string  `json:"verdict"`
	Threshold *float64 `json:"threshold"`
}

// NewHead converts what a response says besides its hits; title is the query.
func NewHead(r *query.Response, title string, elapsed time.Duration) Head {
	return Head{
		Schema: Schema, Query: title, Model: r.Model.Name, Precision: r.Model.Precision,
		ElapsedMS: Round(float64(elapsed)/float64(time.Millisecond), 3), Indexed: r.Searched,
	}
}

// NewJudgement converts a response's verdict.
func NewJudgement(r *query.Response) Judgement {
	j := Judgement{Verdict: OrNull(string(r.Verdict))}
	if r.Threshold != nil {
		threshold := Round(*r.Threshold, 6)
		j.Threshold = &threshold
	}
	return j
}
