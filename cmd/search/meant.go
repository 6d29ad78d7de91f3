package search

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/terminal"
	"github.com/imgsearch/imgsearch/internal/words"
)

// optionalValue is the value of a flag whose value is optional; without one it is NoOptDefVal. It counts the words before the flag, so
// that a word after it can be recognised as a misplaced value.
type optionalValue struct {
	to     *string
	flags  *pflag.FlagSet
	before int
}

func (v *optionalValue) String() string {
	if v.to == nil {
		return ""
	}
	return *v.to
}

func (v *optionalValue) Type() string { return "string" }

// Set is called by the parser when it reaches the flag.
func (v *optionalValue) Set(s string) error {
	*v.to, v.before = s, v.flags.NArg()
	return nil
}

// checkWords rejects words that look like the value of an option.
func (o *options) checkWords(c *cobra.Command, args []string) error {
	f := c.Flags()
	preview, ok := f.Lookup("preview").Value.(*optionalValue)
	if ok && o.given("preview") && o.preview == "auto" && preview.before < len(args) {
		if word := args[preview.before]; slices.Contains(terminal.Protocols, terminal.Protocol(word)) {
			rest := slices.Delete(slices.Clone(args), preview.before, preview.before+1)
			return cli.Usage(fmt.Sprintf("write --preview=%s, or put the query first: `imgsearch search %s --preview`", word, strings.Join(append(rest, word), " ")),
				"--preview %s is ambiguous: a protocol, or part of the query", word)
		}
	}
	if len(args) == 1 && args[0] == "-" && c.ArgsLenAtDash() < 0 {
		return cli.Usage("to read queries from standard input: `imgsearch search --queries -`", "- is not a query")
	}
	return nil
}

// tellOfFile suggests --image if the query is the name of a picture file.
func (o *options) tellOfFile() {
	if o.args == 1 && isPicture(o.query) {
		o.p.Notef("%s is a picture; to search for similar ones: `imgsearch search --image %s`", words.Path(o.query), quoted(o.query))
	}
}

// isPicture reports whether a file exists and starts like a picture.
func isPicture(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	_, err = decode.ReadHeader(f)
	return err == nil
}

// quoted returns a word quoted for a shell.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t()&;'") {
		return strconv.Quote(word)
	}
	return words.Path(word)
}

// flagError suggests --subtract for an unknown flag such as -beach.
func (o *options) flagError(c *cobra.Command, err error) error {
	end := ""
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		end = e.GetSpecifiedShortnames()
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok && e.GetFlag().Shorthand != "" {
		end = e.GetFlag().Shorthand + e.GetValue()
	}
	// The parser reports the rest of a word, starting at the first unknown letter.
	at := slices.IndexFunc(o.p.Args, func(arg string) bool {
		return end != "" && strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, end) && isWord(arg[1:])
	})
	if at < 0 {
		return cli.FlagError(c, err)
	}
	word := o.p.Args[at][1:]
	return cli.Usage(fmt.Sprintf("to exclude %s, use --subtract %s; put a query that starts with - after --", word, word), "unknown flag -%s", word)
}

// isWord reports whether a text consists of at least two letters and nothing else.
func isWord(text string) bool {
	return utf8.RuneCountInString(text) > 1 && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}
