package vectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// exportNPY writes the vectors in NumPy's format, version 1.0 (numpy.lib.format). The header holds the number of rows, which
// is known only at the end, so the rows are kept in memory until then, as they are stored.
func (o *exportOptions) exportNPY(used store.Model, vectors iter.Seq2[query.Vector, error]) error {
	lines, linesDone, err := o.create(strings.TrimSuffix(o.output, ".npy") + ".jsonl")
	if err != nil {
		return err
	}
	var rows []byte
	for v, failed := range vectors {
		if err = failed; err == nil {
			rows = append(rows, v.Data...)
			err = cli.PrintJSON(lines, pictureJSON(used, v))
		}
		if err != nil {
			return linesDone(err)
		}
	}
	w, done, err := o.create(o.output)
	if err != nil {
		return linesDone(err)
	}
	err = writeNPY(w, rows, used.Dim)
	return errors.Join(linesDone(nil), done(err))
}

func writeNPY(w io.Writer, rows []byte, dim int) error {
	const align = 64
	header := fmt.Sprintf("{'descr': '<f2', 'fortran_order': False, 'shape': (%d, %d), }", len(rows)/(2*dim), dim)
	const fixed = 10 // magic, version, the header's length
	header += strings.Repeat(" ", align-(fixed+len(header)+1)%align) + "\n"
	if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00%s%s", binary.LittleEndian.AppendUint16(nil, uint16(len(header))), header); err != nil {
		return err
	}
	_, err := w.Write(rows)
	return err
}
