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
	x := &xmpExport{exportOptions: o, ix: ix, sum: xmpSummary{Schema: cli.Schema, DryRun: o.dryRun}, of: make(map[string]store.PictureID)}
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

// findRoots sets the roots' paths, and the folders in DIR that mirror them: named like the root, or by its whole path if another root has that name.
func (x *xmpExport) findRoots(ctx context.Context) error {
	roots, err := x.ix.Roots(ctx)
	if err != nil {
		return err
	}
	x.roots, x.below = make(map[store.RootID]string), make(map[store.RootID]string)
	count := make(map[string]int)
	for _, r := range roots {
		count[strings.ToLower(filepath.Base(r.Path))]++
	}
	taken := make(map[string]bool)
	for _, r := range roots {
		x.roots[r.ID] = r.Path
		name := filepath.Base(r.Path)
		if count[strings.ToLower(name)] > 1 || !filepath.IsLocal(name) {
			name = strings.Trim(strings.NewReplacer(string(filepath.Separator), "_", ":", "").Replace(r.Path), "_")
		}
		free := name
		for n := 2; taken[strings.ToLower(free)] || free != filepath.Base(r.Path) && count[strings.ToLower(free)] > 0; n++ {
			free = fmt.Sprintf("%s_%d", name, n)
		}
		taken[strings.ToLower(free)], x.below[r.ID] = true, free
	}
	return nil
}

// checkFolder makes sure that DIR can be written to, and that no sidecar comes into a folder of photos.
func (x *xmpExport) checkFolder() error {
	if x.beside {
		return nil
	}
	const hint = "use a folder of its own, such as ~/sidecars"
	dir, err := resolved(x.xmp)
	if err != nil {
		return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
	}
	for id, name := range x.below {
		mirror, err := resolved(filepath.Join(dir, name))
		if err != nil {
			return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
		}
		for _, root := range x.roots {
			photos, err := resolved(root)
			if err != nil {
				photos = root
			}
			if inside(mirror, photos) || inside(photos, mirror) || inside(dir, photos) {
				return cli.Usage(hint, "the sidecars of %s would be written to %s, among the photos", words.Path(x.roots[id]), words.Path(mirror))
			}
		}
	}
	if x.dryRun {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
	}
	return nil
}

// resolved returns an absolute path without links, as far as it exists.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if parent, err = resolved(parent); err == nil {
			return filepath.Join(parent, filepath.Base(path)), nil
		}
	}
	return target, err
}

// inside reports whether a path is a folder or lies below it, also if the file system ignores case.
func inside(path, folder string) bool {
	if below, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(below) {
		return true
	}
	is, err := os.Stat(folder)
	for ; err == nil && path != filepath.Dir(path); path = filepath.Dir(path) {
		if one, err := os.Stat(path); err == nil && os.SameFile(one, is) {
			return true
		}
	}
	return false
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

// place returns the path of a file's sidecar; ok is false if there must be none: beside a photo that has one already, or that is missing.
func (x *xmpExport) place(f store.FileRecord) (path string, ok bool) {
	root, known := x.roots[f.Root]
	name := f.Name + ".xmp"
	if x.adobe {
		name = strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) + ".xmp"
	}
	if !x.beside {
		return filepath.Join(x.xmp, x.below[f.Root], filepath.FromSlash(f.Dir), name), true
	}
	photo := f.Path(root)
	if _, err := os.Lstat(photo); !known || err != nil {
		return "", false
	}
	dir := filepath.Dir(photo)
	if x.seenIn != dir || x.seen == nil {
		x.seenIn, x.seen = dir, scan.SidecarsIn(dir)
	}
	if _, has := x.seen.Of(f.Name); has {
		x.sum.Existing++
		return "", false
	}
	return filepath.Join(dir, name), true
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
