package cmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

type exportOptions struct {
	app     *App
	format  string
	output  string
	filters filterFlags
	filter  filter
	model   askedModel
}

func newExportCommand(app *App) *cobra.Command {
	o := exportOptions{app: app}
	c := &cobra.Command{
		Use:   "export",
		Short: "Give the index's vectors to other tools",
		Long: `Write the vectors of the pictures in the index, with what they are.

FORMATS
  jsonl   one picture a line: path, also, sha256 (of the picture), width, height, taken_at, vector, and the model's identity
  npy     NumPy's: --output X.npy gets the vectors, float16 [pictures, dimension], X.jsonl the lines without them, in
          the same order

EXIT STATUS
  0 done; 1 failed; 2 wrong usage; 10 no index here yet; 13 the index has no vectors of this model;
  14 the index is from a newer version of imgsearch; 130 interrupted`,
		Example: `  imgsearch export > vectors.jsonl
  imgsearch export --format npy --output vectors.npy --taken 2023`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "jsonl", "`jsonl` or npy")
	f.StringVarP(&o.output, "output", "o", "-", "write to `FILE`; - is the standard output")
	o.filters.add(f)
	modelFlags(f, &o.model)
	return c
}

func (o *exportOptions) check() (err error) {
	switch o.format {
	case "jsonl":
	case "npy":
		if !strings.HasSuffix(o.output, ".npy") {
			return usageError("give a file: --output vectors.npy", "--format npy without a file FILE.npy")
		}
	default:
		return usageError("give jsonl or npy", "--format %q", o.format)
	}
	if o.filter, err = o.filters.parse(time.Now()); err != nil {
		return err
	}
	return o.model.check(o.app)
}

// exportJSON is a picture with its vector (docs/json.md).
type exportJSON struct {
	Schema    int    `json:"schema"`
	Model     string `json:"model"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
	SHA256    string `json:"sha256"`
	pathsJSON
	Width   int       `json:"width"`
	Height  int       `json:"height"`
	TakenAt *string   `json:"taken_at"`
	Vector  []float32 `json:"vector,omitempty"`
}

func (o *exportOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	ix, err := o.app.openReadOnly(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	used, err := o.app.vectorsWithoutModel(ctx, ix, o.model)
	if err != nil {
		return err
	}
	engine := query.New(ix, nil)
	selected, err := o.filter.in(ctx, engine)
	if err != nil {
		return err
	}
	vectors := engine.Vectors(ctx, selected, used.Identity)
	if o.format == "npy" {
		return o.exportNPY(used, vectors)
	}
	return o.exportLines(used, vectors)
}

func pictureJSON(used store.Model, v query.Vector) exportJSON {
	return exportJSON{
		Schema: schemaVersion, Model: used.Name, Identity: used.Identity, Precision: used.Precision, SHA256: v.ID.String(),
		pathsJSON: newPathsJSON(v.Path, v.Also), Width: v.Width, Height: v.Height, TakenAt: orNull(v.TakenAt),
	}
}

// create opens where the results go: a new file that gets its name when it is whole, or the standard output.
func (o *exportOptions) create(path string) (w *bufio.Writer, done func(error) error, err error) {
	if path == "-" {
		w = bufio.NewWriter(o.app.streams.Out)
		return w, func(err error) error { return errors.Join(err, w.Flush()) }, nil
	}
	err = mayReplace("--output", path, "export of imgsearch", func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("\x93NUMPY")) || bytes.HasPrefix(head, []byte(`{"schema":1,"model":`))
	})
	if err != nil {
		return nil, nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".imgsearch-export-*")
	if err != nil {
		return nil, nil, usageError("give a file in a folder that takes files", "--output: %w", err)
	}
	w = bufio.NewWriter(f)
	return w, func(err error) error {
		defer os.Remove(f.Name())
		if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
			return err
		}
		return os.Rename(f.Name(), path)
	}, nil
}

func (o *exportOptions) exportLines(used store.Model, vectors iter.Seq2[query.Vector, error]) error {
	w, done, err := o.create(o.output)
	if err != nil {
		return err
	}
	for v, err := range vectors {
		if err != nil {
			return done(err)
		}
		l := pictureJSON(used, v)
		l.Vector = vec.Unpack(v.Data)
		if err := printJSON(w, l); err != nil {
			return done(err)
		}
	}
	return done(nil)
}

// exportNPY writes the vectors in NumPy's format, version 1.0 (numpy.lib.format): the header tells the number of rows, which
// is known at the end, so the rows wait in memory as they are stored.
func (o *exportOptions) exportNPY(used store.Model, vectors iter.Seq2[query.Vector, error]) error {
	lines, linesDone, err := o.create(strings.TrimSuffix(o.output, ".npy") + ".jsonl")
	if err != nil {
		return err
	}
	var rows []byte
	for v, failed := range vectors {
		if err = failed; err == nil {
			rows = append(rows, v.Data...)
			err = printJSON(lines, pictureJSON(used, v))
		}
		if err != nil {
			break
		}
	}
	w, done, openErr := o.create(o.output)
	if err = errors.Join(err, openErr); err != nil {
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
