package cli

import (
	"path/filepath"
	"strings"
)

// Describe lists the filters, for a title. It shortens folders to their last element.
func (q *FilterFlags) Describe() (parts []string) {
	add := func(name string, values ...string) {
		if text := strings.Join(values, " and "); text != "" {
			parts = append(parts, strings.TrimSpace(name+" "+text))
		}
	}
	for _, dir := range q.under {
		add("in", filepath.Base(filepath.Clean(dir)))
	}
	add("taken", q.taken)
	add("after", q.after)
	add("before", q.before)
	add("camera", q.camera)
	add("lens", q.lens)
	add("rating", q.rating)
	add("keyword", q.keywords...)
	add("text", q.texts...)
	add("with", q.people...)
	add("label", q.labels...)
	add("in", strings.Join(q.places, " or "))
	add("", strings.Join(q.types, " or "))
	add("named", strings.Join(q.names, " or "))
	add("", q.shape)
	add("width", q.width)
	add("height", q.height)
	add("megapixels", q.megapixels)
	add("near", q.near)
	for _, not := range q.not {
		name, value, _ := strings.Cut(not, "=")
		if name == "under" {
			name, value = "in", filepath.Base(filepath.Clean(value))
		}
		add("not "+name, value)
	}
	return parts
}
