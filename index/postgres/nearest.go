package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// exactPictures is the number of matching pictures up to which their vectors are all compared: about 50 ms of one core of the server for 256
// dimensions, and 80 ms for 512 (docs/benchmarks.md#postgresql). It is never left to the planner, which expects an approximate index to find enough
// pictures that match a filter.
const exactPictures = 50_000

// exactVectors is the number of a model's vectors up to which there are no approximate indexes: all of them are read in order, which takes 0.4 us each.
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
		n.Also, err = s.sampledRanks(ctx)
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

// filtered searches the pictures that match the filter.
func (s *search) filtered(ctx context.Context) (n store.Nearest, err error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", s.q.Filter)
	if err != nil {
		return n, err
	}
	least := ""
	if s.mayApproximate {
		least = " LIMIT " + strconv.FormatInt(s.exactUpTo+1, 10)
	}
	base := *q
	vector := q.arg(s.q.Vector)
	matches := "WITH matches AS MATERIALIZED (SELECT p.id FROM pictures p WHERE " + where + least + ")"
	count := "(SELECT count(*) FROM matches)"
	few := ""
	if s.mayApproximate {
		few = " AND " + count + " <= " + strconv.FormatInt(s.exactUpTo, 10)
	}
	// The limit is for vectors: if some were further moments of the same picture, there are too few hits, and more are asked for.
	for want := max(s.q.Limit, 1); ; want *= 2 {
		q := &query{args: slices.Clone(q.args), aliases: q.aliases}
		statement := matches + `, scored AS MATERIALIZED (SELECT e.picture_id, e.moment, ` + score(vector) + ` AS score FROM matches m JOIN vectors e ON e.picture_id = m.id WHERE e.model_id = ` + q.arg(s.m.id) + few + `),
			best AS (SELECT picture_id, moment, score FROM scored ORDER BY score DESC FETCH FIRST ` + strconv.Itoa(want) + ` ROWS WITH TIES)
			SELECT ` + count + `, (SELECT count(DISTINCT picture_id) FROM scored), coalesce((SELECT avg(score) FROM scored), 0), p.sha256, b.moment, b.score
			FROM (SELECT 1) one LEFT JOIN best b ON true LEFT JOIN pictures p ON p.id = b.picture_id`
		var list scoredRows
		found := int64(0)
		if err := each(ctx, s.db, statement, func(scan scanFunc) error {
			var sha []byte
			var moment *int
			var score *float64
			if err := scan(&found, &n.Searched, &n.Mean, &sha, &moment, &score); err != nil || sha == nil {
				return err
			}
			id, err := pictureID(sha)
			list = append(list, scoredRow{store.Scored{Picture: id, Moment: *moment, Score: *score}, true})
			return err
		}, q.args...); err != nil {
			return n, err
		}
		if few != "" && found > s.exactUpTo {
			return s.filteredMany(ctx)
		}
		n.Hits = first(list.hits(), s.q.Limit)
		if len(n.Hits) >= s.q.Limit || len(list) < want {
			break
		}
	}
	n.Also, err = s.exactRanks(ctx, "SELECT e.picture_id, e.moment, {score} AS score FROM pictures p JOIN vectors e ON e.picture_id = p.id WHERE e.model_id = {model} AND "+where, &base)
	return n, err
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
		s.mayApproximate = false // the index did not find enough pictures that match
		return s.filtered(ctx)
	}
	n.Mean = s.mean()
	if n.Searched, err = s.Count(ctx, s.q.Filter); err != nil {
		return n, err
	}
	n.Also, err = s.sampledRanks(ctx)
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
	r.Picture, err = pictureID(sha)
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
	slices.SortFunc(hits, func(a, b store.Scored) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), slices.Compare(a.Picture[:], b.Picture[:]))
	})
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

// sampledRanks returns the scores of the pictures in NearestQuery.Also that match the filter, and their ranks, estimated from a sample of all vectors.
func (s *search) sampledRanks(ctx context.Context) (map[store.PictureID]store.Ranked, error) {
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
	return ranked(hits, counts, 1/share), err
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
			id, err := pictureID(sha)
			found[id] = vec.Unpack(v)
			return err
		}, model, ids(chunk))
	})
	return found, err
}

// EachVector calls each with the vectors of the pictures that match a filter.
func (s *Store) EachVector(ctx context.Context, model string, f store.Filter, visit func(store.Vector) error) error {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return err
	}
	rows, err := s.db.Query(ctx, "SELECT p.sha256, e.moment, e.v FROM vectors e JOIN pictures p ON p.id = e.picture_id WHERE e.model_id = (SELECT id FROM models WHERE identity = "+q.arg(model)+") AND "+where+" ORDER BY e.seq", q.args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	var sha []byte
	var data packed
	for rows.Next() {
		var v store.Vector
		if err := rows.Scan(&sha, &v.Number, &data); err != nil {
			return explain(err)
		}
		if v.Picture, err = pictureID(sha); err != nil {
			return err
		}
		v.Data = data
		if err := visit(v); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}
