package search

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
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
func (o *options) checkWords(f *pflag.FlagSet, args []string) error {
	preview, ok := f.Lookup("preview").Value.(*optionalValue)
	if ok && o.given("preview") && o.preview == "auto" && preview.before < len(args) {
		if word := args[preview.before]; slices.Contains(terminal.Protocols, terminal.Protocol(word)) {
			rest := slices.Delete(slices.Clone(args), preview.before, preview.before+1)
			return cli.Usage(fmt.Sprintf("write --preview=%s, or the query before it: `imgsearch search %s --preview`", word, strings.Join(append(rest, word), " ")),
				"--preview %s: is that the protocol, or the query?", word)
		}
	}
	if len(args) == 1 && args[0] == "-" {
		return cli.Usage("queries on the standard input, one a line: `imgsearch search --queries -`", "- is no query")
	}
	return nil
}

// tellOfFile asks whether a picture was meant where the query is only the name of one.
func (o *options) tellOfFile() {
	if o.args != 1 || filepath.Ext(o.query) == "" {
		return
	}
	if info, err := os.Stat(o.query); err == nil && info.Mode().IsRegular() {
		o.p.Notef("%s is a file, and is looked for as words; what looks like it: `imgsearch search --image %s`", words.Path(o.query), words.Path(o.query))
	}
}

// flagError says what a wrong flag may mean here.
func flagError(c *cobra.Command, err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok && len(e.GetSpecifiedShortnames()) > 1 {
		word := e.GetSpecifiedShortnames()
		return cli.Usage(fmt.Sprintf("to look for what is not %s, add --subtract %s; a query that begins so stands behind --", word, word), "there is no option -%s", word)
	}
	return cli.FlagError(c, err)
}
