package tokenize_test

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/models/starter"
)

// component is a small tokenizer with the ids that Hugging Face's library gives (testdata/make_components.py).
type component struct {
	Name      string
	Tokenizer json.RawMessage
	Texts     []textCase
}

func components(t testing.TB) []component {
	t.Helper()
	var all []component
	readJSON(t, "testdata/components.json", &all)
	return all
}

func TestComponents(t *testing.T) {
	for _, c := range components(t) {
		t.Run(c.Name, func(t *testing.T) {
			tok, err := tokenize.New(c.Tokenizer, tokenize.Config{ContextLength: 64, PadToken: "<pad>"})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range c.Texts {
				ids, used := tok.Encode(x.Text)
				if got := ids[:used]; !slices.Equal(got, x.IDs) {
					t.Errorf("Encode(%q) = %v, want %v", x.Text, got, x.IDs)
				}
			}
		})
	}
}

// TestOldForms reads what older versions of the library wrote: merges as strings, a model without a type.
func TestOldForms(t *testing.T) {
	whole := components(t)[0]
	old := strings.NewReplacer(`["d","o"]`, `"d o"`, `["do","g"]`, `"do g"`, `["o","n"]`, `"o n"`, `"type":"BPE",`, ``).Replace(string(whole.Tokenizer))
	if old == string(whole.Tokenizer) {
		t.Fatal("nothing was replaced")
	}
	tok, err := tokenize.New([]byte(old), tokenize.Config{ContextLength: 64, PadToken: "<pad>"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range whole.Texts {
		if ids, used := tok.Encode(x.Text); !slices.Equal(ids[:used], x.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", x.Text, ids[:used], x.IDs)
		}
	}
}

func TestUnknownComponents(t *testing.T) {
	for name, c := range map[string]struct{ old, made, says string }{
		"dropout":         {`"dropout":null`, `"dropout":0.1`, "dropout"},
		"looking around":  {`"pre_tokenizer":null`, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\s+(?!\\S)"},"behavior":"Isolated"}`, `(?!`},
		"set operations":  {`"pre_tokenizer":null`, `"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[a-z&&[^aeiou]]"},"behavior":"Isolated"}`, "set operations"},
		"behavior":        {`"pre_tokenizer":null`, `"pre_tokenizer":{"type":"Split","pattern":{"String":" "},"behavior":"Swallowed"}`, "Swallowed"},
		"inside sequence": {`"normalizer":null`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Rot13"}]}`, "Rot13"},
		"prepend scheme":  {`"pre_tokenizer":null`, `"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"last"}`, "last"},
	} {
		made := strings.Replace(string(components(t)[0].Tokenizer), c.old, c.made, 1)
		_, err := tokenize.New([]byte(made), tokenize.Config{ContextLength: 64, PadToken: "<pad>"})
		if !errors.Is(err, tokenize.ErrUnsupported) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: err = %v, want an unsupported component that says %q", name, err, c.says)
		}
	}
}

// FuzzNew reads damaged and hostile files: each gives an error, or a tokenizer that stays within its bounds.
func FuzzNew(f *testing.F) {
	data, err := os.ReadFile("testdata/components.json")
	if err != nil {
		f.Fatal(err)
	}
	var all []component
	if err := json.Unmarshal(data, &all); err != nil {
		f.Fatal(err)
	}
	for _, c := range all {
		f.Add([]byte(c.Tokenizer), "dog on <s> é 日本\t12")
	}
	// A character map of two units that point beyond themselves.
	f.Add([]byte(`{"model":{"type":"Unigram","unk_id":0,"vocab":[["<pad>",0]]},"normalizer":{"type":"Precompiled","precompiled_charsmap":"CAAAAP////8AAQAAAA=="}}`), "ab")
	f.Add(starter.Tokenizer[:3000], "dog")
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		tok, err := tokenize.New(file, tokenize.Config{ContextLength: 16, PadToken: "<pad>"})
		if err != nil {
			return
		}
		if ids, used := tok.Encode(text); len(ids) != 16 || used > 16 {
			t.Errorf("%d ids, %d used", len(ids), used)
		}
	})
}
