package scan

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/imgsearch/imgsearch/internal/regular"
)

// IgnoreFile is the name of the file whose lines, in gitignore syntax, exclude files and folders below its folder.
const IgnoreFile = ".imgsearchignore"

// maxIgnoreFile is the size of the largest ignore file that is read, in bytes.
const maxIgnoreFile = 1 << 20

// rule is one line of gitignore syntax (git's documentation, "PATTERN FORMAT").
type rule struct {
	glob       string // a doublestar pattern for the path relative to the rule's folder, or for its last name if anywhere is set
	anywhere   bool   // it matches in all folders
	negated    bool
	folderOnly bool
	reason     Reason
}

// parseRules parses lines of gitignore syntax. A pattern that is not a valid glob is an error.
func parseRules(lines []string, reason Reason) (s ruleSet, err error) {
	for _, line := range lines {
		r, ok, err := parseRule(line, reason)
		if err != nil {
			return s, err
		}
		if ok {
			s.add(r)
		}
	}
	return s, nil
}

// PatternError is a pattern that cannot be parsed.
type PatternError struct{ Pattern string }

func (e *PatternError) Error() string { return fmt.Sprintf("invalid pattern %q", e.Pattern) }

func parseRule(line string, reason Reason) (r rule, ok bool, err error) {
	p := strings.TrimSuffix(line, "\r")
	for strings.HasSuffix(p, " ") && !strings.HasSuffix(p, `\ `) {
		p = p[:len(p)-1]
	}
	if p == "" || strings.HasPrefix(p, "#") {
		return r, false, nil
	}
	r.reason = reason
	if strings.HasPrefix(p, "!") {
		r.negated = true
		p = p[1:]
	}
	if strings.HasSuffix(p, "/") {
		r.folderOnly = true
		p = strings.TrimRight(p, "/")
	}
	anchored := strings.Contains(p, "/")
	p = strings.TrimPrefix(p, "/")
	r.anywhere = !anchored
	if strings.HasSuffix(p, "/**") {
		p += "/*" // what is inside, not the folder itself
	}
	// gitignore has no {a,b}; doublestar does.
	p = strings.NewReplacer(`\\`, `\\`, `\{`, `\{`, `\}`, `\}`, `{`, `\{`, `}`, `\}`).Replace(p)
	if !doublestar.ValidatePattern(p) {
		return r, false, &PatternError{line}
	}
	r.glob = p
	return r, true, nil
}

func (r rule) matches(rel string, folder bool) bool {
	if r.folderOnly && !folder {
		return false
	}
	if r.anywhere {
		rel = path.Base(rel)
	}
	ok, err := doublestar.Match(r.glob, rel)
	return err == nil && ok
}

// CheckPatterns returns a *PatternError if a pattern cannot be parsed.
func CheckPatterns(patterns []string) error {
	_, err := parseRules(patterns, Excluded)
	return err
}

// readIgnoreFile reads the ignore file of a folder, if there is one. Like git, it ignores a line that is not a valid
// pattern.
func readIgnoreFile(dir, rel string) (ruleSet, error) {
	data, err := regular.Read(filepath.Join(dir, IgnoreFile), regular.NoLinks, maxIgnoreFile)
	if isGone(err) {
		return ruleSet{}, nil
	}
	if bad, ok := errors.AsType[*fs.PathError](err); ok {
		return ruleSet{}, fmt.Errorf("%s: %w", IgnoreFile, bad.Err)
	}
	if err != nil {
		return ruleSet{}, err
	}
	s := ruleSet{base: rel}
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		if r, ok, err := parseRule(strings.TrimRight(line, "\n"), Ignored); ok && err == nil {
			s.add(r)
		}
	}
	if len(s.globs) > maxGlobs {
		return ruleSet{}, fmt.Errorf("%s: %w (%d)", IgnoreFile, errManyGlobs, len(s.globs))
	}
	return s, nil
}

// match returns why a path relative to the root is left out, or "". The last matching rule decides. The patterns in exclude
// come after all ignore files; an ignore file comes after those of the folders above it.
func match(exclude ruleSet, sets []ruleSet, rel string, folder bool) Reason {
	if r, ok := exclude.last(rel, folder); ok {
		return r.verdict()
	}
	for s := len(sets) - 1; s >= 0; s-- {
		below := rel
		if sets[s].base != "" {
			below = strings.TrimPrefix(rel, sets[s].base+"/")
		}
		if r, ok := sets[s].last(below, folder); ok {
			return r.verdict()
		}
	}
	return ""
}

// verdict returns why a path that the rule matches is left out, "" if the rule lets it in.
func (r rule) verdict() Reason {
	if r.negated {
		return ""
	}
	return r.reason
}
