package cli

import (
	"encoding/json"
	"io"

	"github.com/imgsearch/imgsearch/internal/words"
)

// PrintJSON writes one value on one line.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(jsonWriter{w})
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// jsonWriter escapes in JSON what a terminal would obey, such as C1 controls in a file's name: encoding/json escapes only C0. The value stays the
// same. Each Write must be of whole characters.
type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(data []byte) (int, error) {
	if _, err := j.w.Write(words.CleanJSON(data)); err != nil {
		return 0, err
	}
	return len(data), nil
}
