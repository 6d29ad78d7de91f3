package parse

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// maxNesting limits the nesting of filters.
const maxNesting = 8

var (
	errNesting = errors.New("filters are nested too deeply")
	errNoRule  = errors.New("not a rule of the form NAME=VALUE")
)

// Text parses the canonical text form of a filter (store.Filter.String), in which dates are absolute and formats have their own names.
func Text(text string) (store.Filter, error) { return readText(text, maxNesting) }

func readText(text string, depth int) (f store.Filter, err error) {
	if depth == 0 {
		return f, errNesting
	}
	values := make(Values)
	for text = strings.TrimLeft(text, " "); text != ""; text = strings.TrimLeft(text, " ") {
		var name, value string
		if name, value, text, err = rule(text); err != nil {
			return f, err
		}
		values[name] = append(values[name], value)
	}
	values["type"] = values["format"]
	noFormat := len(values["format"]) == 1 && values["format"][0] == "none"
	if f, err = Filter(values, Options{Formats: func(word string) []string { return []string{word} }}); err != nil {
		return f, err
	}
	if values["pixels"] != nil {
		if f.Pixels, err = Range(values.one("pixels")); err != nil {
			return f, &Error{"pixels", err, ""}
		}
	}
	if f.Pictures, err = ids(values["id"]); err != nil {
		return f, &Error{"id", err, ""}
	}
	f.Under = folders(values["under"])
	if noFormat {
		f.Formats = []string{}
	}
	for _, inner := range values["not"] {
		not, err := readText(inner, depth-1)
		if err != nil {
			return f, &Error{"not", err, ""}
		}
		f.Not = append(f.Not, not)
	}
	return f, nil
}

// textNames are the names of rules in the text form.
var textNames = map[string]bool{
	"id": true, "under": true, "name": true, "format": true, "keyword": true, "person": true, "place": true, "label": true, "text": true, "after": true, "before": true, "camera": true, "lens": true, "near": true,
	"radius": true, "rating": true, "width": true, "height": true, "pixels": true, "orientation": true, "not": true,
}

// rule parses the first NAME=VALUE.
func rule(text string) (name, value, rest string, err error) {
	name, rest, ok := strings.Cut(text, "=")
	if !ok || !textNames[name] {
		return "", "", "", fmt.Errorf("%q: %w", text, errNoRule)
	}
	if !strings.HasPrefix(rest, `"`) {
		value, rest, _ = strings.Cut(rest, " ")
		return name, value, rest, nil
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err == nil {
		value, err = strconv.Unquote(quoted)
	}
	if err != nil {
		return "", "", "", fmt.Errorf("%q: missing closing quote", rest)
	}
	return name, value, rest[len(quoted):], nil
}

func ids(list []string) (ids []store.PictureID, err error) {
	for _, text := range list {
		if text == "none" {
			return []store.PictureID{}, nil
		}
		var id store.PictureID
		if n, err := hex.Decode(id[:], []byte(text[:min(len(text), 2*len(id))])); err != nil || n != len(id) || len(text) != 2*len(id) {
			return nil, fmt.Errorf("%q: %w", text, store.ErrPrefix)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func folders(list []string) (under []store.Folder) {
	for _, text := range list {
		if text == "none" {
			return []store.Folder{}
		}
		root, dir, _ := strings.Cut(text, ":")
		under = append(under, store.Folder{Root: store.RootID(root), Dir: dir})
	}
	return under
}
