package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"
)

// Searcher searches vectors and records.
type Searcher interface {
	// Prepare loads what searches of a model's vectors with a filter will need. It is only an optimisation.
	Prepare(ctx context.Context, model string, f Filter) error
	// Nearest returns the pictures nearest to a query.
	Nearest(ctx context.Context, q NearestQuery) (Nearest, error)
	// List returns the pictures that match a filter.
	List(ctx context.Context, q ListQuery) ([]PictureID, error)
	// Shapes returns the shapes of the pictures that match a filter, in the order in which List lists them by date.
	Shapes(ctx context.Context, f Filter) (Shapes, error)
	// Count returns the number of pictures that match a filter.
	Count(ctx context.Context, f Filter) (int, error)
	// Facets counts the pictures that match a filter by the values of a facet, sorted by SortFacets.
	Facets(ctx context.Context, f Filter, by Facet) ([]FacetCount, error)
	// MatchTexts returns the pictures that match a filter and whose text contains all words, best first (MatchWords). The words must be folded and
	// squeezed, as TextWords returns them.
	MatchTexts(ctx context.Context, f Filter, words []string) ([]TextMatch, error)
	// Hits returns the records of pictures, in the order of ids, each with those of its files that meet the filter's file rules,
	// sorted by root and path. Pictures without such a file are omitted.
	Hits(ctx context.Context, ids []PictureID, f Filter) ([]Record, error)
	// Vectors returns a model's vectors for the first moments of pictures. Pictures without a vector are omitted.
	Vectors(ctx context.Context, model string, ids []PictureID) (map[PictureID][]float32, error)
	// Moments returns a model's vectors of pictures, for all their moments in order. Pictures without a vector are omitted.
	Moments(ctx context.Context, model string, ids []PictureID) (map[PictureID][]Vector, error)
	// EachVector calls each with a model's vectors of the pictures that match a filter, in the order in which they were added.
	EachVector(ctx context.Context, model string, f Filter, each func(Vector) error) error
	// Copied returns the pictures that match a filter and are stored in more than one file, not counting twins.
	Copied(ctx context.Context, f Filter) ([]PictureID, error)
	// Queries returns the stored vectors of texts.
	Queries(ctx context.Context, model string, texts []string) (map[string][]float32, error)
	// RememberQueries stores the vectors of texts and drops the oldest ones if there are too many. It is only an optimisation:
	// it does not wait for other writers, and if the index cannot be written, it stores nothing.
	RememberQueries(ctx context.Context, model string, vectors map[string][]float32) error
}

// Moment is a point in a picture that has a vector. A still picture has one moment, with Number 0 and no time;
// the moments of a film are numbered in order.
type Moment struct {
	Number int
	Time   *time.Duration // from the start of the film
}

// Vector is a vector of a picture.
type Vector struct {
	Picture PictureID
	Moment
	// Data holds half-precision numbers, little-endian, L2-normalised: internal/vec. A receiver that keeps it must copy it.
	Data []byte
}

// NearestQuery asks for the pictures whose vectors have the largest inner products with a query.
type NearestQuery struct {
	Model string
	// Vector is L2-normalised, of the model's dimension.
	Vector []float32
	Filter Filter
	// Limit is the number of pictures to return; pictures that tie with the last one are returned too.
	Limit int
	// Also are pictures whose scores and ranks are returned even if they are not among the nearest.
	Also []PictureID
	// Exact means that all vectors that match are compared, even if the store has a faster way that may miss some.
	Exact bool
	// OneShot means that this is the process's only query, so that memory can be released early.
	OneShot bool
}

// Nearest is the answer to a NearestQuery.
type Nearest struct {
	// Hits are pictures with a file, best first, each with its best moment.
	Hits []Scored
	// Also are those of NearestQuery.Also that match the filter and have a file and a vector, by picture.
	Also map[PictureID]Ranked
	// Searched is the number of pictures searched, Mean the mean of their scores.
	Searched int
	Mean     float64
	// Damaged reports that a copy of the vectors for fast searches was damaged and has been dropped. The answer is correct.
	Damaged bool
	// IndexDamaged reports that vectors in the index itself are damaged: the pictures that they belong to were not searched, or the copy has answered for
	// them.
	IndexDamaged bool
}

// Scored is a picture with the cosine similarity of its best moment.
type Scored struct {
	Picture PictureID
	Moment  int
	Score   float64
}

// SortScored sorts hits as a store returns them: best first, and by picture if scores are equal.
func SortScored(hits []Scored) {
	slices.SortFunc(hits, func(a, b Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), bytes.Compare(a.Picture[:], b.Picture[:]))
	})
}

// Ranked is a picture with its score and its rank among all pictures searched: 1 for the nearest.
type Ranked struct {
	Scored
	Rank int
}

// Order is the order of a list.
type Order string

// The orders.
const (
	ByScore Order = "score"
	ByDate  Order = "date" // newest first, pictures without a date last
	ByPath  Order = "path" // of the file that represents a picture
)

// ListQuery asks for the pictures that match a filter, by date or path.
type ListQuery struct {
	Filter        Filter
	Order         Order
	Offset, Limit int
}

// VectorDamage is what Checker.CheckVectors finds.
type VectorDamage struct {
	// Vectors is the number of damaged vectors in the index.
	Vectors int
	// Copies are the models whose copy for fast searches is damaged.
	Copies []Model
}

// Optional interfaces of stores.
type (
	// Shared is an index that several machines use. Each sees some of the roots, at paths of its own.
	Shared interface {
		// Host returns the name of this machine.
		Host() string
		// Mounts returns the paths of the roots on all machines.
		Mounts(ctx context.Context) ([]Mount, error)
		// Mount records the path of a root on this machine.
		Mount(ctx context.Context, root RootID, path string) error
		// LockHost keeps other processes of this machine from indexing, and everybody from locking the whole index. Whoever indexes then locks the
		// roots too: several machines can index different roots at once.
		LockHost(ctx context.Context) (Lock, error)
		// NameRoot gives a root a name, in place of an earlier one. ErrNameTaken: another root has it.
		NameRoot(ctx context.Context, root RootID, name string) error
	}
	// Checker can check the index.
	Checker interface {
		// Integrity checks the whole index. A healthy index has no findings.
		Integrity(ctx context.Context) ([]string, error)
		// Schema returns the schema version of the index.
		Schema(ctx context.Context) (int, error)
		// CheckVectors examines all vectors in the index, and the copies for fast searches.
		CheckVectors(ctx context.Context) (VectorDamage, error)
	}
	// Backuper can copy the index.
	Backuper interface {
		// Backup writes a consistent copy of the index to a file, completely or not at all. It replaces an older copy.
		// If path is any other file, it returns ErrNotReplaced; if it is the index, ErrItself.
		Backup(ctx context.Context, path string) error
	}
	// Repairer can repair the index. The caller holds the lock.
	Repairer interface {
		// DropUnfit deletes unusable data, such as damaged vectors, and returns the number of rows deleted.
		DropUnfit(ctx context.Context) (int64, error)
		// RebuildSearch rebuilds the data that speeds up searches.
		RebuildSearch(ctx context.Context) error
	}
	// Sized reports the size of the index on disk.
	Sized interface{ Bytes() int64 }
)
