package search

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/terminal"
	"github.com/imgsearch/imgsearch/internal/words"
)

// search is the parsed options.
type search struct {
	*options

	format      string
	template    *template.Template // of --format template=...; else nil
	top, offset int
	minScore    *float64
	confident   bool
	terms       []queryTerm
	filter      ask.Filter
	provider    provider.Name
	language    string            // of the texts
	draw        terminal.Protocol // of --preview
	page        string            // of --html; "" means no page
	columns     []string          // of TSV
}

// formats are the values of --format, except template=TEXT.
var formats = []string{"table", "paths", "tsv", "json", "jsonl"}

// templateFormat is the format of --format template=TEXT.
const templateFormat = "template"

// check validates the command line and returns its meaning.
func (o *options) check() (s *search, err error) {
	s = &search{options: o}
	if err := s.chooseFormat(); err != nil {
		return nil, err
	}
	if !utf8.ValidString(o.query) {
		return nil, cli.Usage("encode it as UTF-8", "the query is not valid UTF-8")
	}
	if err := s.readNumbers(); err != nil {
		return nil, err
	}
	if err := s.readQuery(); err != nil {
		return nil, err
	}
	for _, check := range []func() error{s.chooseFields, s.checkConfident, o.checkFrom, o.checkCollect, s.choosePage, o.checkPage, s.choosePreview, o.checkOpen, o.checkQueries} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	if o.lang.Given() && o.queries == "" && !slices.ContainsFunc(s.terms, func(t queryTerm) bool { return len(t.Texts) > 0 }) {
		return nil, cli.Usage("add a text query", "--lang needs a text")
	}
	if s.language, err = o.lang.Choose(); err != nil {
		return nil, err
	}
	if s.provider, err = o.provider.Choose(); err != nil {
		return nil, err
	}
	return s, o.p.CheckModel(o.model)
}

// chooseFormat sets the format chosen by --format, --json and -0.
func (s *search) chooseFormat() (err error) {
	asked := s.options.format
	s.format = asked
	switch {
	case s.p.JSON && asked != "" && asked != "json" && asked != "jsonl":
		return cli.Usage("use only one of them", "--json and --format %s cannot be combined", asked)
	case s.p.JSON && asked == "":
		s.format = "json"
	}
	if s.nul {
		if s.format != "" && s.format != "paths" {
			return cli.Usage("-0 prints only paths", "-0 and --format %s cannot be combined", s.format)
		}
		s.format = "paths"
	}
	if s.queries != "" && s.format != "" && s.format != "json" && s.format != "jsonl" {
		return cli.Usage("--queries prints JSON lines", "--queries and --format %s cannot be combined", s.format)
	}
	if text, ok := strings.CutPrefix(s.format, templateFormat+"="); ok {
		s.format = templateFormat
		s.template, err = readTemplate(text)
		return err
	}
	switch {
	case s.format == "":
		s.format = "table"
	case s.format == templateFormat:
		return cli.Usage("add a template: --format template='{{.Path}}'", "--format template needs a template")
	case !slices.Contains(formats, s.format):
		return cli.Usage("use table, paths, tsv, json, jsonl or template=...", "invalid value for --format: %q", s.format)
	}
	return nil
}

// readNumbers reads --top, --offset and --min-score.
func (s *search) readNumbers() error {
	if s.options.top < 1 {
		return cli.Usage("use a number of 1 or more", "invalid value for --top: %d", s.options.top)
	}
	if s.options.offset < 0 {
		return cli.Usage("use a number of 0 or more", "invalid value for --offset: %d", s.options.offset)
	}
	const most = 1 << 30 // so that their sum does not overflow
	s.top, s.offset = min(s.options.top, most), min(s.options.offset, most)
	if text := s.options.minScore; text != "" {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= -1 && v <= 1) {
			return cli.Usage("use a cosine similarity from -1 to 1", "invalid value for --min-score: %q", text)
		}
		s.minScore = &v
	}
	return nil
}

// readQuery parses the terms and filters, and rejects an empty search.
func (s *search) readQuery() (err error) {
	if s.terms, err = s.readTerms(); err != nil {
		return err
	}
	if s.filter, err = s.filters.Parse(time.Now()); err != nil {
		return err
	}
	filtered := !s.filter.SelectsAll() || s.from != "" || s.given("sort") && (s.sort == "date" || s.sort == "path")
	switch {
	case s.queries != "" && len(s.terms) > 0:
		return cli.Usage("put the queries into the file", "--queries and terms of a query cannot be combined")
	case s.queries != "" && (len(s.prompts) > 0 || s.explain):
		return cli.Usage("--prompt and --explain apply to a single query", "--queries cannot be combined with --prompt or --explain")
	case len(s.prompts) > 0 && !slices.ContainsFunc(s.terms, func(t queryTerm) bool { return t.kind == textTerm }):
		return cli.Usage("add the words that replace {}", "--prompt needs a text")
	case s.queries == "" && len(s.terms) == 0 && (!filtered || s.query != "" || s.args > 0):
		return cli.Usage("say what to look for: `imgsearch search dog on beach`", "the query is empty")
	}
	if len(s.terms) == 0 && s.queries == "" {
		// Only flags on the command line are errors: a configuration for queries must not prevent a listing.
		if s.given("sort") && s.sort == "score" || s.given("min-score") || s.given("explain") && s.explain {
			return cli.Usage("add a query, or omit them", "--sort score, --min-score and --explain need a query")
		}
	}
	return s.checkSort()
}

func (s *search) checkSort() error {
	switch s.sort {
	case "", "score":
		return nil
	case "date", "path":
		if s.options.offset > 0 && (len(s.terms) > 0 || s.queries != "") {
			return cli.Usage("raise --top, or omit --sort to get pages by score", "--sort %s and --offset cannot be combined with a query: the best hits are chosen before sorting", s.sort)
		}
		return nil
	}
	return cli.Usage("use score, date or path", "invalid value for --sort: %q", s.sort)
}

// checkQueries checks that the file of --queries exists.
func (o *options) checkQueries() error {
	if o.queries == "" || o.queries == "-" {
		return nil
	}
	if info, err := os.Stat(o.queries); err != nil || info.IsDir() {
		return cli.Usage("use a file with one query per line, or - for standard input", "--queries: no such file: %s", words.Path(o.queries))
	}
	return nil
}
