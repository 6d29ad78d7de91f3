package vectors

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/internal/wire"
)

type exportOptions struct {
	p       *cli.Program
	format  string
	output  string
	filters cli.FilterFlags
	model   app.ModelChoice

	xmp           string
	beside, adobe bool
	dryRun        bool
}

// NewExport returns the command that writes the vectors of an index.
func NewExport(p *cli.Program) *cobra.Command {
	o := exportOptions{p: p}
	c := &cobra.Command{
		Use:   "export",
		Short: "Export the vectors in the index, or sidecars for other programs",
		Long: `Write the vectors of the pictures in the index, with the metadata of each picture, for use in other tools.

With --xmp, write an XMP sidecar for each photo instead, for darktable, digiKam and Lightroom: its rating, keywords, people, description,
labels and text, and the date and place that an export or another sidecar gave it. The sidecars go into a folder of their own, which mirrors
the indexed folders. Look at them, and then copy them beside the photos with a command that does not replace files, such as cp -rn.
--xmp-beside writes the sidecars beside those photos that have none. The next run of index reads them, so labels and people become keywords
too. No photo is changed, and no file is replaced.

FORMATS
  jsonl   one picture per line: path, also, sha256 (of the picture), width, height, taken_at, vector, and the model's identity
  npy     a NumPy array: the file of --output, X.npy, contains the vectors as float16 [pictures, dimension]; X.jsonl contains
          the lines of jsonl without the vectors, in the same order

EXIT STATUS
  0 done; 1 failed; 2 usage error; 3 done, but some sidecars could not be written; 10 no index here yet; 13 the index has no vectors of this model;
  14 the index is from a newer version of imgsearch; 130 interrupted`,
		Example: `  imgsearch export > vectors.jsonl
  imgsearch export --format npy --output vectors.npy --taken 2023
  imgsearch export --xmp ~/sidecars --dry-run`,
		Args: cli.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("xmp") && o.xmp == "" {
				return cli.Usage("use the path of a folder", "--xmp needs a folder")
			}
			return o.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "jsonl", "output `FORMAT`: jsonl or npy")
	f.StringVarP(&o.output, "output", "o", "-", "write to `FILE`; - is standard output")
	f.StringVar(&o.xmp, "xmp", "", "write XMP sidecars into `DIR` instead")
	f.BoolVar(&o.beside, "xmp-beside", false, "write XMP sidecars beside the photos that have none instead")
	f.BoolVar(&o.adobe, "xmp-adobe", false, "name sidecars NAME.xmp, as Lightroom reads them, instead of NAME.EXT.xmp")
	f.BoolVarP(&o.dryRun, "dry-run", "n", false, "with --xmp or --xmp-beside, list the sidecars that would be written")
	o.filters.Add(f)
	cli.ModelFlags(f, &o.model)
	return c
}

// check validates the command line and returns the filter.
func (o *exportOptions) check() (filter ask.Filter, err error) {
	switch o.format {
	case "jsonl":
	case "npy":
		if !strings.HasSuffix(o.output, ".npy") {
			return filter, cli.Usage("add a file name: --output vectors.npy", "--format npy needs a file whose name ends in .npy")
		}
	default:
		return filter, cli.Usage("use jsonl or npy", "invalid value for --format: %q", o.format)
	}
	if err := o.checkXMP(); err != nil {
		return filter, err
	}
	if filter, err = o.filters.Parse(time.Now()); err != nil {
		return filter, err
	}
	return filter, o.p.CheckModel(o.model)
}

// exportJSON is a picture with its vector (docs/json.md).
type exportJSON struct {
	Schema    int    `json:"schema"`
	Model     string `json:"model"`
	Identity  string `json:"identity"`
	Precision string `json:"precision"`
	SHA256    string `json:"sha256"`
	wire.Paths
	Width   int       `json:"width"`
	Height  int       `json:"height"`
	TakenAt *string   `json:"taken_at"`
	Vector  []float32 `json:"vector,omitempty"`
	Format  string    `json:"format"`
	Bytes   *int64    `json:"bytes"`
	wire.Metadata
}

func (o *exportOptions) run(ctx context.Context) error {
	filter, err := o.check()
	if err != nil {
		return err
	}
	ix, err := o.p.App.OpenForReading(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	engine := app.Engine(ix, app.NoModel)
	selected, err := filter.In(ctx, engine)
	if err != nil {
		return err
	}
	if o.xmp != "" || o.beside {
		return o.writeXMP(ctx, ix, selected)
	}
	used, err := o.p.App.VectorsWithoutModel(ctx, ix, o.model)
	if err != nil {
		return err
	}
	if n, err := engine.Count(ctx, selected); err == nil && n == 0 && !filter.SelectsAll() {
		o.p.Notef("no matching photos%s", o.filters.Meant(ctx, engine))
	}
	vectors := engine.Vectors(ctx, selected, used.Identity)
	if o.format == "npy" {
		return o.exportNPY(used, vectors)
	}
	return o.exportLines(used, vectors)
}

func pictureJSON(used store.Model, v query.Vector) exportJSON {
	return exportJSON{
		Schema: wire.Schema, Model: used.Name, Identity: used.Identity, Precision: used.Precision, SHA256: v.ID.String(),
		Paths: wire.NewPaths(v.Path, v.Also), Width: v.Width, Height: v.Height, TakenAt: wire.OrNull(v.TakenAt),
		Format: v.Format, Bytes: wire.SizeOrNull(v.Bytes), Metadata: wire.NewMetadata(v.Metadata),
	}
}

// create opens the output: standard output, or a new file that gets its name only when it is complete.
func (o *exportOptions) create(path string) (w *bufio.Writer, done func(error) error, err error) {
	if path == "-" {
		w = bufio.NewWriter(o.p.Out)
		return w, func(err error) error { return errors.Join(err, w.Flush()) }, nil
	}
	err = cli.MayReplace("--output", path, "imgsearch export", func(head []byte) bool {
		return bytes.HasPrefix(head, []byte("\x93NUMPY")) || bytes.HasPrefix(head, []byte(`{"schema":1,"model":`))
	})
	if err != nil {
		return nil, nil, err
	}
	f, err := atomicfile.Create(path, atomicfile.Options{FollowLink: true, Unfinished: ".imgsearch-export-*"})
	if err != nil {
		return nil, nil, cli.Usage("choose a file in a folder that you can write to", "--output: %w", err)
	}
	w = bufio.NewWriter(f)
	return w, func(err error) error {
		defer f.Abort()
		if err = errors.Join(err, w.Flush()); err != nil {
			return err
		}
		return f.Commit()
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
		if err := cli.PrintJSON(w, l); err != nil {
			return done(err)
		}
	}
	return done(nil)
}
