package jsonerr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestPlain(t *testing.T) {
	var v struct {
		Dim int `json:"dim"`
	}
	for text, want := range map[string]string{
		`{"dim": "x"}`: `read it: "dim" has the wrong type: string`,
		`[1]`:          `read it: a value has the wrong type: array`,
		`{"dim": }`:    `read it: invalid JSON at byte 9`,
		`{`:            `read it: invalid JSON at byte 1`,
	} {
		cause := json.Unmarshal([]byte(text), &v)
		err := Plain(fmt.Errorf("read it: %w", cause))
		if err.Error() != want || !errors.Is(err, cause) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if strings.Contains(err.Error(), "json: ") || strings.Contains(err.Error(), "Go ") {
			t.Errorf("%v", err)
		}
	}
	if err := Plain(io.EOF); err != io.EOF { //nolint:errorlint // it must be the same error
		t.Errorf("%v", err)
	}
}
