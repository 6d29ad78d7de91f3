package tokenize_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/models/starter"
)

func newStarter(t testing.TB) *tokenize.Tokenizer {
	t.Helper()
	tok, err := tokenize.New(starter.Tokenizer, tokenize.Config{ContextLength: 32, PadToken: "[PAD]"})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestStarterIDs(t *testing.T) {
	var ref struct {
		Texts map[string]struct{ IDs []int32 }
	}
	if err := json.Unmarshal(starter.Reference, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Texts) == 0 {
		t.Fatal("no reference texts")
	}
	tok := newStarter(t)
	for text, want := range ref.Texts {
		if got, _ := tok.Encode(text); !slices.Equal(got, want.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", text, got, want.IDs)
		}
	}
}

func TestEncode(t *testing.T) {
	tok := newStarter(t)
	same := func(name, a, b string) {
		t.Helper()
		x, _ := tok.Encode(a)
		y, _ := tok.Encode(b)
		if !slices.Equal(x, y) {
			t.Errorf("%s: Encode(%q) = %v, Encode(%q) = %v", name, a, x, b, y)
		}
	}
	same("case", "Dog On BEACH", "dog on beach")
	same("white space", " dog\t on\n beach ", "dog on beach")
	same("accents", "Café İstanbul", "cafe istanbul")
	same("ideographs are words", "日本", "日 本")
	same("controls vanish", "do\u200bg", "dog")
	if _, used := tok.Encode(""); used != 2 {
		t.Errorf("an empty text has %d ids, want [CLS] and [SEP]", used)
	}
	long, used := tok.Encode(strings.Repeat("dog ", 100))
	if len(long) != 32 || used != 32 || long[31] != 102 {
		t.Errorf("a long text = %v (%d used), want 32 ids that end with [SEP]", long, used)
	}
	if ids, _ := tok.Encode("a [MASK] b"); ids[2] != 103 {
		t.Errorf("special token in the text = %v, want id 103", ids)
	}
	if ids, _ := tok.Encode(strings.Repeat("x", 101)); ids[1] != 100 || ids[2] != 102 {
		t.Errorf("a word of 101 characters = %v, want [UNK]", ids)
	}
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in           string
		canonicalize bool
		want         string
	}{
		{"  a\t b\n", false, "a b"},
		{"It's a Dog!", false, "It's a Dog!"},
		{"It's a Dog!", true, "its a dog"},
		{"a - b", true, "a b"},
		{"\xff", false, "\ufffd"},
		{" \u00a0 ", false, ""},
	} {
		if got := tokenize.Clean(c.in, c.canonicalize); got != c.want {
			t.Errorf("Clean(%q, %v) = %q, want %q", c.in, c.canonicalize, got, c.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	whole := string(starter.Tokenizer)
	for name, c := range map[string]struct {
		json   string
		config tokenize.Config
		want   error
		says   string
	}{
		"truncated":      {whole[:1000], tokenize.Config{ContextLength: 32, PadToken: "[PAD]"}, nil, "EOF"},
		"normalizer":     {strings.Replace(whole, "BertNormalizer", "Rot13", 1), tokenize.Config{ContextLength: 32, PadToken: "[PAD]"}, tokenize.ErrUnsupported, "Rot13"},
		"pre-tokenizer":  {strings.Replace(whole, "BertPreTokenizer", "Whole", 1), tokenize.Config{ContextLength: 32, PadToken: "[PAD]"}, tokenize.ErrUnsupported, "Whole"},
		"model":          {strings.Replace(whole, `{"type":"WordPiece","unk`, `{"type":"Runes","unk`, 1), tokenize.Config{ContextLength: 32, PadToken: "[PAD]"}, tokenize.ErrUnsupported, "Runes"},
		"post-processor": {strings.Replace(whole, "TemplateProcessing", "Sandwich", 1), tokenize.Config{ContextLength: 32, PadToken: "[PAD]"}, tokenize.ErrUnsupported, "Sandwich"},
		"pad token":      {whole, tokenize.Config{ContextLength: 32, PadToken: "<pad>"}, nil, "<pad>"},
		"context":        {whole, tokenize.Config{ContextLength: 2, PadToken: "[PAD]"}, nil, "context length"},
	} {
		_, err := tokenize.New([]byte(c.json), c.config)
		if err == nil || !strings.Contains(err.Error(), c.says) || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: err = %v, want one that says %q", name, err, c.says)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok := newStarter(f)
	for _, s := range []string{"", "dog on beach", "[CLS]", "\xff\xfe", "日本", "é́", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids, used := tok.Encode(text)
		if len(ids) != 32 || used < 2 || used > 32 {
			t.Errorf("Encode(%q) = %d ids, %d used", text, len(ids), used)
		}
		for _, id := range ids {
			if id < 0 || id >= 30522 {
				t.Errorf("Encode(%q) has id %d outside the vocabulary", text, id)
			}
		}
	})
}

// TestDoublingReplacements: a file whose replacements double the text with each step needs little memory.
func TestDoublingReplacements(t *testing.T) {
	steps := strings.Repeat(`{"type":"Replace","pattern":{"String":"a"},"content":"aa"},`, 60)
	file := `{"normalizer":{"type":"Sequence","normalizers":[` + strings.TrimSuffix(steps, ",") + `]},"pre_tokenizer":{"type":"WhitespaceSplit"},
		"model":{"type":"WordPiece","unk_token":"?","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"?":0,"a":1}}}`
	tok, err := tokenize.New([]byte(file), tokenize.Config{ContextLength: 8, PadToken: "?"})
	if err != nil {
		t.Fatal(err)
	}
	before := testing.AllocsPerRun(1, func() { tok.Encode("a b") })
	if _, used := tok.Encode("a b"); used == 0 || before > 1e6 {
		t.Errorf("%d ids, %v allocations", used, before)
	}
}
