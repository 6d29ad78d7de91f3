package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// columns are rows to write, column by column: what unnest turns into a table.
type columns struct {
	names, kinds []string
	values       []any
}

func (c *columns) add(name, kind string, values any) {
	c.names, c.kinds, c.values = append(c.names, name), append(c.kinds, kind), append(c.values, values)
}

// table returns an expression for the rows, named n. The arrays are the parameters after the first ones.
func (c *columns) table(after int) string {
	params := make([]string, len(c.kinds))
	for i, kind := range c.kinds {
		params[i] = "$" + strconv.Itoa(after+i+1) + "::" + kind + "[]"
	}
	return "unnest(" + join(params) + ") AS n(" + join(c.names) + ")"
}

// sets returns "a = n.a, b = n.b", without some columns.
func (c *columns) sets(except ...string) string {
	var list []string
	for _, name := range c.names {
		if !slices.Contains(except, name) {
			list = append(list, name+" = n."+name)
		}
	}
	return join(list)
}

// excluded returns "a = excluded.a, b = excluded.b".
func (c *columns) excluded() string {
	list := make([]string, len(c.names))
	for i, name := range c.names {
		list[i] = name + " = excluded." + name
	}
	return join(list)
}

func join(list []string) string { return strings.Join(list, ", ") }

// optional returns nil for a zero value.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func optionalBytes(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// addMetadata adds the columns of metadata, whose words putWords has looked up.
func (t *tx) addMetadata(c *columns, list []store.Metadata) error {
	n := len(list)
	taken, source, words := make([]*string, n), make([]int16, n), [4][]*int32{make([]*int32, n), make([]*int32, n), make([]*int32, n), make([]*int32, n)}
	lat, lon, rating, boxes, description := make([]*float64, n), make([]*float64, n), make([]*int16, n), make([]*string, n), make([]*string, n)
	for i, m := range list {
		taken[i], source[i], description[i] = optional(plain(m.TakenAt)), int16(m.TakenSource), optional(plain(m.Description))
		for k, w := range wordsOf(m) {
			words[k][i] = optional(t.words[w])
		}
		if m.Position != nil {
			lat[i], lon[i] = &m.Position.Latitude, &m.Position.Longitude
		}
		if m.Rated {
			rating[i] = new(int16(m.Rating))
		}
		if len(m.Boxes) > 0 {
			data, err := json.Marshal(m.Boxes)
			if err != nil {
				return fmt.Errorf("write the index: %w", err)
			}
			boxes[i] = new(string(data))
		}
	}
	c.add("taken_at", "text", taken)
	c.add("taken_source", "smallint", source)
	for k, name := range []string{"camera", "lens", "keywords", "people"} {
		c.add(name, "integer", words[k])
	}
	c.add("latitude", "float8", lat)
	c.add("longitude", "float8", lon)
	c.add("rating", "smallint", rating)
	c.add("boxes", "text", boxes)
	c.add("description", "text", description)
	return nil
}

// addSays adds the columns of what was read along with files.
func addSays(c *columns, list []store.File) {
	n := len(list)
	meta, sidecar, sidecarSize, sidecarTime := make([]int32, n), make([][]byte, n), make([]int64, n), make([]int64, n)
	twins, isTwin, export, exportSize, exportTime := make([][]byte, n), make([]bool, n), make([][]byte, n), make([]int64, n), make([]int64, n)
	for i, f := range list {
		meta[i], isTwin[i], twins[i] = int32(f.MetaVersion), f.IsTwin, optionalBytes(strings.Join(f.Twins, "/"))
		sidecar[i], sidecarSize[i], sidecarTime[i] = optionalBytes(f.Sidecar.Name), f.Sidecar.Size, f.Sidecar.MTimeNS
		export[i], exportSize[i], exportTime[i] = optionalBytes(f.Export.Name), f.Export.Size, f.Export.MTimeNS
	}
	c.add("meta", "integer", meta)
	c.add("sidecar", "bytea", sidecar)
	c.add("sidecar_size", "bigint", sidecarSize)
	c.add("sidecar_mtime_ns", "bigint", sidecarTime)
	c.add("twins", "bytea", twins)
	c.add("is_twin", "boolean", isTwin)
	c.add("export", "bytea", export)
	c.add("export_size", "bigint", exportSize)
	c.add("export_mtime_ns", "bigint", exportTime)
}
