package cli

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/language"
)

// LanguageFlag is --lang, the language of texts, which some models expect.
type LanguageFlag struct {
	code  string
	flags *pflag.FlagSet
}

// Add adds --lang.
func (l *LanguageFlag) Add(f *pflag.FlagSet) {
	f.StringVar(&l.code, "lang", "", "language of the text, an ISO 639-1 `CODE` such as de, for models that expect one (default: from LC_ALL, LC_MESSAGES or LANG)")
	l.flags = f
}

// Given reports whether --lang is given on the command line.
func (l *LanguageFlag) Given() bool { return l.flags.Changed("lang") }

// Choose returns the language from the flag, else from the environment; "" if neither names one.
func (l *LanguageFlag) Choose() (string, error) {
	if l.code == "" {
		return language.FromEnvironment(os.Getenv), nil
	}
	if _, err := language.Code(l.code); err != nil {
		return "", Usage("use an ISO 639-1 code such as de, or a FLORES-200 code such as deu_Latn", "invalid value for --lang: %q: %w", l.code, language.ErrUnknown)
	}
	return l.code, nil
}

// NoteUnused prints a notice if the model does not use the language given on the command line.
func (l *LanguageFlag) NoteUnused(p *Program, model string) {
	if l.Given() && !language.IsExpected(model) {
		p.Notef("--lang has no effect: model %s does not expect the language of a text", model)
	}
}

// Prefix returns the text to put before a query in a language from Choose. If the model expects a language and there is none, it prints a notice.
func (l *LanguageFlag) Prefix(p *Program, model, chosen string) string {
	prefix, expected := app.LanguagePrefix(model, chosen)
	if expected && prefix == "" {
		p.Notify(query.NoLanguage{Model: model})
	}
	l.NoteUnused(p, model)
	return prefix
}
