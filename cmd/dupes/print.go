package dupes

import (
	"bufio"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// printer prints groups.
type printer struct {
	p         *cli.Program
	format    string
	nul       bool
	threshold float64
}

func (o printer) print(w io.Writer, groups []dupes.Group, used store.Model) error {
	out := bufio.NewWriter(w)
	if o.format == "json" {
		if err := cli.PrintJSON(out, wire.NewDupes(groups, used, o.threshold)); err != nil {
			return err
		}
		return out.Flush()
	}
	for i, g := range groups {
		if o.format == "jsonl" {
			if err := cli.PrintJSON(out, wire.NewGroup(g)); err != nil {
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
