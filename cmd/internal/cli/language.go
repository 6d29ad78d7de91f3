package cli

import (
	"os"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/language"
)

// LanguageFlag is --lang: the language of texts, which some models expect.
type LanguageFlag struct {
	code  string
	flags *pflag.FlagSet
}

// Add adds the flag.
func (l *LanguageFlag) Add(f *pflag.FlagSet) {
	f.StringVar(&l.code, "lang", "", "the language of the text, an ISO 639-1 `CODE` such as de, for models that expect one (default: that of LC_ALL, LC_MESSAGES or LANG)")
	l.flags = f
}

// Given reports whether the command line has the flag.
func (l *LanguageFlag) Given() bool { return l.flags.Changed("lang") }

// Choose returns the language that the flag names, or else the environment; "" if neither does.
func (l *LanguageFlag) Choose() (string, error) {
	if l.code == "" {
		return language.FromEnvironment(os.Getenv), nil
	}
	if _, err := language.Code(l.code); err != nil {
		return "", Usage("give an ISO 639-1 code such as de, or a FLORES-200 code such as deu_Latn", "--lang %q: %w", l.code, language.ErrUnknown)
	}
	return l.code, nil
}

// NoteUnused notes that a model does not use the language that the command line gives.
func (l *LanguageFlag) NoteUnused(p *Program, model string) {
	if l.Given() && !language.IsExpected(model) {
		p.Notef("--lang has no effect: model %s does not expect the language of a text", model)
	}
}

// Prefix returns what stands before a text in a language that Choose returned. Without one, where the model expects it, a notice says so.
func (l *LanguageFlag) Prefix(p *Program, model, chosen string) string {
	prefix, expected := app.LanguagePrefix(model, chosen)
	if expected && prefix == "" {
		p.Notify(query.NoLanguage{Model: model})
	}
	l.NoteUnused(p, model)
	return prefix
}
