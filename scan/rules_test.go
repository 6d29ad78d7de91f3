package scan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLastRule compares the rule that last finds with the last of all rules that match.
func TestLastRule(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	name := func() string {
		return pick("a", "b", "ab", "a.jpg", "b.jpg", "x.tmp", "", "b") + pick("", "", "a", ".tmp")
	}
	for round := range 2000 {
		var lines []string
		for range r.IntN(8) {
			lines = append(lines, pick("", "", "!")+pick("", "", "/", name()+"/")+pick("", "", "*", "?", "**/", "**")+name()+pick("", "", "*", "?", "[ab]")+pick("", "", "/", "/**"))
		}
		var rules ruleSet
		for _, line := range lines {
			if parsed, ok, err := parseRule(line, Ignored); ok && err == nil {
				rules.add(parsed)
			}
		}
		for range 20 {
			rel, folder := pick("", "", "a/", "b/a/")+"a"+name(), r.IntN(2) == 0
			want, found := rule{}, false
			for i := len(rules.rules) - 1; i >= 0 && !found; i-- {
				if rules.rules[i].matches(rel, folder) {
					want, found = rules.rules[i], true
				}
			}
			if got, ok := rules.last(rel, folder); got != want || ok != found {
				t.Fatalf("round %d, %q: %q, folder %v: %+v, %v; want %+v, %v", round, lines, rel, folder, got, ok, want, found)
			}
		}
	}
}

// TestManyRules checks that an ignore file may have as many rules as fit in it, and only a bounded number of slow ones.
func TestManyRules(t *testing.T) {
	dir := t.TempDir()
	write := func(line string, n int) {
		t.Helper()
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line+"\n", i)
		}
		if err := os.WriteFile(filepath.Join(dir, IgnoreFile), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("k%d", 100_000)
	s, err := readIgnoreFile(dir, "")
	if err != nil || len(s.globs) > 0 {
		t.Fatalf("%d globs, %v", len(s.globs), err)
	}
	if got := match(ruleSet{}, []ruleSet{s}, "d/k99999", false); got != Ignored {
		t.Errorf("%q", got)
	}
	if got := match(ruleSet{}, []ruleSet{s}, "d/k100000", false); got != "" {
		t.Errorf("%q", got)
	}
	write("a*%d", maxGlobs)
	if _, err := readIgnoreFile(dir, ""); err != nil {
		t.Error(err)
	}
	write("a*%d", maxGlobs+1)
	if _, err := readIgnoreFile(dir, ""); !errors.Is(err, errManyGlobs) {
		t.Errorf("%v, want %v", err, errManyGlobs)
	}
}

func BenchmarkManyRules(b *testing.B) {
	for name, line := range map[string]string{"literal": "k%d", "suffix": "*.k%d", "glob": "a*%d"} {
		b.Run(name, func(b *testing.B) {
			var s ruleSet
			for i := range 10_000 {
				r, _, err := parseRule(fmt.Sprintf(line, i), Ignored)
				if err != nil {
					b.Fatal(err)
				}
				s.add(r)
			}
			for b.Loop() {
				s.last("photos/2024/IMG_1234.jpg", false)
			}
		})
	}
}
