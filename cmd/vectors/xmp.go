package vectors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/sidecar"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/scan"
)

// checkXMP rejects options that cannot be combined with --xmp and --xmp-beside.
func (o *exportOptions) checkXMP() error {
	switch writes := o.xmp != "" || o.beside; {
	case o.xmp != "" && o.beside:
		return cli.Usage("use only one of them", "--xmp and --xmp-beside cannot be combined")
	case !writes && (o.dryRun || o.adobe):
		return cli.Usage("add --xmp DIR or --xmp-beside", "--dry-run and --xmp-adobe apply only to sidecars")
	case writes && (o.output != "-" || o.format != "jsonl"):
		return cli.Usage("leave out --format and --output", "--xmp writes sidecars only, so --format and --output do not apply")
	}
	return nil
}

// xmpExport writes sidecars. Existing files are never replaced.
type xmpExport struct {
	*exportOptions

	ix    store.Store
	roots map[store.RootID]string // their paths
	below map[store.RootID]string // their folders in DIR
	sum   xmpSummary
	// of maps the sidecars of this run to their pictures.
	of map[string]store.PictureID
	// seen are the sidecars of the folder that was written to last.
	seenIn string
	seen   scan.Sidecars
}

// xmpSummary is the machine format (docs/json.md).
type xmpSummary struct {
	Schema  int  `json:"schema"`
	DryRun  bool `json:"dry_run"`
	Written int  `json:"written"`
	// Existing counts the sidecars that were there already, Empty the files without metadata to write.
	Existing int `json:"existing"`
	Empty    int `json:"empty"`
	Failed   int `json:"failed"`
	// Files are the sidecars that a run would write, only in a dry run.
	Files []string `json:"files,omitempty"`
}

// xmpAtOnce is the number of pictures that are looked up together.
const xmpAtOnce = 500

func (o *exportOptions) writeXMP(ctx context.Context, ix store.Store, filter store.Filter) error {
	x := &xmpExport{exportOptions: o, ix: ix, sum: xmpSummary{Schema: wire.Schema, DryRun: o.dryRun}, of: make(map[string]store.PictureID)}
	if err := x.findRoots(ctx); err != nil {
		return err
	}
	if err := x.checkFolder(); err != nil {
		return err
	}
	const all = 1 << 28
	ids, err := ix.List(ctx, store.ListQuery{Filter: filter, Order: store.ByPath, Limit: all})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(ids, xmpAtOnce) {
		if err := x.pictures(ctx, some, filter); err != nil {
			return err
		}
	}
	return x.conclude()
}

func (x *xmpExport) pictures(ctx context.Context, ids []store.PictureID, filter store.Filter) error {
	records, err := x.ix.Hits(ctx, ids, filter)
	if err != nil {
		return err
	}
	texts, err := x.ix.Texts(ctx, ids)
	if err != nil {
		return err
	}
	labels, err := x.ix.Labels(ctx, ids)
	if err != nil {
		return err
	}
	for _, r := range records {
		r.Text, r.Labels = texts[r.ID], labels[r.ID]
		for _, f := range r.Files {
			content := contentOf(r, f)
			if err := ctx.Err(); err != nil {
				return err
			}
			if content.IsEmpty() {
				x.sum.Empty++
				continue
			}
			if err := x.file(r.ID, f, content); err != nil {
				return err
			}
		}
	}
	return nil
}

// contentOf returns what the index knows about a picture and one of its files. The date and the position are left out if the file itself has them.
func contentOf(r store.Record, f store.FileRecord) sidecar.Content {
	c := sidecar.Content{Rating: r.Rating, Rated: r.Rated, Description: r.Description, Width: r.Width, Height: r.Height}
	for _, one := range r.Files {
		c.Keywords = append(c.Keywords, one.Keywords...)
	}
	if f.Sidecar.Name != "" || f.Export.Name != "" {
		if f.TakenSource == store.DateXMP || f.TakenSource == store.DateExport {
			c.TakenAt = f.TakenAt
		}
		if p := f.Position; p != nil {
			c.HasPosition, c.Latitude, c.Longitude = true, p.Latitude, p.Longitude
		}
	}
	if r.Orientation >= 5 { // as it is stored
		c.Width, c.Height = r.Height, r.Width
	}
	for i, name := range r.People {
		p := sidecar.Person{Name: name}
		if i < len(r.Boxes) {
			p.Box = r.Boxes[i]
		}
		c.People = append(c.People, p)
	}
	for _, l := range r.Labels {
		c.Labels = append(c.Labels, l.Name)
	}
	lines := make([]string, len(r.Text.Lines))
	for i, l := range r.Text.Lines {
		lines[i] = l.Text
	}
	c.Text = strings.Join(lines, "\n")
	return c
}

// file writes the sidecar of a file. It returns only errors that end the export.
func (x *xmpExport) file(id store.PictureID, f store.FileRecord, c sidecar.Content) error {
	path, ok := x.place(f)
	if !ok {
		return nil
	}
	if other, ok := x.of[path]; ok {
		if other != id { // for a raw file and its JPEG, one is enough
			x.sum.Failed++
			x.p.Warnf("%s: the sidecar %s is that of another photo of this name; leave out --xmp-adobe", words.Path(f.Path(x.roots[f.Root])), words.Path(path))
		}
		return nil
	}
	x.of[path] = id
	if _, err := os.Lstat(path); err == nil {
		x.sum.Existing++
		return nil
	}
	if x.dryRun {
		x.sum.Written++
		if x.p.JSON {
			x.sum.Files = append(x.sum.Files, path)
			return nil
		}
		_, err := fmt.Fprintln(x.p.Out, words.Path(path))
		return err
	}
	err := writeSidecar(path, c)
	switch {
	case err == nil:
		x.sum.Written++
	case errors.Is(err, fs.ErrExist):
		x.sum.Existing++
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("write %q: %w", path, err)
	default:
		x.sum.Failed++
		x.p.Warnf("%s: %v", words.Path(path), fserr.Cause(err))
	}
	return nil
}

// writeSidecar writes a sidecar under a name that must be free. It has no name until it is complete.
func writeSidecar(path string, c sidecar.Content) error {
	var b bytes.Buffer
	if err := sidecar.Write(&b, c); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := atomicfile.Create(path, atomicfile.Options{Mode: 0o666, Unfinished: ".imgsearch-xmp-*", Swept: true})
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := b.WriteTo(f); err != nil {
		return err
	}
	return f.CommitNew()
}

// conclude prints the summary.
func (x *xmpExport) conclude() error {
	if x.p.JSON {
		if err := cli.PrintJSON(x.p.Out, x.sum); err != nil {
			return err
		}
	} else {
		verb := "wrote"
		if x.dryRun {
			verb = "would write"
		}
		text := fmt.Sprintf("%s %s", verb, english.Count(x.sum.Written, "sidecar"))
		if x.sum.Existing > 0 {
			text += fmt.Sprintf("; %d already existed", x.sum.Existing)
		}
		if x.sum.Empty > 0 {
			verb := "have"
			if x.sum.Empty == 1 {
				verb = "has"
			}
			text += fmt.Sprintf("; %s %s no metadata to write", english.Count(x.sum.Empty, "file"), verb)
		}
		x.p.Notef("%s", text)
	}
	if x.sum.Failed > 0 {
		return cli.Quiet(words.Unreadable)
	}
	return nil
}
