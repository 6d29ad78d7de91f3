package tokenize_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/models/starter"
)

// newLanguages returns a tokenizer with tokens for two languages. Its template has the one of English in place of [CLS] or of [SEP], or
// none.
func newLanguages(t *testing.T, place string) *tokenize.Tokenizer {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(starter.Tokenizer, &file); err != nil {
		t.Fatal(err)
	}
	added, ok := file["added_tokens"].([]any)
	if !ok {
		t.Fatal("no added tokens")
	}
	for i, code := range []string{"eng_Latn", "deu_Latn"} {
		added = append(added, map[string]any{"id": 40000 + i, "content": code, "special": true})
	}
	file["added_tokens"] = added
	piece := func(id string) any { return map[string]any{"SpecialToken": map[string]any{"id": id, "type_id": 0}} }
	text := map[string]any{"Sequence": map[string]any{"id": "A", "type_id": 0}}
	single := []any{piece("[CLS]"), text, piece("[SEP]")}
	switch place {
	case "before":
		single[0] = piece("eng_Latn")
	case "after":
		single[2] = piece("eng_Latn")
	}
	ids := func(id string, n int) any { return map[string]any{"id": id, "ids": []int{n}, "tokens": []string{id}} }
	file["post_processor"] = map[string]any{
		"type": "TemplateProcessing", "single": single, "pair": []any{},
		"special_tokens": map[string]any{"[CLS]": ids("[CLS]", 101), "[SEP]": ids("[SEP]", 102), "eng_Latn": ids("eng_Latn", 40000)},
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(data, tokenize.Config{ContextLength: 8, PadToken: "[PAD]"})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestLanguage checks that a code at the beginning of a text chooses the language's token.
func TestLanguage(t *testing.T) {
	word, _ := newStarter(t).Encode("dog")
	dog := word[1]
	for _, c := range []struct {
		place, text string
		want        []int32
	}{
		{"before", "dog", []int32{40000, dog, 102}},
		{"before", "deu_Latn dog", []int32{40001, dog, 102}},
		{"before", "eng_Latn dog", []int32{40000, dog, 102}},
		{"after", "dog", []int32{101, dog, 40000}},
		{"after", "deu_Latn dog", []int32{101, dog, 40001}},
		{"", "dog", []int32{101, dog, 102}},
		{"", "deu_Latn dog", []int32{40001, 101, dog, 102}},
		{"before", "deu_Latn", []int32{40001, 102}},
	} {
		ids, used := newLanguages(t, c.place).Encode(c.text)
		if !slices.Equal(ids[:used], c.want) {
			t.Errorf("the language %s the text, Encode(%q) = %v, want %v", c.place, c.text, ids[:used], c.want)
		}
	}
	plain, _ := newStarter(t).Encode("deu_Latn dog")
	if plain[0] != 101 {
		t.Errorf("a tokenizer without languages: %v", plain)
	}
}
