package store

import (
	"context"
	"time"
)

// Searcher answers from vectors and records.
type Searcher interface {
	// Prepare does ahead what searches of a model's vectors under a filter will need. It only saves time.
	Prepare(ctx context.Context, model string, f Filter) error
	// Nearest returns the pictures nearest to a query.
	Nearest(ctx context.Context, q NearestQuery) (Nearest, error)
	// List returns the pictures that a filter selects.
	List(ctx context.Context, q ListQuery) ([]PictureID, error)
	// Count returns how many pictures a filter selects.
	Count(ctx context.Context, f Filter) (int, error)
	// Facets counts the pictures that a filter selects by the values of a facet, sorted by SortFacets.
	Facets(ctx context.Context, f Filter, by Facet) ([]FacetCount, error)
	// Hits returns what pictures are, in the order of ids, each with those of its files that the filter asks for, by root and path.
	// Pictures without such a file are left out.
	Hits(ctx context.Context, ids []PictureID, f Filter) ([]Record, error)
	// Vectors returns a model's vectors of pictures, at their first moments, as far as there are any.
	Vectors(ctx context.Context, model string, ids []PictureID) (map[PictureID][]float32, error)
	// EachVector calls each with a model's vectors of the pictures that a filter selects, in the order in which they were made.
	EachVector(ctx context.Context, model string, f Filter, each func(Vector) error) error
	// Copied returns the pictures that more than one file holds, twins left out, among those that a filter selects.
	Copied(ctx context.Context, f Filter) ([]PictureID, error)
	// Queries returns the vectors of texts that were asked before.
	Queries(ctx context.Context, model string, texts []string) (map[string][]float32, error)
	// RememberQueries keeps the vectors of texts; the oldest ones give way. It only saves time: it waits for nobody, and an index
	// that cannot be written stays as it is.
	RememberQueries(ctx context.Context, model string, vectors map[string][]float32) error
}

// Moment is a point of a picture that has a vector. A still picture has one, with Number 0 and no time; those of a film are
// numbered in order.
type Moment struct {
	Number int
	Time   *time.Duration // from the film's beginning
}

// Vector is a vector of a picture.
type Vector struct {
	Picture PictureID
	Moment
	// Data holds half-precision numbers, little-endian, L2-normalised: internal/vec. A receiver that keeps it copies it.
	Data []byte
}

// NearestQuery asks for the pictures whose vectors have the largest inner products with a query.
type NearestQuery struct {
	Model string
	// Vector is L2-normalised, of the model's dimension.
	Vector []float32
	Filter Filter
	// Limit is how many pictures are wanted; those that tie with the last one come too.
	Limit int
	// OneShot says that this is the process's only query: memory is given back early.
	OneShot bool
}

// Nearest is the answer to a NearestQuery.
type Nearest struct {
	// Hits are pictures with a file, the best first, each with its best moment.
	Hits []Scored
	// Searched is how many pictures were searched, Mean the mean of their scores.
	Searched int
	Mean     float64
}

// Scored is a picture with the cosine similarity of its best moment.
type Scored struct {
	Picture PictureID
	Moment  int
	Score   float64
}

// Order is the order of a list.
type Order string

// The orders.
const (
	ByScore Order = "score"
	ByDate  Order = "date" // the newest first, pictures without a date last
	ByPath  Order = "path" // of the file by which a picture is shown
)

// ListQuery asks for the pictures that a filter selects, by date or path.
type ListQuery struct {
	Filter        Filter
	Order         Order
	Offset, Limit int
}

// What not every store can do.
type (
	// Checker examines itself.
	Checker interface {
		// Integrity checks all of the index; a sound one has no findings.
		Integrity(ctx context.Context) ([]string, error)
		// Schema is the version of the index's layout.
		Schema(ctx context.Context) (int, error)
	}
	// Backuper copies itself.
	Backuper interface {
		// Backup writes a copy of the index, as it is at one moment, to a file: whole or not at all. An older copy is replaced;
		// ErrNotReplaced, ErrItself.
		Backup(ctx context.Context, path string) error
	}
	// Repairer repairs itself. The caller holds the lock.
	Repairer interface {
		// DropUnfit deletes what cannot be used, such as vectors of another length than their model's, and returns how many rows
		// went.
		DropUnfit(ctx context.Context) (int64, error)
		// RebuildSearch makes anew what quick searches use.
		RebuildSearch(ctx context.Context) error
	}
	// Sized knows what it takes on the disk.
	Sized interface{ Bytes() int64 }
)
