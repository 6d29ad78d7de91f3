package scenario

import (
	"encoding/json"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// speaks adds language tokens like NLLB's to a tokenizer.json: speaks FILE CODE... They have the ids of words, so that the model's graph
// accepts them.
func speaks(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	data, err := os.ReadFile(path)
	ts.Check(err)
	var file map[string]any
	ts.Check(json.Unmarshal(data, &file))
	added, ok := file["added_tokens"].([]any)
	if !ok {
		ts.Fatalf("%s: no added_tokens", args[0])
	}
	for i, code := range args[1:] {
		added = append(added, map[string]any{"id": 2000 + i, "content": code, "special": true})
	}
	file["added_tokens"] = added
	data, err = json.Marshal(file)
	ts.Check(err)
	ts.Check(os.WriteFile(path, data, 0o644))
}
