package tokenize_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// reference reads one of the reference tokenizers of the team's shared folder.
func reference(t testing.TB, kind string) (*tokenize.Tokenizer, string) {
	t.Helper()
	dir := testkit.Shared(t, "reference/tokenizers/"+kind)
	var config struct {
		Text struct {
			ContextLength int `json:"context_length"`
			Kwargs        struct {
				Clean string `json:"clean"`
			} `json:"tokenizer_kwargs"`
		} `json:"text_cfg"`
	}
	var special struct {
		PadToken string `json:"pad_token"`
	}
	readJSON(t, filepath.Join(dir, "config.json"), &config)
	readJSON(t, filepath.Join(dir, "tokenizer_config.json"), &special)
	data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(data, tokenize.Config{
		ContextLength: config.Text.ContextLength, PadToken: special.PadToken, Canonicalize: config.Text.Kwargs.Clean == "canonicalize",
	})
	if err != nil {
		t.Fatal(err)
	}
	return tok, dir
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

var kinds = []string{"clip-bpe", "siglip-unigram", "siglip2-bpe", "xlmr-unigram", "bert-wordpiece"}

// textCase is a text with the ids that the reference library gives.
type textCase struct {
	Text string  `json:"text"`
	IDs  []int32 `json:"ids"`
}

func TestReferenceIDs(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			tok, dir := reference(t, kind)
			var cases []textCase
			readJSON(t, filepath.Join(dir, "cases.json"), &cases)
			wrong := 0
			for _, c := range cases {
				if got, _ := tok.Encode(c.Text); !slices.Equal(got, c.IDs) {
					wrong++
					t.Errorf("Encode(%q) = %v, want %v", c.Text, got, c.IDs)
				}
			}
			t.Logf("%d of %d cases equal", len(cases)-wrong, len(cases))
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	captions := testkit.Captions(b)[:1000]
	for _, kind := range kinds {
		b.Run(kind, func(b *testing.B) {
			tok, _ := reference(b, kind)
			for b.Loop() {
				for _, c := range captions {
					tok.Encode(c)
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	data, err := os.ReadFile(filepath.Join(testkit.Shared(b, "reference/tokenizers/clip-bpe"), "tokenizer.json"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := tokenize.New(data, tokenize.Config{ContextLength: 77, PadToken: "<|endoftext|>"}); err != nil {
			b.Fatal(err)
		}
	}
}
