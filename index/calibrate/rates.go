package calibrate

import "github.com/imgsearch/imgsearch/index/store"

// Rates say how often constants are right and wrong over the queries of a sample.
type Rates struct {
	Absent, Present Verdicts
	// FalseAlarms is the share of the absent queries whose best hit reaches the threshold, Misses that of the present ones whose best
	// does not.
	FalseAlarms, Misses float64
}

// Verdicts are the shares of a kind's queries with each verdict.
type Verdicts struct{ Found, Uncertain, Nothing float64 }

func (v *Verdicts) count(verdict store.Verdict, share float64) {
	switch verdict {
	case store.Found:
		v.Found += share
	case store.Uncertain:
		v.Uncertain += share
	case store.Nothing:
		v.Nothing += share
	}
}

// rate judges each query by the constants that of returns for it.
func (s *Sample) rate(of func(query int) store.Calibration) (r Rates) {
	absent := Absent(s.queries)
	present := len(s.queries) - absent
	for q, query := range s.queries {
		c := of(q)
		best := s.best(q)
		verdict, reached := c.Verdict(best, s.pictures), best >= c.Threshold(s.pictures)
		if query.Present {
			r.Present.count(verdict, 1/float64(present))
			if !reached {
				r.Misses += 1 / float64(present)
			}
			continue
		}
		r.Absent.count(verdict, 1/float64(absent))
		if reached {
			r.FalseAlarms += 1 / float64(absent)
		}
	}
	return r
}

// Rate judges all queries by the given constants.
func (s *Sample) Rate(c store.Calibration) Rates {
	return s.rate(func(int) store.Calibration { return c })
}

// folds is the number of parts that the queries are divided into for cross-validation.
const folds = 10

// CrossValidate judges each query by constants that were fitted without it and the others of its fold. This estimates how well the constants
// of Fit work for other queries over these pictures.
func (s *Sample) CrossValidate() (Rates, error) {
	if err := CheckQueries(s.queries); err != nil {
		return Rates{}, err
	}
	var fits [folds]store.Calibration
	for fold := range fits {
		var err error
		if fits[fold], err = s.fit(func(query int) bool { return s.fold(query) != fold }); err != nil {
			return Rates{}, err
		}
	}
	return s.rate(func(query int) store.Calibration { return fits[s.fold(query)] }), nil
}

// fold returns a query's fold: the queries of each kind are dealt out in turn.
func (s *Sample) fold(query int) int {
	before := 0
	for _, q := range s.queries[:query] {
		if q.Present == s.queries[query].Present {
			before++
		}
	}
	return before % folds
}
