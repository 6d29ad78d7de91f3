package store

import "slices"

// LabelRequest asks which pictures deserve which labels.
type LabelRequest struct {
	// Model is the identity of the model whose vectors are compared.
	Model string
	// Language is the words' language, as the caller names it.
	Language string
	// Labels are words with their L2-normalised vectors, each word once.
	Labels []LabelVector
	// Least is the cosine from which a picture gets a label.
	Least float64
}

// LabelVector is a word with its vector.
type LabelVector struct {
	Name   string
	Vector []float32
}

// Label is a label of a picture, with the cosine between the two.
type Label struct {
	Name  string
	Score float64
}

// LabelState says how far the index is labelled.
type LabelState struct {
	// Model is the identity of the model whose vectors were compared; "" if there are no labels.
	Model string
	// Language is that of the request.
	Language string
	// Labels is the number of labels, Least the cosine from which a picture got one.
	Labels int
	Least  float64
	// Compared is the number of pictures with a file that were compared, Labelled the number of those that have a label.
	Compared, Labelled int
}

// LabelThreshold returns the cosine from which a picture deserves a label: that from which the best of 1,000 pictures matches a query. Of the labels that
// the built-in model gives 1,000 photos with captions at it, 77 % are named in a caption, and these are 26 % of those that captions name
// (docs/benchmarks.md#labels).
func (c *Calibration) LabelThreshold() float64 { return c.Base }

// hasLabel reports whether a picture has a label that a glob matches.
func (r *Record) hasLabel(glob string) bool {
	return slices.ContainsFunc(r.Labels, func(l Label) bool { return MatchLabel(FoldText(glob), l.Name) })
}
