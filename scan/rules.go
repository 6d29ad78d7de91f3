package scan

import (
	"errors"
	"path"
	"strings"
)

// ruleSet holds the rules of one ignore file, whose folder, relative to the root, is base. Rules without wildcards, and those that begin with
// the only one, as *.tmp, are found by their text, so that a file of 100,000 rules takes no longer per path than one of ten.
type ruleSet struct {
	base     string
	rules    []rule
	names    map[string][]int // by the last name of a path
	paths    map[string][]int // by the whole path
	suffixes map[string][]int // by the end of the last name
	lengths  []int            // of the keys of suffixes
	globs    []int            // all other rules
}

// maxGlobs is the largest number of other rules in an ignore file: each takes about 30 ns per path (BenchmarkManyRules).
const maxGlobs = 10_000

var errManyGlobs = errors.New("too many patterns with wildcards inside")

func (s *ruleSet) isEmpty() bool { return len(s.rules) == 0 }

// add adds a rule after all others.
func (s *ruleSet) add(r rule) {
	i := len(s.rules)
	s.rules = append(s.rules, r)
	const special = `*?[{\`
	suffix, isSuffix := strings.CutPrefix(r.glob, "*")
	switch {
	case !strings.ContainsAny(r.glob, special) && r.anywhere:
		put(&s.names, r.glob, i)
	case !strings.ContainsAny(r.glob, special):
		put(&s.paths, r.glob, i)
	case r.anywhere && isSuffix && !strings.ContainsAny(suffix, special):
		if s.suffixes[suffix] == nil && !s.hasLength(len(suffix)) {
			s.lengths = append(s.lengths, len(suffix))
		}
		put(&s.suffixes, suffix, i)
	default:
		s.globs = append(s.globs, i)
	}
}

func put(m *map[string][]int, key string, i int) {
	if *m == nil {
		*m = make(map[string][]int)
	}
	(*m)[key] = append((*m)[key], i)
}

func (s *ruleSet) hasLength(n int) bool {
	for _, known := range s.lengths { // at most as many as a name has bytes are of use
		if known == n {
			return true
		}
	}
	return false
}

// last returns the last rule that matches a path relative to base.
func (s *ruleSet) last(rel string, folder bool) (r rule, found bool) {
	if s.isEmpty() {
		return r, false
	}
	best := -1
	consider := func(list []int) {
		for i := len(list) - 1; i >= 0 && list[i] > best; i-- {
			if folder || !s.rules[list[i]].folderOnly {
				best = list[i]
			}
		}
	}
	name := path.Base(rel)
	consider(s.names[name])
	consider(s.paths[rel])
	for _, n := range s.lengths {
		if n <= len(name) {
			consider(s.suffixes[name[len(name)-n:]])
		}
	}
	for i := len(s.globs) - 1; i >= 0 && s.globs[i] > best; i-- {
		if s.rules[s.globs[i]].matches(rel, folder) {
			best = s.globs[i]
		}
	}
	if best < 0 {
		return r, false
	}
	return s.rules[best], true
}
