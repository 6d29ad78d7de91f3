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
	"github.com/imgsearch/imgsearch/internal/terminal"
	"github.com/imgsearch/imgsearch/internal/words"
)

// search is what the options mean.
type search struct {
	*options

	format      string
	template    *template.Template // of --format template=...; else nil
	top, offset int
	minScore    *float64
	confident   bool
	terms       []queryTerm
	filter      cli.Filter
	provider    provider.Name
	language    string            // of the texts
	draw        terminal.Protocol // of --preview
	page        string            // of --html; "": none is written
	columns     []string          // of TSV
}

// formats are those of --format besides template=TEXT.
var formats = []string{"table", "paths", "tsv", "json", "jsonl"}

// templateFormat is the format of --format template=TEXT.
const templateFormat = "template"

// check refuses a command line that cannot be meant, and returns what it means.
func (o *options) check() (s *search, err error) {
	s = &search{options: o}
	if err := s.chooseFormat(); err != nil {
		return nil, err
	}
	if !utf8.ValidString(o.query) {
		return nil, cli.Usage("write it in UTF-8", "the query is not UTF-8")
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
		return nil, cli.Usage("give a query of words", "--lang without a text")
	}
	if s.language, err = o.lang.Choose(); err != nil {
		return nil, err
	}
	if s.provider, err = o.provider.Choose(); err != nil {
		return nil, err
	}
	return s, o.p.CheckModel(o.model)
}

// chooseFormat finds the format that --format, --json and -0 together mean.
func (s *search) chooseFormat() (err error) {
	asked := s.options.format
	s.format = asked
	switch {
	case s.p.JSON && asked != "" && asked != "json" && asked != "jsonl":
		return cli.Usage("give one of them", "--json and --format %s", asked)
	case s.p.JSON && asked == "":
		s.format = "json"
	}
	if s.nul {
		if s.format != "" && s.format != "paths" {
			return cli.Usage("-0 prints paths", "-0 and --format %s", s.format)
		}
		s.format = "paths"
	}
	if s.queries != "" && s.format != "" && s.format != "json" && s.format != "jsonl" {
		return cli.Usage("--queries answers with JSON lines", "--queries and --format %s", s.format)
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
		return cli.Usage("give the template: --format template='{{.Path}}'", "--format template without one")
	case !slices.Contains(formats, s.format):
		return cli.Usage("give table, paths, tsv, json, jsonl or template=...", "--format %q", s.format)
	}
	return nil
}

// readNumbers reads --top, --offset and --min-score.
func (s *search) readNumbers() error {
	if s.options.top < 1 {
		return cli.Usage("give a number of 1 or more", "--top %d", s.options.top)
	}
	if s.options.offset < 0 {
		return cli.Usage("give a number of 0 or more", "--offset %d", s.options.offset)
	}
	const most = 1 << 30 // so that sums of them are numbers
	s.top, s.offset = min(s.options.top, most), min(s.options.offset, most)
	if text := s.options.minScore; text != "" {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= -1 && v <= 1) {
			return cli.Usage("give a cosine similarity, -1 to 1", "--min-score %q", text)
		}
		s.minScore = &v
	}
	return nil
}

// readQuery reads the terms and the filters, and refuses a search for nothing.
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
		return cli.Usage("the lines are the queries", "--queries with terms of a query")
	case s.queries != "" && (len(s.prompts) > 0 || s.explain):
		return cli.Usage("they belong to a single query", "--queries with --prompt or --explain")
	case len(s.prompts) > 0 && !slices.ContainsFunc(s.terms, func(t queryTerm) bool { return t.kind == textTerm }):
		return cli.Usage("give the words that go into it", "--prompt without a text")
	case s.queries == "" && len(s.terms) == 0 && (!filtered || s.query != "" || s.args > 0):
		return cli.Usage("say what to look for: `imgsearch search dog on beach`", "an empty query")
	}
	if len(s.terms) == 0 && s.queries == "" {
		// What is configured for queries does not keep a listing from being printed.
		if s.given("sort") && s.sort == "score" || s.given("min-score") || s.given("explain") && s.explain {
			return cli.Usage("give a query, or leave it out", "a score without a query")
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
			return cli.Usage("raise --top, or leave --sort out: pages go by score", "--sort %s with --offset: it arranges the best hits, which are chosen first", s.sort)
		}
		return nil
	}
	return cli.Usage("give score, date or path", "--sort %q", s.sort)
}

// checkQueries refuses a list of queries that is not there.
func (o *options) checkQueries() error {
	if o.queries == "" || o.queries == "-" {
		return nil
	}
	if info, err := os.Stat(o.queries); err != nil || info.IsDir() {
		return cli.Usage("give a file with one query a line, or -", "--queries %s is not a file that is there", words.Path(o.queries))
	}
	return nil
}
