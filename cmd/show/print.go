package show

import (
	"bufio"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

func modified(f store.FileRecord) time.Time { return time.Unix(0, f.MTimeNS) }

// indent is the column in which the values start.
const indent = 12

// print writes the text format.
func (s *shown) print(p *cli.Program) error {
	out := bufio.NewWriter(p.Out)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "  %-9s %s\n", name, p.Hang(indent, words.Path(value)))
		}
	}
	if s.path != "" {
		fmt.Fprintln(out, words.Path(s.path))
	} else {
		fmt.Fprintln(out, words.Path(s.Paths[0]))
	}
	if f := s.failure; f != nil {
		row("failed", fmt.Sprintf("%s: %s (%s)", f.Stage, f.Reason, f.FailedAt.Local().Format(time.DateTime)))
	}
	if s.Picture == nil {
		return out.Flush()
	}
	if s.path != "" && !s.known && s.failure == nil {
		row("note", "this file is not in the index, but the same photo is")
	}
	row("id", s.ID.String())
	row("photo", fmt.Sprintf("%s, %d x %d, %s megapixels", s.Format, s.Width, s.Height, megapixels(s.Width*s.Height)))
	s.printMetadata(row)
	for i, f := range s.Files {
		name := ""
		if i == 0 {
			name = "files"
		}
		fmt.Fprintf(out, "  %-9s %s\n", name, s.file(i, f))
	}
	if len(s.Labels) > 0 {
		names := make([]string, len(s.Labels))
		for i, l := range s.Labels {
			names[i] = fmt.Sprintf("%s (%.2f)", words.Path(l.Name), l.Score)
		}
		row("labels", strings.Join(names, ", "))
	}
	for i, l := range s.Text.Lines {
		name := ""
		if i == 0 {
			name = "text"
		}
		fmt.Fprintf(out, "  %-9s %s\n", name, words.Path(l.Text))
	}
	var models []string
	for _, m := range s.Models {
		models = append(models, m.Title())
	}
	if len(models) == 0 {
		models = []string{"none; run `imgsearch index` to create them"}
	}
	row("vectors", strings.Join(models, ", "))
	if s.Preview {
		row("preview", "kept")
	}
	return out.Flush()
}

// megapixels returns a number of megapixels, rounded to a tenth, and at least 0.1.
func megapixels(pixels int) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", max(float64(pixels)/1e6, 0.1)), ".0")
}

// named returns a name for a file among the others: its file name, or its path if another file has the same name.
func (s *shown) named(i int) string {
	name := filepath.Base(s.Paths[i])
	for k, path := range s.Paths {
		if k != i && filepath.Base(path) == name {
			return s.Paths[i]
		}
	}
	return name
}

// printMetadata writes the metadata, with the file that each value comes from if there are several files.
func (s *shown) printMetadata(row func(name, value string)) {
	sources := wire.Sources(s.Picture)
	told := func(name, field, value string) {
		if value == "" {
			return
		}
		i, ok := sources[field]
		switch {
		case !ok:
		case s.Files[i].Sidecar.Name != "" && slices.Contains([]string{"rating", "keywords", "people", "description"}, field):
			value += "  (" + s.named(i) + " with " + s.Files[i].Sidecar.Name + ")"
		case len(s.Files) > 1:
			value += "  (" + s.named(i) + ")"
		}
		row(name, value)
	}
	taken := strings.Replace(s.TakenAt, "T", " ", 1)
	switch s.TakenSource {
	case store.DateOriginal:
		taken += ", EXIF DateTimeOriginal"
	case store.DateDigitized:
		taken += ", EXIF DateTimeDigitized"
	case store.DateXMP:
		taken += ", XMP"
	case store.DateExport:
		taken += ", the export's JSON"
	case store.DateFileName:
		taken += ", file name"
	case store.DateModified:
		taken += ", EXIF ModifyDate"
	case store.DateFileTime:
		taken += ", file time"
	}
	told("taken", "taken_at", taken)
	told("camera", "camera", s.Camera)
	told("lens", "lens", s.Lens)
	if s.Rated {
		told("rating", "rating", stars(s.Rating))
	}
	told("keywords", "keywords", strings.Join(s.Keywords, ", "))
	told("people", "people", s.peopleText())
	told("caption", "description", s.Description)
	if p := s.Position; p != nil {
		at := fmt.Sprintf("%.5f, %.5f", p.Latitude, p.Longitude)
		if name := wire.PlaceName(p); name != "" {
			at = name + "  " + at
		}
		told("place", "place", at)
	}
}

// peopleText returns the people, each with where they are, in per cent of the width and height.
func (s *shown) peopleText() string {
	list := make([]string, len(s.People))
	for i, name := range s.People {
		list[i] = name
		if i < len(s.Boxes) && s.Boxes[i] != [4]float64{} {
			b := s.Boxes[i]
			list[i] += fmt.Sprintf(" (at %.0f %%, %.0f %%, %.0f x %.0f %%)", 100*b[0], 100*b[1], 100*b[2], 100*b[3])
		}
	}
	return strings.Join(list, ", ")
}

func stars(n int) string {
	switch {
	case n < 0:
		return "rejected"
	case n == 0:
		return "none"
	}
	return fmt.Sprintf("%d of 5", n)
}

// file describes a file on one line.
func (s *shown) file(i int, f store.FileRecord) string {
	parts := []string{humanize.IBytes(uint64(max(f.Size, 0))), "changed " + modified(f).Format(time.DateTime)}
	if role := wire.Role(s.Picture, i); role != "picture" {
		parts = append([]string{role}, parts...)
	}
	if f.Sidecar.Name != "" {
		parts = append(parts, "sidecar "+words.Path(f.Sidecar.Name))
	}
	if f.Export.Name != "" {
		parts = append(parts, "export "+words.Path(f.Export.Name))
	}
	path := s.Paths[i]
	switch {
	case path == "":
		path, parts = f.Rel(), append(parts, "its folder has no path on this machine; set one with `imgsearch roots move`")
	case s.Missing[i]:
		parts = append(parts, "missing")
	}
	return words.Path(path) + "  (" + strings.Join(parts, ", ") + ")"
}
