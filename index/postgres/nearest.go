package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// exactPictures is the number of matching pictures up to which their vectors are all compared, one by one: 0.2 s of one core of the server
// (docs/benchmarks.md#postgresql). It is never left to the planner, which expects an approximate index to find enough
// pictures that match a filter.
const exactPictures = 50_000

// exactVectors is the number of a model's vectors up to which there are no approximate indexes: all of them are read in order, which takes 0.6 us each.
const exactVectors = 200_000

// Nearest finds the pictures nearest to a query: among all that match, or, if they are many and the query does not ask for more, with the approximate
// indexes.
func (s *Store) Nearest(ctx context.Context, q store.NearestQuery) (n store.Nearest, err error) {
	m, err := modelOf(ctx, s.db, q.Model)
	if err != nil || m.id == 0 || m.vectors == 0 {
		return n, err
	}
	if len(q.Vector) != int(m.dim) {
		return n, fmt.Errorf("search: the query has %d dimensions, but the index has %d", len(q.Vector), m.dim)
	}
	search := search{Store: s, q: q, m: m, mayApproximate: !q.Exact && m.vectors > s.indexFrom}
	if search.mayApproximate {
		if search.mayApproximate, err = s.hasIndexes(ctx, m.id); err != nil {
			return n, err
		}
	}
	if q.Filter.IsAll() {
		return search.all(ctx)
	}
	return search.filtered(ctx)
}

// search is one search.
type search struct {
	*Store

	q              store.NearestQuery
	m              modelRow
	mayApproximate bool
}

// score is the expression for the cosine of a vector (e) with the query, whose parameter is given. The conversion to single precision costs a fifth.
func score(vector string) string { return "-(e.v::vector <#> " + vector + "::float4[]::vector)" }

// all searches the vectors of all pictures.
func (s *search) all(ctx context.Context) (n store.Nearest, err error) {
	n.Searched, n.Mean = int(s.m.embedded), s.mean()
	if s.mayApproximate {
		if n.Hits, err = s.approximate(ctx, &query{}, ""); err != nil {
			return n, err
		}
		n.Also, err = s.sampledRanks(ctx, n.Searched)
		return n, err
	}
	for want := s.q.Limit; s.q.Limit > 0; want *= 2 {
		q := &query{}
		vector := q.arg(s.q.Vector)
		rows, err := s.scored(ctx, q, "SELECT e.picture_id, e.moment, "+score(vector)+" AS score FROM vectors e WHERE e.model_id = "+q.arg(s.m.id)+" ORDER BY score DESC FETCH FIRST "+strconv.Itoa(want)+" ROWS WITH TIES")
		if err != nil {
			return n, err
		}
		n.Hits = first(rows.hits(), s.q.Limit)
		// Some of the best vectors were of pictures without a file, or further moments of the same picture.
		if len(n.Hits) >= s.q.Limit || len(rows) < want {
			break
		}
	}
	n.Also, err = s.exactRanks(ctx, "SELECT e.picture_id, e.moment, {score} AS score FROM vectors e JOIN pictures p ON p.id = e.picture_id WHERE e.model_id = {model} AND p.orphaned_at IS NULL", &query{})
	return n, err
}

// mean returns the mean score of all vectors.
func (s *search) mean() float64 {
	if len(s.m.sum) != len(s.q.Vector) {
		return 0
	}
	total := 0.0
	for i, x := range s.q.Vector {
		total += float64(x) * s.m.sum[i]
	}
	return total / float64(s.m.vectors)
}

// fewShare is the share of all vectors up to which looking up the vectors of matching pictures, at 4 us each, is faster than reading all in order.
const fewShare = 8

// filtered searches the pictures that match the filter. Few matches are looked up one by one; the vectors of many are all read, or found with the
// approximate indexes.
func (s *search) filtered(ctx context.Context) (n store.Nearest, err error) {
	few := min(s.exactUpTo, s.m.vectors/fewShare)
	n, matches, err := s.exactly(ctx, few)
	if err != nil || matches <= few {
		return n, err
	}
	if s.mayApproximate {
		return s.filteredMany(ctx)
	}
	n, _, err = s.exactly(ctx, 0)
	return n, err
}

// exactly searches the pictures that match the filter exactly, if they are at most few; 0: however many. It returns how many match, counted up to one more
// than few.
func (s *search) exactly(ctx context.Context, few int64) (n store.Nearest, matches int64, err error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", s.q.Filter)
	if err != nil {
		return n, 0, err
	}
	args := q.args
	vector, model := q.arg(s.q.Vector), q.arg(s.m.id)
	with := "WITH matches AS MATERIALIZED (SELECT p.id FROM pictures p WHERE " + where + "), "
	scored := "SELECT e.picture_id, e.moment, " + score(vector) + " AS score FROM matches m JOIN vectors e ON e.picture_id = m.id WHERE e.model_id = " + model
	if few > 0 {
		with = "WITH matches AS MATERIALIZED (SELECT p.id FROM pictures p WHERE " + where + " LIMIT " + strconv.FormatInt(few+1, 10) + "), "
		// OFFSET 0 keeps the planner from making this a join that reads all vectors. In order of their ids, neighbours are on the same pages.
		scored = "SELECT e.picture_id, e.moment, e.score FROM (SELECT id FROM matches ORDER BY id) m CROSS JOIN LATERAL (SELECT e.picture_id, e.moment, " + score(vector) +
			" AS score FROM vectors e WHERE e.model_id = " + model + " AND e.picture_id = m.id OFFSET 0) e WHERE (SELECT count(*) FROM matches) <= " + strconv.FormatInt(few, 10)
	}
	// The limit is for vectors: if some were further moments of the same picture, there are too few hits, and more are asked for.
	for want := max(s.q.Limit, 1); ; want *= 2 {
		statement := with + "scored AS MATERIALIZED (" + scored + "), best AS (SELECT picture_id, moment, score FROM scored ORDER BY score DESC FETCH FIRST " + strconv.Itoa(want) + ` ROWS WITH TIES)
			SELECT (SELECT count(*) FROM matches), (SELECT count(DISTINCT picture_id) FROM scored), coalesce((SELECT avg(score) FROM scored), 0), p.sha256, b.moment, b.score
			FROM (SELECT 1) one LEFT JOIN best b ON true LEFT JOIN pictures p ON p.id = b.picture_id`
		var list scoredRows
		if err := each(ctx, s.db, statement, func(scan scanFunc) error {
			var sha []byte
			var moment *int
			var score *float64
			if err := scan(&matches, &n.Searched, &n.Mean, &sha, &moment, &score); err != nil || sha == nil {
				return err
			}
			id, err := column.PictureID(sha)
			list = append(list, scoredRow{store.Scored{Picture: id, Moment: *moment, Score: *score}, true})
			return err
		}, q.args...); err != nil {
			return n, 0, err
		}
		n.Hits = first(list.hits(), s.q.Limit)
		if few > 0 && matches > few || len(n.Hits) >= s.q.Limit || len(list) < want {
			break
		}
	}
	if few > 0 && matches > few {
		return n, matches, nil
	}
	n.Also, err = s.exactRanks(ctx, "SELECT e.picture_id, e.moment, {score} AS score FROM pictures p JOIN vectors e ON e.picture_id = p.id WHERE e.model_id = {model} AND "+where, &query{args: slices.Clone(args)})
	return n, matches, err
}

// filteredMany searches with the approximate indexes.
func (s *search) filteredMany(ctx context.Context) (n store.Nearest, err error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", s.q.Filter)
	if err != nil {
		return n, err
	}
	// A scalar subquery cannot become a join, so the index stays the way to the vectors.
	n.Hits, err = s.approximate(ctx, q, " AND (SELECT "+where+" FROM pictures p WHERE p.id = e.picture_id)")
	if err != nil {
		return n, err
	}
	if len(n.Hits) < s.q.Limit {
		n, _, err = s.exactly(ctx, 0) // the index did not find enough pictures that match
		return n, err
	}
	n.Mean = s.mean()
	if n.Searched, err = s.Count(ctx, s.q.Filter); err != nil {
		return n, err
	}
	n.Also, err = s.sampledRanks(ctx, n.Searched)
	return n, err
}

// scoredRow is a vector with its score; hasFile is false if its picture has no file.
type scoredRow struct {
	store.Scored

	hasFile bool
}

type scoredRows []scoredRow

// scored runs a statement that selects picture_id, moment and score.
func (s *search) scored(ctx context.Context, q *query, statement string) (scoredRows, error) {
	return collect(ctx, s.db, "SELECT p.sha256, b.moment, b.score, p.orphaned_at IS NULL FROM ("+statement+") b JOIN pictures p ON p.id = b.picture_id", scanScored, q.args...)
}

func scanScored(scan scanFunc) (r scoredRow, err error) {
	var sha []byte
	if err := scan(&sha, &r.Moment, &r.Score, &r.hasFile); err != nil {
		return r, err
	}
	r.Picture, err = column.PictureID(sha)
	return r, err
}

// hits returns the pictures with a file, each with its best moment, sorted by descending score.
func (l scoredRows) hits() []store.Scored {
	best := make(map[store.PictureID]store.Scored, len(l))
	for _, r := range l {
		if known, ok := best[r.Picture]; r.hasFile && (!ok || r.Score > known.Score) {
			best[r.Picture] = r.Scored
		}
	}
	hits := make([]store.Scored, 0, len(best))
	for _, h := range best {
		hits = append(hits, h)
	}
	store.SortScored(hits)
	return hits
}

// approximate asks the approximate indexes for candidates and sorts them by their exact scores. condition is one more on vectors e.
func (s *search) approximate(ctx context.Context, q *query, condition string) ([]store.Scored, error) {
	if s.q.Limit < 1 {
		return nil, nil
	}
	vector, dim := q.arg(s.q.Vector), strconv.Itoa(int(s.m.dim))
	want := candidates(s.q.Limit)
	statement := "SELECT p.sha256, b.moment, b.score, p.orphaned_at IS NULL FROM (SELECT e.picture_id, e.moment, " + score(vector) + " AS score FROM vectors e WHERE e.model_id = " + q.arg(s.m.id) + condition +
		" ORDER BY e.v::halfvec(" + dim + ") <#> " + vector + "::float4[]::halfvec(" + dim + ") LIMIT " + strconv.Itoa(want) + ") b JOIN pictures p ON p.id = b.picture_id"
	var rows scoredRows
	err := pgx.BeginTxFunc(ctx, s.db, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT set_config('hnsw.ef_search', $1, true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)",
			strconv.Itoa(min(max(want, leastEffort), mostEffort))); err != nil {
			return err
		}
		var err error
		rows, err = collect(ctx, tx, statement, scanScored, q.args...)
		return err
	})
	return first(rows.hits(), s.q.Limit), explain(err)
}

// first returns the first hits, and those that tie with the last of them.
func first(hits []store.Scored, limit int) []store.Scored {
	for limit < len(hits) && limit > 0 && hits[limit].Score == hits[limit-1].Score {
		limit++
	}
	return hits[:min(limit, len(hits))]
}

// candidates returns how many vectors are read for a number of hits. It grows in steps, so that pages of one ranking see the same candidates.
func candidates(limit int) int {
	n := 64
	for n < 2*limit {
		n *= 4
	}
	return n
}

// exactRanks returns the scores and ranks of the pictures in NearestQuery.Also among those that from selects: {score} and {model} stand for the
// expression of the score and the model's row id.
func (s *search) exactRanks(ctx context.Context, from string, q *query) (map[store.PictureID]store.Ranked, error) {
	if len(s.q.Also) == 0 {
		return nil, nil //nolint:nilnil // an empty map
	}
	from = strings.NewReplacer("{score}", score(q.arg(s.q.Vector)), "{model}", q.arg(s.m.id)).Replace(from)
	args := len(q.args)
	list, err := collect(ctx, s.db, "SELECT p.sha256, b.moment, b.score, true FROM ("+from+" AND p.sha256 = ANY("+q.arg(ids(s.q.Also))+")) b JOIN pictures p ON p.id = b.picture_id", scanScored, q.args...)
	if err != nil {
		return nil, err
	}
	hits := scoredRows(list).hits()
	counts, err := s.above(ctx, hits, "SELECT max(score) AS score FROM ("+from+") e GROUP BY picture_id", &query{args: q.args[:args]})
	if err != nil {
		return nil, err
	}
	return ranked(hits, counts, 1), nil
}

// sampledRows is the number of vectors from which ranks are estimated if not all vectors are compared.
const sampledRows = 10_000

// sampledRanks returns the scores of the pictures in NearestQuery.Also that match the filter, and their ranks among as many pictures as were searched,
// estimated from a sample of all vectors.
func (s *search) sampledRanks(ctx context.Context, searched int) (map[store.PictureID]store.Ranked, error) {
	if len(s.q.Also) == 0 {
		return nil, nil //nolint:nilnil // an empty map
	}
	q := &query{}
	where, err := s.selection(ctx, q, "p", s.q.Filter)
	if err != nil {
		return nil, err
	}
	rows, err := collect(ctx, s.db, "SELECT p.sha256, e.moment, "+score(q.arg(s.q.Vector))+", true FROM pictures p JOIN vectors e ON e.picture_id = p.id WHERE e.model_id = "+q.arg(s.m.id)+
		" AND p.sha256 = ANY("+q.arg(ids(s.q.Also))+") AND "+where, scanScored, q.args...)
	if err != nil {
		return nil, err
	}
	hits := scoredRows(rows).hits()
	q = &query{}
	share := min(float64(sampledRows)/float64(s.m.vectors), 1)
	counts, err := s.above(ctx, hits, "SELECT "+score(q.arg(s.q.Vector))+" AS score FROM vectors e TABLESAMPLE SYSTEM ("+strconv.FormatFloat(100*share, 'g', -1, 64)+") REPEATABLE (0) WHERE e.model_id = "+q.arg(s.m.id), q)
	return ranked(hits, counts, float64(searched)/float64(s.m.vectors)/share), err
}

// above returns, for hits sorted by descending score, how many of the scores that a statement selects are higher than each hit's.
func (s *search) above(ctx context.Context, hits []store.Scored, statement string, q *query) ([]int64, error) {
	marks := make([]float64, 0, len(hits))
	for _, h := range slices.Backward(hits) {
		if next := math.Nextafter(h.Score, math.Inf(1)); len(marks) == 0 || next > marks[len(marks)-1] {
			marks = append(marks, next)
		}
	}
	counts := make([]int64, len(hits))
	if len(hits) == 0 {
		return counts, nil
	}
	buckets := make([]int64, len(marks)+1) // buckets[i]: scores that are at least marks[i-1], and less than marks[i]
	if err := each(ctx, s.db, "SELECT width_bucket(score, "+q.arg(marks)+"::float8[]), count(*) FROM ("+statement+") all_scores GROUP BY 1", func(scan scanFunc) error {
		var bucket int
		var n int64
		err := scan(&bucket, &n)
		buckets[bucket] = n
		return err
	}, q.args...); err != nil {
		return nil, err
	}
	for i, h := range hits {
		at, _ := slices.BinarySearch(marks, math.Nextafter(h.Score, math.Inf(1)))
		for _, n := range buckets[at+1:] {
			counts[i] += n
		}
	}
	return counts, nil
}

// ranked returns hits with their ranks: one more than the number of pictures above, of which a share was counted.
func ranked(hits []store.Scored, above []int64, scale float64) map[store.PictureID]store.Ranked {
	found := make(map[store.PictureID]store.Ranked, len(hits))
	for i, h := range hits {
		found[h.Picture] = store.Ranked{Scored: h, Rank: 1 + int(math.Round(float64(above[i])*scale))}
	}
	return found
}

// Prepare does nothing: the server keeps what searches need in memory.
func (s *Store) Prepare(context.Context, string, store.Filter) error { return nil }

// Vectors returns a model's vectors for the first moments of pictures.
func (s *Store) Vectors(ctx context.Context, model string, list []store.PictureID) (map[store.PictureID][]float32, error) {
	found := make(map[store.PictureID][]float32)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, "SELECT p.sha256, e.v FROM pictures p JOIN vectors e ON e.picture_id = p.id AND e.moment = 0 WHERE e.model_id = (SELECT id FROM models WHERE identity = $1) AND p.sha256 = ANY($2)", func(scan scanFunc) error {
			var sha []byte
			var v packed
			if err := scan(&sha, &v); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			found[id] = vec.Unpack(v)
			return err
		}, model, ids(chunk))
	})
	return found, err
}

// vectorsAtOnce is the number of vectors that EachVector reads before it passes them on: about 10 MB.
const vectorsAtOnce = 10_000

// EachVector calls each with the vectors of the pictures that match a filter. No statement is open meanwhile.
func (s *Store) EachVector(ctx context.Context, model string, f store.Filter, visit func(store.Vector) error) error {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return err
	}
	statement := "SELECT p.sha256, e.moment, e.v, e.seq FROM vectors e JOIN pictures p ON p.id = e.picture_id WHERE e.model_id = (SELECT id FROM models WHERE identity = " + q.arg(model) + ") AND " + where
	args := len(q.args)
	statement += " AND e.seq > " + q.arg(int64(0)) + " ORDER BY e.seq LIMIT " + strconv.Itoa(vectorsAtOnce)
	for last := int64(0); ; {
		q.args[args] = last
		list, err := collect(ctx, s.db, statement, func(scan scanFunc) (v store.Vector, err error) {
			var sha []byte
			var data packed
			if err := scan(&sha, &v.Number, &data, &last); err != nil {
				return v, err
			}
			v.Data = data
			v.Picture, err = column.PictureID(sha)
			return v, err
		}, q.args...)
		if err != nil {
			return err
		}
		for _, v := range list {
			if err := visit(v); err != nil {
				return err
			}
		}
		if len(list) < vectorsAtOnce {
			return nil
		}
	}
}
