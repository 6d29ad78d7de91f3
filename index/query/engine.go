// Package query answers requests from an index; both requests and responses are data. Every interface, such as the command line,
// uses the same engine. The package must not know flags, the terminal, codecs or the kind of store, or change process-wide settings.
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
	// Terms describe what the pictures look like. Without terms, the request is a listing.
	Terms  []Term
	Filter store.Filter
	// Order defaults to ByScore with terms and to ByDate without. With terms, any other order only rearranges the best Limit hits.
	Order store.Order
	Limit int
	// Offset skips the first hits. With terms, it requires the order ByScore; otherwise the error is ErrOffset.
	Offset int
	// MinScore omits hits with lower scores; nil means no minimum.
	MinScore *float64
	Missing  Missing
	// Confident omits hits below the threshold of the model's calibration. If the model is not calibrated, or the terms are not
	// a single text, the error is ErrNoVerdict.
	Confident bool
	// NoTextRank ignores the text in pictures when a query of a single text ranks them. Otherwise, the pictures whose text contains its words are
	// ranked by that too (fuse).
	NoTextRank bool
	// Explain fills in the contribution of each term to each hit.
	Explain bool
	// Model is the identity of the model; "" is the index's default.
	Model string
	// Language is the language of the terms' texts, in the form that Languages takes; "" is unknown. Most models do not need it.
	Language string
	// Among searches these files instead of the whole index, if not nil.
	Among *Among
	// Exact means that all vectors are compared, even if the index has a faster way that may miss some (store.NearestQuery).
	Exact bool
	// OneShot means that this is the process's only request, so that memory can be released early.
	OneShot bool
}

// Missing says how to treat pictures whose files are all gone.
type Missing int

// The values of Missing.
const (
	MarkMissing   Missing = iota // return them, marked as missing
	DropMissing                  // omit them and return other hits instead
	IgnoreMissing                // do not check
)

// Among is a list of files: pictures that are in the index, and others.
type Among struct {
	// Pictures are the listed paths of pictures that are in the index.
	Pictures map[store.PictureID][]string
	// Others are pictures that are not in the index, or that have no vector of the model.
	Others []Other
}

// Other is a listed picture that cannot be searched in the index. Without a Vector, it appears only in listings.
type Other struct {
	Record store.Record // without Files
	Paths  []string
	Vector []float32
}

// Response is the answer to a Request.
type Response struct {
	// Model is the model whose vectors were searched; the zero value in a listing of an index without a model.
	Model store.Model
	Hits  []Hit
	// Searched is the number of pictures searched, or the total number in a listing.
	Searched int
	// Gone is the number of hits that DropMissing omitted.
	Gone int
	// Best is the best hit's score, regardless of the page; -Inf if there is none.
	Best float64
	// Verdict says whether the best hit matches the query; Threshold is the cosine from which hits match.
	// Both are zero if the terms are not a single text, or the model is not calibrated.
	Verdict   store.Verdict
	Threshold *float64
	// Calibration is the model's calibration, or nil.
	Calibration *store.Calibration
	Notices     []Notice
	// asked are the vectors of texts that were asked for the first time; Remember stores them.
	asked map[string][]float32
}

// Notice is information for the user that is not an error.
type Notice interface{ isNotice() }

// PartlyEmbedded means that the model used has vectors of only some of the pictures.
type PartlyEmbedded struct {
	Model    store.Model
	Pictures int
}

// WantedModel means that another model will become the default once it has all vectors.
type WantedModel struct {
	Model, Wanted store.Model
	Pictures      int
}

// PartlyRead means that the text in only some of the pictures has been read, so that a filter for text may miss others. Off means that the index reads
// no texts.
type PartlyRead struct {
	Read, Pictures int
	Off            bool
}

func (PartlyRead) isNotice() {}

// NoLanguage means that the model's text tower expects the language of the texts, but the request does not specify one.
type NoLanguage struct{ Model string }

func (NoLanguage) isNotice()     {}
func (PartlyEmbedded) isNotice() {}
func (WantedModel) isNotice()    {}

// VectorFileDamaged means that the copy of a model's vectors for fast searches was damaged, and that the index itself has answered.
type VectorFileDamaged struct{ Model string }

func (VectorFileDamaged) isNotice() {}

// VectorsDamaged means that vectors in the index are damaged. Their pictures may be missing from the answer.
type VectorsDamaged struct{ Model string }

func (VectorsDamaged) isNotice() {}

// Hit is a picture that was found.
type Hit struct {
	// Picture and Metadata are from the record. A picture of Among.Others may not be in the index.
	store.Picture
	store.Metadata
	// Score is the cosine similarity, -1 to 1; Relative is the score on a scale from 0, the mean of all pictures searched, to 1, the best score.
	Score, Relative float64
	// Path is the path of the first of the picture's files that exists, or of the first file if none exists. Also are the other paths.
	Path string
	Also []string
	// Bytes is the size of the file at Path when it was last read, or 0 if it is unknown.
	Bytes int64
	// Twins are those of these files that are twins of a JPEG: raw or HEIC files of the same exposure.
	Twins []string
	// Missing reports whether all files are gone.
	Missing bool
	// Text are the lines of text in the picture that contain the query's words or the filter's phrases, in the order of those.
	Text []store.TextLine
	// Contributions are the parts of the score from each term, if Request.Explain is set.
	Contributions []Contribution
}

var (
	// ErrNoModel means that the index has no vectors of the requested model, or of any model.
	ErrNoModel = errors.New("the index has no vectors of this model")
	// ErrNoEncoder means that a request needs a model, but none can be loaded.
	ErrNoEncoder = errors.New("the query needs a model")
	// ErrOffset means that a request with terms has an offset and an order other than ByScore, so that its pages would not add up.
	ErrOffset = errors.New("an offset requires sorting by score: other orders only rearrange the best hits, so there is no next page")
	// ErrLimit means that the limit is below 1 or the offset below 0.
	ErrLimit = errors.New("the limit must be at least 1, and the offset at least 0")
	// ErrNoVerdict means that a request has Confident set, but its hits cannot be judged.
	ErrNoVerdict = errors.New("the model is not calibrated")
	// ErrModels means that a batch has requests for different models.
	ErrModels = errors.New("all requests of a batch must be for the same model")
	// ErrCancelOut means that the sum of the terms has no direction.
	ErrCancelOut = errors.New("the terms cancel each other out")
)

// Encoder computes vectors with a model.
type Encoder interface {
	// Start starts loading the parts of the model that will be needed, and does not wait.
	Start(texts, pictures bool)
	// Texts returns the L2-normalised vectors of texts.
	Texts(ctx context.Context, texts []string) ([][]float32, error)
	// Picture returns the L2-normalised vector of a term's picture.
	Picture(ctx context.Context, p Given) ([]float32, error)
}

// Given is a picture supplied by the caller, which its Encoder can read.
type Given interface {
	// ID returns the id of the picture, by which its vector may be found in the index.
	ID() (store.PictureID, error)
}

// Encoders returns the encoder of a model; if there is none, the error is ErrNoEncoder. It is called only when a request needs an encoder.
type Encoders func(ctx context.Context, m store.Model) (Encoder, error)

// Calibrations returns the calibration of a model for which the index has none; nil if there is none.
type Calibrations func(m store.Model) *store.Calibration

// Languages returns the prefix that a model's text tower expects before a text in a language; it is "" if the language is unknown.
// expected is false if the model does not need a language.
type Languages func(m store.Model, language string) (prefix string, expected bool)

// Epochs returns a mark that changes when the vectors of texts that a model has computed on this machine are doubted; "" if they never were.
// Vectors remembered in another epoch are not used.
type Epochs func(m store.Model) string

// mostHits is more than the pictures of any index, but small enough that sums of it do not overflow on 32-bit machines.
const mostHits = 1 << 28

// Engine answers requests. It may be used from any goroutine.
type Engine struct {
	store        store.Store
	encoders     Encoders
	calibrations Calibrations
	languages    Languages
	epochs       Epochs
}

// New returns an engine for a store. If encoders is nil, it answers only requests that do not need a model;
// if calibrations is nil, it uses only the calibrations in the index; if languages is nil, it adds no language to texts;
// if epochs is nil, all remembered texts are trusted.
func New(s store.Store, encoders Encoders, calibrations Calibrations, languages Languages, epochs Epochs) *Engine {
	if encoders == nil {
		encoders = func(context.Context, store.Model) (Encoder, error) { return nil, ErrNoEncoder }
	}
	if calibrations == nil {
		calibrations = func(store.Model) *store.Calibration { return nil }
	}
	if languages == nil {
		languages = func(store.Model, string) (string, bool) { return "", false }
	}
	if epochs == nil {
		epochs = func(store.Model) string { return "" }
	}
	return &Engine{s, encoders, calibrations, languages, epochs}
}

// calibration returns the calibration of a model: the one measured on this index if there is one, or else the one from e.calibrations.
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

// SearchBatch answers requests for the same model. It computes their vectors together.
func (e *Engine) SearchBatch(ctx context.Context, rs []Request) ([]*Response, error) {
	rs = slices.Clone(rs) // do not change the caller's requests
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
		if err := e.noteUnread(ctx, r, a); err != nil {
			return nil, err
		}
		out[i] = a
	}
	return out, nil
}

// model returns the model to use.
func (e *Engine) model(ctx context.Context, rs []Request) (m store.Model, notices []Notice, err error) {
	if len(rs) == 0 {
		return m, nil, nil
	}
	scores := slices.ContainsFunc(rs, func(r Request) bool { return len(r.Terms) > 0 })
	var totals store.Totals
	if scores { // before the models, so that a first commit between the two does not look like pictures without vectors
		if totals, err = e.store.Totals(ctx); err != nil {
			return m, nil, err
		}
	}
	all, err := e.store.Models(ctx)
	if err != nil {
		return m, nil, err
	}
	identity := rs[0].Model
	var known bool
	if identity == "" {
		m, known = all.Of(store.Default)
	} else {
		m, known = all.ByIdentity(identity)
	}
	if !scores {
		return m, nil, nil
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

// Remember stores the vectors of the texts in answers that were asked for the first time, so that asking them again needs no model.
func (e *Engine) Remember(ctx context.Context, answers ...*Response) error {
	byModel := make(map[string]map[string][]float32)
	for _, a := range answers {
		if len(a.asked) == 0 {
			continue
		}
		vectors := byModel[a.Model.Identity]
		if vectors == nil {
			vectors = make(map[string][]float32, len(a.asked))
			byModel[a.Model.Identity] = vectors
		}
		epoch := e.epochs(a.Model)
		for text, vector := range a.asked {
			vectors[text+epoch] = vector
		}
	}
	for model, vectors := range byModel {
		if err := e.store.RememberQueries(ctx, model, vectors); err != nil {
			return err
		}
	}
	return nil
}

// Asked reports whether the request contained a text that was not asked before.
func (a *Response) Asked() bool { return len(a.asked) > 0 }
