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
		`{"dim": "x"}`: `read it: "dim" is of the wrong kind, string`,
		`[1]`:          `read it: a value of the wrong kind, array`,
		`{"dim": }`:    `read it: not JSON at byte 9`,
		`{`:            `read it: not JSON at byte 1`,
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
	if err := Plain(io.EOF); err != io.EOF { //nolint:errorlint // it is to be the same
		t.Errorf("%v", err)
	}
}
