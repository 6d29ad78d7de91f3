package scan

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ignoreCases are files of patterns, with paths that TestIgnoreLikeGit also checks with git.
var ignoreCases = []struct {
	lines []string
	paths []string
}{
	{[]string{"*.jpg"}, []string{"a.jpg", "d/a.jpg", "a.png", "a.jpg/b.png"}},
	{[]string{"/a.jpg"}, []string{"a.jpg", "d/a.jpg"}},
	{[]string{"d/*.jpg"}, []string{"d/a.jpg", "e/d/a.jpg", "d/e/a.jpg"}},
	{[]string{"**/d/*.jpg"}, []string{"d/a.jpg", "e/d/a.jpg"}},
	{[]string{"d/**"}, []string{"d/a.jpg", "d/e/a.jpg", "dd/a.jpg"}},
	{[]string{"d/**/x.jpg"}, []string{"d/x.jpg", "d/e/x.jpg", "d/e/f/x.jpg", "x.jpg"}},
	{[]string{"d/"}, []string{"d/a.jpg", "e/d/a.jpg", "d"}},
	{[]string{"*.jpg", "!keep.jpg"}, []string{"a.jpg", "keep.jpg", "d/keep.jpg"}},
	{[]string{"d/", "!d/keep.jpg"}, []string{"d/keep.jpg"}},
	{[]string{"# comment", "", "\\#x.jpg", "a\\ ", "b.jpg  "}, []string{"#x.jpg", "a ", "b.jpg", "# comment"}},
	{[]string{"[ab].jpg", "x?.jpg", "[!q]z.jpg"}, []string{"a.jpg", "c.jpg", "xy.jpg", "x.jpg", "qz.jpg", "rz.jpg"}},
	{[]string{"{a,b}.jpg"}, []string{"a.jpg", "{a,b}.jpg"}},
	{[]string{"IMG_*"}, []string{"IMG_1.jpg", "img_1.jpg", "d/IMG_2.png"}},
}

// ignored reports whether a path, or a folder above it, is left out.
func ignored(rules ruleSet, rel string) bool {
	parts := strings.Split(rel, "/")
	for i := range parts {
		if match(ruleSet{}, []ruleSet{rules}, strings.Join(parts[:i+1], "/"), i < len(parts)-1) != "" {
			return true
		}
	}
	return false
}

func TestIgnoreLikeGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	for _, c := range ignoreCases {
		dir := t.TempDir()
		if out, err := exec.Command("git", "init", "-q", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte(strings.Join(c.lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		rules, err := parseRules(c.lines, Ignored)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range c.paths {
			check := exec.Command("git", "-C", dir, "check-ignore", "-q", "--no-index", path)
			err := check.Run()
			if code := check.ProcessState.ExitCode(); code > 1 {
				t.Fatalf("git check-ignore: %v", err)
			}
			if want, got := err == nil, ignored(rules, path); got != want {
				t.Errorf("%q: %q is ignored: %v, git says %v", c.lines, path, got, want)
			}
		}
	}
}

func TestBadPattern(t *testing.T) {
	for _, line := range []string{"[", "a[b", `a\`} {
		if _, err := parseRules([]string{line}, Excluded); err == nil {
			t.Errorf("%q is accepted as a pattern", line)
		}
	}
}

func FuzzRule(f *testing.F) {
	for _, c := range ignoreCases {
		f.Add(strings.Join(c.lines, "\n"), c.paths[0])
	}
	f.Fuzz(func(_ *testing.T, lines, path string) {
		for line := range strings.Lines(lines) {
			if r, ok, err := parseRule(line, Ignored); ok && err == nil {
				r.matches(path, false)
			}
		}
	})
}
