package dupes

import (
	"bufio"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// printer prints groups.
type printer struct {
	p         *cli.Program
	format    string
	nul       bool
	threshold float64
}

// dupeJSON is one picture of a group (docs/json.md).
type dupeJSON struct {
	Score float64 `json:"score"`
	cli.PathsJSON
	Width     int     `json:"width"`
	Height    int     `json:"height"`
	TakenAt   *string `json:"taken_at"`
	Bytes     int64   `json:"bytes"`
	Sharpness float64 `json:"sharpness,omitempty"`
}

// groupJSON is a group of duplicates.
type groupJSON struct {
	Exact    bool       `json:"exact"`
	Pictures []dupeJSON `json:"pictures"`
}

func (o printer) groupJSON(g dupes.Group) groupJSON {
	out := groupJSON{Exact: g.Exact}
	for _, d := range g.Pictures {
		out.Pictures = append(out.Pictures, dupeJSON{
			Score: cli.Round(d.Score, 6), PathsJSON: cli.NewPathsJSON(d.Path, d.Also), Width: d.Width, Height: d.Height, TakenAt: cli.OrNull(d.TakenAt),
			Bytes: d.Bytes, Sharpness: cli.Round(d.Sharpness, 2),
		})
	}
	return out
}

func (o printer) print(w io.Writer, groups []dupes.Group, used store.Model) error {
	out := bufio.NewWriter(w)
	if o.format == "json" {
		list := make([]groupJSON, 0, len(groups))
		for _, g := range groups {
			list = append(list, o.groupJSON(g))
		}
		if err := cli.PrintJSON(out, struct {
			Schema    int         `json:"schema"`
			Model     string      `json:"model"`
			Precision string      `json:"precision"`
			Threshold float64     `json:"threshold"`
			Groups    []groupJSON `json:"groups"`
		}{cli.Schema, used.Name, used.Precision, o.threshold, list}); err != nil {
			return err
		}
		return out.Flush()
	}
	for i, g := range groups {
		if o.format == "jsonl" {
			if err := cli.PrintJSON(out, o.groupJSON(g)); err != nil {
				return err
			}
			continue
		}
		if i > 0 && !o.nul && o.format != "tsv" {
			fmt.Fprintln(out)
		}
		for _, d := range g.Pictures {
			for j, path := range append([]string{d.Path}, d.Also...) {
				o.printFile(out, i+1, d, path, j > 0)
			}
		}
	}
	return out.Flush()
}

// printFile prints one file of a group. isCopy marks a file with the same picture as the previous one.
func (o printer) printFile(w io.Writer, group int, d dupes.Dupe, path string, isCopy bool) {
	switch {
	case o.nul:
		fmt.Fprintf(w, "%s\x00", path)
	case o.format == "paths":
		fmt.Fprintln(w, words.Path(path))
	case o.format == "tsv":
		fmt.Fprintf(w, "%d\t%.4f\t%s\t%d\t%d\t%d\n", group, d.Score, words.Path(path), d.Width, d.Height, d.Bytes)
	case isCopy:
		fmt.Fprintf(w, "  same    %9s  %s\n", "", words.Path(path))
	default:
		fmt.Fprintf(w, "  %.4f  %4d x %-4d  %8s  %s\n", d.Score, d.Width, d.Height, humanize.IBytes(uint64(max(d.Bytes, 0))), words.Path(path))
	}
}
