// Package query answers requests from an index: what is asked for is data, and the answer is too. Every door asks the same engine: the
// command line, and whatever else there will be. It must not know flags, the terminal, codecs, or which store answers; a process-wide
// setting is nothing that it touches.
package query

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// Request asks for pictures.
type Request struct {
	// Terms are what the pictures look like; none: a listing.
	Terms  []Term
	Filter store.Filter
	// Order is ByScore where there are terms and ByDate where there are none, unless it is said. With terms, another order only arranges
	// the best Limit hits.
	Order store.Order
	Limit int
	// Offset leaves out the first hits. With terms, it goes with the order by score only: ErrOffset.
	Offset int
	// MinScore leaves out what scores less; nil: nothing.
	MinScore *float64
	Missing  Missing
	// Confident leaves out what scores less than the threshold of the model's calibration: ErrNoVerdict where it has none, or the terms are
	// not a single text.
	Confident bool
	// Explain asks what each term contributes to each hit.
	Explain bool
	// Model is an identity; "" is the index's default.
	Model string
	// Language is the language of the terms' texts, as Languages knows it; "" is unknown. Most models do without it.
	Language string
	// Among searches these files instead of the index's; nil: all of the index.
	Among *Among
	// OneShot says that this is the process's only request: memory is given back early.
	OneShot bool
}

// Missing says what becomes of pictures whose files are all gone.
type Missing int

// The ways.
const (
	MarkMissing   Missing = iota // they are hits, and marked
	DropMissing                  // they are left out, and others follow
	IgnoreMissing                // nobody looks
)

// Among are files that were listed: pictures that the index knows, and others.
type Among struct {
	// Pictures are the listed paths of pictures of the index.
	Pictures map[store.PictureID][]string
	// Others are pictures that the index does not know, or without a vector of the model.
	Others []Other
}

// Other is a picture that the index does not answer for. One without a Vector is in listings only.
type Other struct {
	Record store.Record // without Files
	Paths  []string
	Vector []float32
}

// Response is the answer to a Request.
type Response struct {
	// Model is that whose vectors were searched; the zero value in a listing of an index without one.
	Model store.Model
	Hits  []Hit
	// Searched is how many pictures were searched, or, in a listing, how many there are.
	Searched int
	// Gone is how many hits DropMissing left out.
	Gone int
	// Best is the best hit's score, on every page; -Inf where there is none.
	Best float64
	// Verdict says whether that is what was asked for; Threshold is the cosine from which on it is. Both have their zero value where
	// nobody can say: the terms are not a single text, or the model is not calibrated.
	Verdict   store.Verdict
	Threshold *float64
	// Calibration is the model's, nil where it has none.
	Calibration *store.Calibration
	Notices     []Notice
	// asked are the vectors of texts that were asked for the first time: Remember.
	asked map[string][]float32
}

// Notice is something worth telling that is not an error.
type Notice interface{ isNotice() }

// PartlyEmbedded says that the model that answers has the vectors of only some of the pictures.
type PartlyEmbedded struct {
	Model    store.Model
	Pictures int
}

// WantedModel says that another model is to answer, once it has all vectors.
type WantedModel struct {
	Model, Wanted store.Model
	Pictures      int
}

// NoLanguage says that the model's text tower expects the language of the texts, and that the request names none.
type NoLanguage struct{ Model string }

func (PartlyEmbedded) isNotice() {}
func (WantedModel) isNotice()    {}
func (NoLanguage) isNotice()     {}

// Hit is a picture that was found.
type Hit struct {
	// Picture and Metadata are the record's; a picture of Among.Others may be unknown to the index.
	store.Picture
	store.Metadata
	// Score is the cosine similarity, -1 to 1; Relative its place between the mean of all pictures that were searched, 0, and the best
	// one's, 1.
	Score, Relative float64
	// Path is the first of the picture's files by name that is there; if none is, the first. Also are the others.
	Path string
	Also []string
	// Bytes is the size of the file at Path, when it was last read; 0 where the index does not know it.
	Bytes int64
	// Twins are those of these files that stand behind their JPEG twin: the camera's raw file of the same exposure.
	Twins []string
	// Missing reports whether none of the files is there any more.
	Missing bool
	// Contributions are what the terms add to the score, with Request.Explain.
	Contributions []Contribution
}

var (
	// ErrNoModel is an index that no model has made vectors of, or not the one that was asked for.
	ErrNoModel = errors.New("the index has no vectors of this model")
	// ErrNoEncoder is a request that needs a model where there is none to load.
	ErrNoEncoder = errors.New("the query needs a model")
	// ErrOffset is an offset into hits that are not in the order of their scores: pages would not compose.
	ErrOffset = errors.New("an offset needs the order by score: another order only arranges the best hits, so it has no next page")
	// ErrLimit is a limit below 1 or an offset below 0.
	ErrLimit = errors.New("a limit is 1 or more, an offset 0 or more")
	// ErrNoVerdict is a confident request that nobody can judge.
	ErrNoVerdict = errors.New("the model is not calibrated")
	// ErrModels are requests for several models in one batch.
	ErrModels = errors.New("the requests of a batch are for one model")
	// ErrCancelOut are terms whose sum has no direction.
	ErrCancelOut = errors.New("the terms cancel each other out")
)

// Encoder makes vectors with a loaded model.
type Encoder interface {
	// Start begins to load what will be needed, and does not wait.
	Start(texts, pictures bool)
	// Texts returns the L2-normalised vectors of texts.
	Texts(ctx context.Context, texts []string) ([][]float32, error)
	// Picture returns the L2-normalised vector of a picture that a term gave.
	Picture(ctx context.Context, p Given) ([]float32, error)
}

// Given is a picture that the asker has, and its Encoder can read.
type Given interface {
	// ID identifies the picture, so that its vector may be found in the index.
	ID() (store.PictureID, error)
}

// Encoders returns the encoder of a model; ErrNoEncoder: there is none. It is called only when a request needs one.
type Encoders func(ctx context.Context, m store.Model) (Encoder, error)

// Calibrations returns what a model's scores mean, where its index does not say; nil: nobody has measured it.
type Calibrations func(m store.Model) *store.Calibration

// Languages returns what stands before a text in a language where a model's text tower expects that. It is "" where the language is
// unknown, and expected is false for a model that does without.
type Languages func(m store.Model, language string) (prefix string, expected bool)

// mostHits is more than an index has, and few enough that sums of it are numbers on every machine.
const mostHits = 1 << 28

// Engine answers requests. It may be used from any goroutine.
type Engine struct {
	store        store.Store
	encoders     Encoders
	calibrations Calibrations
	languages    Languages
}

// New returns an engine over a store. With nil encoders it answers what needs no model; with nil calibrations, only those count that the
// index has; with nil languages, no model expects one.
func New(s store.Store, encoders Encoders, calibrations Calibrations, languages Languages) *Engine {
	if encoders == nil {
		encoders = func(context.Context, store.Model) (Encoder, error) { return nil, ErrNoEncoder }
	}
	if calibrations == nil {
		calibrations = func(store.Model) *store.Calibration { return nil }
	}
	if languages == nil {
		languages = func(store.Model, string) (string, bool) { return "", false }
	}
	return &Engine{s, encoders, calibrations, languages}
}

// calibration is what a model's scores mean: what was measured over this index counts more than what the model came with.
func (e *Engine) calibration(m store.Model) *store.Calibration {
	if m.Calibration != nil {
		return m.Calibration
	}
	return e.calibrations(m)
}

// Search answers a request.
func (e *Engine) Search(ctx context.Context, r Request) (*Response, error) {
	all, err := e.SearchBatch(ctx, []Request{r})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// SearchBatch answers requests for one model. What they need of it is computed together.
func (e *Engine) SearchBatch(ctx context.Context, rs []Request) ([]*Response, error) {
	rs = slices.Clone(rs) // the asker's stay as they are
	for i, r := range rs {
		if r.Limit < 1 || r.Offset < 0 {
			return nil, fmt.Errorf("%w: limit %d, offset %d", ErrLimit, r.Limit, r.Offset)
		}
		rs[i].Limit, rs[i].Offset = min(r.Limit, mostHits), min(r.Offset, mostHits)
		if r.Model != rs[0].Model {
			return nil, ErrModels
		}
		if len(r.Terms) > 0 && r.Offset > 0 && r.Order != "" && r.Order != store.ByScore {
			return nil, ErrOffset
		}
	}
	answering, notices, err := e.model(ctx, rs)
	if err != nil {
		return nil, err
	}
	var calibration *store.Calibration
	if slices.ContainsFunc(rs, func(r Request) bool { return IsPlain(r.Terms) }) {
		calibration = e.calibration(answering)
	}
	if slices.ContainsFunc(rs, func(r Request) bool { return r.Confident && (calibration == nil || !IsPlain(r.Terms)) }) {
		return nil, ErrNoVerdict
	}
	asked, err := e.resolve(ctx, answering, rs)
	if err != nil {
		return nil, err
	}
	roots, err := e.roots(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*Response, len(rs))
	for i, r := range rs {
		a := &Response{Model: answering}
		look := &lookup{store: e.store, filter: r.filter(), among: r.Among, roots: roots}
		if len(r.Terms) == 0 {
			err = e.list(ctx, r, look, a)
		} else {
			a.Notices, a.asked, a.Calibration = notices, asked, calibration
			if e.lacksLanguage(answering, r) {
				a.Notices = append(slices.Clip(notices), NoLanguage{answering.Name})
			}
			err = e.rank(ctx, r, look, a)
		}
		if err != nil {
			return nil, err
		}
		out[i] = a
	}
	return out, nil
}

// model is the model that answers.
func (e *Engine) model(ctx context.Context, rs []Request) (m store.Model, notices []Notice, err error) {
	all, err := e.store.Models(ctx)
	if err != nil {
		return m, nil, err
	}
	if len(rs) == 0 {
		return m, nil, nil
	}
	identity := rs[0].Model
	scores := slices.ContainsFunc(rs, func(r Request) bool { return len(r.Terms) > 0 })
	var known bool
	if identity == "" {
		m, known = all.Of(store.Default)
	} else {
		m, known = all.ByIdentity(identity)
	}
	if !scores {
		return m, nil, nil
	}
	totals, err := e.store.Totals(ctx)
	if err != nil {
		return m, nil, err
	}
	if !known || m.Embedded == 0 && totals.Pictures > 0 {
		return m, nil, fmt.Errorf("search: %w", ErrNoModel)
	}
	if wanted, ok := all.Of(store.Wanted); ok && wanted.Identity != m.Identity {
		notices = append(notices, WantedModel{m, wanted, totals.Pictures})
	} else if m.Embedded < totals.Pictures {
		notices = append(notices, PartlyEmbedded{m, totals.Pictures})
	}
	return m, notices, nil
}

// Remember keeps the vectors of what was asked for the first time, so that it is answered without a model next time. It only saves
// time.
func (e *Engine) Remember(ctx context.Context, a *Response) error {
	if len(a.asked) == 0 {
		return nil
	}
	return e.store.RememberQueries(ctx, a.Model.Identity, a.asked)
}

// Asked reports whether an answer took a text that was not asked before.
func (a *Response) Asked() bool { return len(a.asked) > 0 }
