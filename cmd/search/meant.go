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

// optionalValue is the value of a flag that may stand alone, in which case it is the flag's default for that. It knows how many words
// stood before it, so that one behind it may be asked about.
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

// Set is called by the parser where the flag stands.
func (v *optionalValue) Set(s string) error {
	*v.to, v.before = s, v.flags.NArg()
	return nil
}

// checkWords refuses words that were meant for an option.
func (o *options) checkWords(c *cobra.Command, args []string) error {
	f := c.Flags()
	preview, ok := f.Lookup("preview").Value.(*optionalValue)
	if ok && o.given("preview") && o.preview == "auto" && preview.before < len(args) {
		if word := args[preview.before]; slices.Contains(terminal.Protocols, terminal.Protocol(word)) {
			rest := slices.Delete(slices.Clone(args), preview.before, preview.before+1)
			return cli.Usage(fmt.Sprintf("write --preview=%s, or the query before it: `imgsearch search %s --preview`", word, strings.Join(append(rest, word), " ")),
				"--preview %s: is that the protocol, or the query?", word)
		}
	}
	if len(args) == 1 && args[0] == "-" && c.ArgsLenAtDash() < 0 {
		return cli.Usage("to read queries from the standard input: `imgsearch search --queries -`", "- is not a query")
	}
	return nil
}

// tellOfFile asks whether a picture was meant where the query is only the name of one.
func (o *options) tellOfFile() {
	if o.args == 1 && isPicture(o.query) {
		o.p.Notef("%s is a picture; to search for similar ones: `imgsearch search --image %s`", words.Path(o.query), quoted(o.query))
	}
}

// isPicture reports whether a file is there, and begins as a picture does.
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

// quoted is a word as it may be given to a shell.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t()&;'") {
		return strconv.Quote(word)
	}
	return words.Path(word)
}

// flagError says what a wrong flag may mean here: -beach is what the query should not show.
func (o *options) flagError(c *cobra.Command, err error) error {
	end := ""
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		end = e.GetSpecifiedShortnames()
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok && e.GetFlag().Shorthand != "" {
		end = e.GetFlag().Shorthand + e.GetValue()
	}
	// The parser names the rest of a word from the first letter on that it does not know.
	at := slices.IndexFunc(o.p.Args, func(arg string) bool {
		return end != "" && strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && strings.HasSuffix(arg, end) && isWord(arg[1:])
	})
	if at < 0 {
		return cli.FlagError(c, err)
	}
	word := o.p.Args[at][1:]
	return cli.Usage(fmt.Sprintf("to leave %s out, add --subtract %s; put a query that starts with - after --", word, word), "unknown option -%s", word)
}

// isWord reports whether a text is letters, two at least.
func isWord(text string) bool {
	return utf8.RuneCountInString(text) > 1 && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
}
