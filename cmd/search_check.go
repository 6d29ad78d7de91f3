package cmd

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// check refuses a command line that cannot be meant, and reads what stands on it.
func (o *searchOptions) check() error {
	if o.app.json {
		if o.format != "" && o.format != "json" && o.format != "jsonl" {
			return usageError("give one of them", "--json and --format %s", o.format)
		}
		if o.format == "" {
			o.format = "json"
		}
	}
	if o.nul {
		if o.format != "" && o.format != "paths" {
			return usageError("-0 prints paths", "-0 and --format %s", o.format)
		}
		o.format = "paths"
	}
	if o.queries != "" && o.format != "" && o.format != "json" && o.format != "jsonl" {
		return usageError("--queries answers with JSON lines", "--queries and --format %s", o.format)
	}
	if o.format == "" {
		o.format = "table"
	}
	if text, ok := strings.CutPrefix(o.format, "template="); ok {
		if err := o.readTemplate(text); err != nil {
			return err
		}
		o.format = "template"
	}
	switch o.format {
	case "table", "paths", "tsv", "json", "jsonl":
	case "template":
		if o.template == nil {
			return usageError("give the template: --format template='{{.Path}}'", "--format template without one")
		}
	default:
		return usageError("give table, paths, tsv, json, jsonl or template=...", "--format %q", o.format)
	}
	if !utf8.ValidString(o.query) {
		return usageError("write it in UTF-8", "the query is not UTF-8")
	}
	if err := o.checkQuery(); err != nil {
		return err
	}
	if o.top < 1 {
		return usageError("give a number of 1 or more", "--top %d", o.top)
	}
	if o.offset < 0 {
		return usageError("give a number of 0 or more", "--offset %d", o.offset)
	}
	const most = 1 << 30 // so that sums of them are numbers
	o.top, o.offset = min(o.top, most), min(o.offset, most)
	if o.minScoreText != "" {
		v, err := strconv.ParseFloat(o.minScoreText, 64)
		if err != nil || !(v >= -1 && v <= 1) {
			return usageError("give a cosine similarity, -1 to 1", "--min-score %q", o.minScoreText)
		}
		o.minScore = &v
	}
	if err := o.checkFrom(); err != nil {
		return err
	}
	for _, check := range []func() error{o.checkCollect, o.checkPreview, o.checkHTML, o.checkOpen} {
		if err := check(); err != nil {
			return err
		}
	}
	if o.queries != "" && o.queries != "-" {
		if info, err := os.Stat(o.queries); err != nil || info.IsDir() {
			return usageError("give a file with one query a line, or -", "--queries %s is not a file that is there", escapePath(o.queries))
		}
	}
	if err := o.provider.check(o.app); err != nil {
		return err
	}
	return o.model.check(o.app)
}

// checkQuery reads the terms and the filters, and refuses a search for nothing.
func (o *searchOptions) checkQuery() (err error) {
	if o.terms, err = o.readTerms(); err != nil {
		return err
	}
	if o.filter, err = o.filters.parse(time.Now()); err != nil {
		return err
	}
	filtered := !o.filter.isAll() || o.from != ""
	switch {
	case o.queries != "" && len(o.terms) > 0:
		return usageError("the lines are the queries", "--queries with terms of a query")
	case o.queries != "" && (len(o.prompts) > 0 || o.explain):
		return usageError("they belong to a single query", "--queries with --prompt or --explain")
	case len(o.prompts) > 0 && !slices.ContainsFunc(o.terms, func(t queryTerm) bool { return t.kind == textTerm }):
		return usageError("give the words that go into it", "--prompt without a text")
	case o.queries == "" && len(o.terms) == 0 && (!filtered || o.query != "" || o.flags.NArg() > 0):
		return usageError("say what to look for: `imgsearch search dog on beach`", "an empty query")
	}
	if len(o.terms) == 0 && o.queries == "" {
		if o.sort == "score" || o.minScore != nil || o.explain {
			return usageError("give a query, or leave it out", "a score without a query")
		}
	}
	switch o.sort {
	case "", "score":
		return nil
	case "date", "path":
		if o.offset > 0 && (len(o.terms) > 0 || o.queries != "") {
			return usageError("raise --top, or leave --sort out: pages go by score", "--sort %s with --offset: it arranges the best hits, which are chosen first", o.sort)
		}
		return nil
	}
	return usageError("give score, date or path", "--sort %q", o.sort)
}
