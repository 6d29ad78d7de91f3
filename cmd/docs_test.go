package cmd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// These find the commands in a page: in shell and console blocks, and in inline code.
var (
	shownBlock = regexp.MustCompile("(?ms)^```(?:sh|console)\n(.*?)^```$")
	shownCode  = regexp.MustCompile("`(imgsearch [^`]*)`")
	shownRun   = regexp.MustCompile(`(?:^|[\s|$(])(?:[^\s|]*/)?imgsearch ([^\n]*)`)
)

// TestDocumentedCommands parses every command line in the documentation and checks that the command and its options exist.
// docs/usage_test.go and the scenarios test what the commands do.
func TestDocumentedCommands(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(testkit.Repository(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(pages, filepath.Join(testkit.Repository(), "README.md")) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, m := range shownBlock.FindAllStringSubmatch(string(data), -1) {
			for _, m := range shownRun.FindAllStringSubmatch(m[1], -1) {
				lines = append(lines, m[1])
			}
		}
		for _, m := range shownCode.FindAllStringSubmatch(strings.ReplaceAll(string(data), "\n", " "), -1) {
			lines = append(lines, strings.TrimPrefix(m[1], "imgsearch "))
		}
		for _, line := range lines {
			n++
			words := shellWords(line)
			root := newRoot()
			root.InitDefaultCompletionCmd()
			c, rest, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: imgsearch %s: %v", filepath.Base(page), line, err)
				continue
			}
			if !c.HasParent() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
				t.Errorf("%s: imgsearch %s: no such command", filepath.Base(page), line)
				continue
			}
			if err := c.ParseFlags(rest); err != nil && !strings.Contains(err.Error(), "help requested") && !strings.Contains(err.Error(), "needs an argument") {
				t.Errorf("%s: imgsearch %s: %v", filepath.Base(page), line, err)
			}
		}
	}
	if n < 80 {
		t.Errorf("%d command lines were found", n)
	}
}

// shellWords splits a line as a shell does, up to a comment, a pipe, a redirection or another command.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quote, started := rune(0), false
	end := func() {
		if started {
			words = append(words, word.String())
			word.Reset()
			started = false
		}
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, started = r, true
		case r == ' ' || r == '\t':
			end()
		case strings.ContainsRune("|<>&;)", r), r == '#' && !started:
			end()
			return words
		default:
			word.WriteRune(r)
			started = true
		}
	}
	end()
	return words
}
